"""A file of SQLite: what is its own in opening, reading at once, noticing writes and failing."""
