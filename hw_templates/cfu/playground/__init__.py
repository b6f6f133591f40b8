"""Libraries that CFU-Playground brings for CFUs, by the names of their interface."""
