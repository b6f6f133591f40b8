"""The SoC around a generated CPU and CFU: LiteX by parameters, simulated or for an FPGA."""
