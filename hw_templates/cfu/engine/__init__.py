"""Family ``engine``: an array of products with memories of its own that runs whole networks."""
