"""Where the scripts of others come from."""
