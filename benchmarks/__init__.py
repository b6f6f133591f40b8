"""Commands that print figures; nothing here is asserted. ``make bench`` lists them."""
