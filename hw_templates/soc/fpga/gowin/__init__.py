"""Gowin GW1N and GW2A in a SoC: its clocks, pins and memories."""
