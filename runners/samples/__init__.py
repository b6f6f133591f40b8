"""Labelled samples of a workload: labels, encodings, files."""
