"""Headers of the modules that a SoC is synthesised around.

A test compares them with what the generators write.
"""

from hw_templates.cfu import ports_for

_WISHBONE = """\
  output {name}_CYC, output {name}_STB, input {name}_ACK, output {name}_WE,
  output [29:0] {name}_ADR, input [31:0] {name}_DAT_MISO, output [31:0] {name}_DAT_MOSI,
  output [3:0] {name}_SEL, input {name}_ERR, output [2:0] {name}_CTI, output [1:0] {name}_BTE"""

_CPU_CFU_PORTS = """\
  output CfuPlugin_bus_cmd_valid, input CfuPlugin_bus_cmd_ready,
  output [9:0] CfuPlugin_bus_cmd_payload_function_id,
  output [31:0] CfuPlugin_bus_cmd_payload_inputs_0,
  output [31:0] CfuPlugin_bus_cmd_payload_inputs_1,
  input CfuPlugin_bus_rsp_valid, output CfuPlugin_bus_rsp_ready,
  input [31:0] CfuPlugin_bus_rsp_payload_outputs_0"""


def cpu_header(*, with_cfu: bool) -> str:
    """Return an empty module ``VexRiscv``."""
    ports = [
        "  input clk, input reset, input [31:0] externalResetVector",
        "  input timerInterrupt, input softwareInterrupt, input [31:0] externalInterruptArray",
        _WISHBONE.format(name="iBusWishbone"),
        _WISHBONE.format(name="dBusWishbone"),
    ]
    if with_cfu:
        ports.append(_CPU_CFU_PORTS)
    return "module VexRiscv (\n" + ",\n".join(ports) + "\n);\nendmodule\n"


def cfu_header(*, clock_percent: int) -> str:
    """Return an empty module ``Cfu`` whose clock is so many percent of the CPU's."""
    ports = ",\n".join(
        f"  {direction} [{width - 1}:0] {name}"
        for name, (direction, width) in ports_for(clock_percent).items()
    )
    return f"module Cfu (\n{ports}\n);\nendmodule\n"
