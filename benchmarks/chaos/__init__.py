"""What kills, stops, full disks and damage do to a study: ``python -m benchmarks.chaos``."""
