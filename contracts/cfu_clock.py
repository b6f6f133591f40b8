"""The clock of a CFU beside the CPU's, as all rooms count it."""

CPU_CLOCK_PERCENT = 100
"""Clock of a CFU that has none of its own, in percent of the CPU's."""
