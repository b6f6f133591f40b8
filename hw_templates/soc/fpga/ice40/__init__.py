"""Lattice iCE40 UltraPlus in a SoC: its clocks, pins and memories."""
