"""The web application: what a study found, live, offline, and what to do next."""
