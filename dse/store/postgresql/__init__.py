"""A PostgreSQL server: what is its own in opening, reading at once, noticing writes and failing."""
