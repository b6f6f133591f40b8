"""Results as text, tables, files and pictures for the command line."""
