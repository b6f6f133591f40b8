"""Small changes of the modules that decide things, and which tests notice them."""
