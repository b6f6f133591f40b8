"""Xilinx 7 series in a SoC: its clocks and pins."""
