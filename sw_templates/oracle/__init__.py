"""Inputs to compare with the reference kernels, and the faults that they would show."""
