"""What the pages of the dashboard show, as data: no HTTP, no HTML."""
