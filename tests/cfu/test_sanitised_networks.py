"""Random networks on the host under sanitisers: no kernel reads or writes beside its memory."""

from pathlib import Path

import pytest

from contracts.parameter import Value
from hw_templates.cfu.simd import FAMILY
from runners.stages.firmware import kernel_set
from sw_templates.options import PLAIN_KERNELS, KernelSet
from sw_templates.reference import golden_inferences, random_inputs
from tests.cfu.random_networks import random_network
from tests.firmware.firmware_bench import host_firmware, load_bytes, run_batch


def simd(width: int, depth: int, *, requantises: bool, channelwise: bool) -> KernelSet:
    values: dict[str, Value] = {
        "simd_width": width,
        "buffer_depth": depth,
        "hardware_requantisation": requantises,
        "channelwise": channelwise,
    }
    return kernel_set(FAMILY, values)


KERNELS = {
    "plain": PLAIN_KERNELS,
    "registers of 1": simd(1, 0, requantises=True, channelwise=False),
    "registers of 2": simd(2, 0, requantises=False, channelwise=False),
    "buffers": simd(8, 512, requantises=True, channelwise=False),
    "channelwise": simd(16, 1024, requantises=True, channelwise=True),
}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(200, 204))
@pytest.mark.parametrize("kernels", KERNELS)
def test_no_kernel_leaves_its_memory_in_any_network(
    kernels: str, seed: int, tmp_path: Path
) -> None:
    path, model = load_bytes(random_network(seed, layers=8), tmp_path)
    program = host_firmware(model, tmp_path / "firmware", kernels=KERNELS[kernels], sanitise=True)
    inputs = random_inputs(model, count=3, seed=seed)
    assert run_batch(program, model, inputs) == golden_inferences(path, model, inputs)
