"""What every room speaks: faults, parameters and the plain data that passes between rooms.

This package imports nothing of the project, so any room may import it.
"""
