"""A network's plain firmware on the host, compiled with wrong ways of rounding.

Used by stage ``golden`` to find inputs on which a wrong rounding would be seen: most inputs show
most slips, but one that rounds twice where TFLite rounds once, say, is rarely seen.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from runners.job import Limits
from runners.tools import run_tool
from sw_templates.build import HOST_NAME, host_link_command, host_object_command
from sw_templates.generate import generate
from sw_templates.host import batch_answers, batch_command
from sw_templates.model import Model
from sw_templates.options import PLAIN_KERNELS, FirmwareOptions
from sw_templates.oracle.rounding_faults import HEADER, ROUNDING_FAULTS
from sw_templates.oracle.visible_faults import Fault
from sw_templates.reference import Golden


class WrongRounding:
    """Every kernel of a network with every slip of rounding that changes its machine code.

    Args:
        model: The network.
        folder: To work in; made here.
        limits: Of each compiler run.

    Attributes:
        faults: Kernel and slip, in the order of ``shown``; ``layer`` is the kernel's name, since
            all its layers would have the slip.
        cpu_s: What compilers and programs have cost so far.
    """

    def __init__(self, model: Model, *, folder: Path, limits: Limits) -> None:
        self._model = model
        self._folder = folder
        self._limits = limits
        self.cpu_s = 0.0
        firmware = generate(
            model, kernels=PLAIN_KERNELS, options=FirmwareOptions(), soc=None, out=folder
        )
        self._objects = {name: self._compile(name, f"{name}.o") for name in firmware.sources}
        self._wrong: list[tuple[str, str]] = []
        """Source of a kernel, and its object file with a slip."""
        faults: list[Fault] = []
        right = (folder / HEADER).read_text()
        kernels = sorted({layer.kernel for layer in model.layers})
        for slip in ROUNDING_FAULTS:
            (folder / HEADER).write_text(slip.applied_to(right))
            faults += [
                Fault(layer=kernel, what=slip.what) for kernel in kernels if self._has(kernel)
            ]
        (folder / HEADER).write_text(right)
        self.faults = tuple(faults)

    def shown(
        self, number: int, inputs: Sequence[bytes], answers: Sequence[Golden]
    ) -> npt.NDArray[np.bool_]:
        """Return which inputs show a fault.

        Args:
            number: Of the fault.
            inputs: Raw input tensors.
            answers: What is right for them.
        """
        source, wrong = self._wrong[number]
        self._run(host_link_command([*{**self._objects, source: wrong}.values()], out=HOST_NAME))
        self._run(batch_command(self._folder / HOST_NAME, inputs, folder=self._folder))
        found = batch_answers(self._model, self._folder)
        return np.array([a != b for a, b in zip(found, answers, strict=True)], dtype=np.bool_)

    def _has(self, kernel: str) -> bool:
        """Compile a kernel with the header as it is now; False where nothing changes."""
        source = f"{kernel}.c"
        wrong = self._compile(source, f"{source}.{len(self._wrong)}.wrong.o")
        if self._content(wrong) == self._content(self._objects[source]):
            return False  # it does not round in that way
        self._wrong.append((source, wrong))
        return True

    def _content(self, name: str) -> bytes:
        return (self._folder / name).read_bytes()

    def _compile(self, source: str, out: str) -> str:
        self._run(host_object_command(source, out=out))
        return out

    def _run(self, command: Sequence[str]) -> None:
        self.cpu_s += run_tool(
            command,
            cwd=self._folder,
            log=self._folder / "log",
            timeout_s=self._limits.stage_timeout_s,
            memory_bytes=self._limits.memory_bytes,
        ).cpu_s
