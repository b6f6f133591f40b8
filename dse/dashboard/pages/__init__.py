"""The routes of the dashboard: one file a page or a group of parts."""
