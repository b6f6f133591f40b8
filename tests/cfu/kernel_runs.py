"""The kernels of a family that the CPU feeds, as a program of the host."""

import os
import subprocess
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings

from hw_templates.cfu.family import Family, Values
from tests.cfu.cfu_harness import compile_host, render_kernels
from tests.examples import examples

NO_LEAKS = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}  # the bench frees nothing
RELAXED = settings(
    max_examples=examples(30),
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],  # each example is a process: shrinking takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
_CALLED = ("conv2d", "full", "add", "depthwise", "average", "max_", "cfu_em")
"""What the names of files begin with that the bench calls, beside the family's own."""


class Kernels:
    """The kernels of one design, compiled for the host."""

    def __init__(self, family: Family, values: Values, folder: Path) -> None:
        names = render_kernels(family, values, folder)
        wanted = [name for name in names if name.startswith((family.name, *_CALLED))]
        self._program = compile_host([*wanted, "kernel_bench.c", "-I."], folder, "kernels")
        assert family.kernels is not None
        self.align_bytes = family.kernels.weight_row_align_bytes(values)

    def run(self, layer: bytes) -> bytes:
        done = subprocess.run(
            [self._program], input=layer, capture_output=True, timeout=60, env=NO_LEAKS
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout
