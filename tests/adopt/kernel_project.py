"""A project in the style of CFU-Playground, and its kernels in a firmware."""

import re
from collections.abc import Sequence
from pathlib import Path

from contracts.kernel_headers import KernelHeaders
from sw_templates.build import HOST_NAME, host_commands
from sw_templates.generate import Firmware, generate
from sw_templates.model import Model
from sw_templates.options import FirmwareOptions, KernelSet
from sw_templates.tflm import reference_kernels
from tests.firmware.firmware_bench import compile_in

PROJECT = Path(__file__).parent / "project"
EMULATION = Path(__file__).parent / "emulation"
REFERENCE = "tensorflow/lite/kernels/internal/reference"
HEADERS = {
    "conv2d": f"{REFERENCE}/integer_ops/conv.h",
    "depthwise_conv2d": f"{REFERENCE}/integer_ops/depthwise_conv.h",
    "fully_connected": f"{REFERENCE}/integer_ops/fully_connected.h",
    "add": f"{REFERENCE}/integer_ops/add.h",
    "average_pool2d": f"{REFERENCE}/integer_ops/pooling.h",
    "max_pool2d": f"{REFERENCE}/integer_ops/pooling.h",
    "softmax": f"{REFERENCE}/softmax.h",
}
assert HEADERS.keys() == reference_kernels().keys()


def kernel_set(folder: Path = PROJECT / "src", only: Sequence[str] = tuple(HEADERS)) -> KernelSet:
    """The project's kernels, with the CFU in C beside them."""
    headers = KernelHeaders(
        folder=folder, headers={name: HEADERS[name] for name in only}, defines={"USE_CFU_MAC": "1"}
    )
    return KernelSet(folders=(EMULATION,), headers=headers)


def host_program(model: Model, out: Path, kernels: KernelSet) -> Path:
    """Generate and compile for the host; return the program."""
    firmware = generate(model, kernels=kernels, options=FirmwareOptions(), soc=None, out=out)
    compile_in(out, *host_commands(firmware))
    return out / HOST_NAME


def calls_of(firmware: Firmware, kernel: str) -> bool:
    """Whether a firmware has a kernel as a header, and not ours beside it."""
    assert firmware.headers is not None
    is_header = f"{kernel}.cc" in firmware.headers.sources
    assert is_header != (f"{kernel}.c" in firmware.sources)
    return is_header


def without_comments(text: str) -> str:
    return re.sub(r"//[^\n]*", "", text)
