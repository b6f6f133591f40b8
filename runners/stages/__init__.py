"""The stages of a trial, one file each; ``all`` is the table of them, the flow at a glance."""
