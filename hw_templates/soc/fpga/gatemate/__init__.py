"""Cologne Chip's GateMate in a SoC: its clocks and pins."""
