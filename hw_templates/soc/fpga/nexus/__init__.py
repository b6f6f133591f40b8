"""Lattice CrossLink-NX in a SoC: its clocks, pins and memories."""
