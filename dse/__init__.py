"""What to try and what came out: the space, the search, the store and the command line."""
