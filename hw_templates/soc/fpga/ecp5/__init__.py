"""Lattice ECP5 in a SoC: its clocks, pins and memories."""
