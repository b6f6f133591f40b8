"""Search algorithms compared on tables of measurements."""
