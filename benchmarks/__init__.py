"""Commands that print figures; nothing here is asserted. See README.md beside this."""
