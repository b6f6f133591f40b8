"""Hardware by parameters: the CPU, the CFU families and the SoC around them."""
