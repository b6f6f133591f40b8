"""The web server of the dashboard: application, security, templates, live events."""
