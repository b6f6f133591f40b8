"""A CFU family of a user's own in a folder, right until a test breaks a part of it."""

import hashlib
from pathlib import Path

from contracts.measurement import Fidelity
from contracts.parameter import Value
from runners.job import Job, Limits, Memory, Target, Workload
from tests.fast_design import CPU, FIRMWARE
from tests.firmware.firmware_bench import small_network

PORTS = """
    input clk, input reset, input cmd_valid, output cmd_ready,
    input [9:0] cmd_payload_function_id,
    input [31:0] cmd_payload_inputs_0, input [31:0] cmd_payload_inputs_1,
    output rsp_valid, input rsp_ready, output [31:0] rsp_payload_outputs_0
"""
HANDSHAKE = "assign cmd_ready = rsp_ready; assign rsp_valid = cmd_valid;"
ANSWER = "assign rsp_payload_outputs_0 = cmd_payload_inputs_0;"
CALL = """
#include "cfu.h"
#include "layers.h"
uint32_t once(uint32_t a);
uint32_t once(uint32_t a) { return cfu_op(1, 0, a, 0); }
"""
EMULATION = """
#include "cfu.h"
uint32_t cfu_emulate(uint32_t funct3, uint32_t funct7, uint32_t a, uint32_t b)
{
    (void)funct3; (void)funct7; (void)b;
    return a;
}
"""


def own_family(
    folder: Path,
    *,
    body: str = f"{HANDSHAKE} {ANSWER}",
    ports: str = PORTS,
    verilog: str = "lambda values: (HERE / 'unit.v').read_text()",
    kernels: str = "KernelFolder(folder=HERE / 'kernels')",
    templates: dict[str, str] | None = None,
    head: str = "",
    more: str = "",
) -> str:
    """Write a family ``own`` with one parameter, ``mode`` of 0 or 1; return its module's path."""
    (folder / "kernels").mkdir(exist_ok=True)
    files = {"once.c.j2": CALL, "cfu_emulation.c.j2": EMULATION} | (templates or {})
    for name, text in files.items():
        (folder / "kernels" / name).write_text(text)
    (folder / "unit.v").write_text(f"module Cfu ({ports});\n{body}\nendmodule\n")
    (folder / "own.py").write_text(f"""
from pathlib import Path
from contracts.parameter import Parameter
from hw_templates.cfu import Family, KernelFolder
from hw_templates.cfu.verilog_file import with_parameters
HERE = Path(__file__).parent
{head}
class Model:
    def op(self, funct3, funct7, a, b):
        return a
FAMILY = Family(
    name="own",
    summary="of a test",
    parameters=(Parameter(name="mode", values=(0, 1), default=0, description="d"),),
    verilog={verilog},
    model=lambda values: Model(),
    kernels={kernels},
    sources=(HERE / "unit.v", Path(__file__)),
    {more}
)
""")
    return str(folder / "own.py")


def own_job(folder: Path, family: str, *, mode: int = 1, cycles: int = 20_000_000) -> Job:
    """Return a job of that family with a network of every operator, in block RAM."""
    model = folder / "small.tflite"
    model.write_bytes(small_network())
    design: dict[str, Value] = {**CPU, **FIRMWARE, "cfu": "own", "mode": mode}
    return Job(
        design=design,
        target=Target(
            name="on_chip",
            part="LFE5U-85F",
            clock_hz=50_000_000,
            memory=Memory(kind="on-chip", size_bytes=262144, l2_bytes=0),
        ),
        workload=Workload(model=model, model_sha256=hashlib.sha256(model.read_bytes()).hexdigest()),
        fidelity=Fidelity.SIMULATED,
        limits=Limits(cycles=cycles),
        families=(family,),
    )
