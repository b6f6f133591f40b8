"""What the simulated SDRAM costs."""
