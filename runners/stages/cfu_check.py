"""The stage that runs a design's kernels on this computer with the CFU's own Verilog.

The simulation of the SoC has the golden inputs only, since every one costs an inference of core,
memory and all. Hardware that is wrong for a single value of an activation, say, shows on others. So
here other candidates meet the hardware, without a core around it: as many as half of the bound
allows, and at least one. The other half is for layers by themselves, on inputs of their own: behind
an activation or at the end of a network, candidates bring a layer little of what it can be given.
"""

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from contracts.faults import ToolCrashed, ToolTimeout, WrongResult
from hw_templates.cfu import on_host
from runners.boards.hardware_fault import hardware_fault
from runners.job import Job, Limits
from runners.pipeline import Building, Stage
from runners.stages.design import family_of, is_own
from runners.stages.firmware import is_modelled_by_verilog, own_kernels
from runners.stages.golden import read_candidates, read_golden, read_lone
from runners.stages.kernel_check import CHECKED, require_lone_right, require_right
from runners.stages.own_source import giving
from runners.tools import identities, newest_clang, run_tool
from runners.workload import workload_model
from sw_templates.build import HOST_KERNELS
from sw_templates.host import (
    BATCH_FILES,
    LONE_FILES,
    batch_answers,
    batch_command,
    lone_answers,
    lone_command,
)
from sw_templates.layer import Layer
from sw_templates.model import Model
from sw_templates.oracle.lone_layers import LoneInput, lone_inputs
from sw_templates.reference import Golden

CFU_CYCLES = 6_000_000
"""About two seconds of a large CFU, a second of a small one."""
_PROGRAM = "firmware_with_cfu"
_WHAT = " with the CFU's Verilog"
_FIX = "correct the hardware of the CFU; its C emulation and the kernels gave the right answers"
_FIX_WITHOUT_EMULATION = (
    "correct the kernels or the CFU: without a C emulation its Verilog is the model on the host"
)

Candidate = tuple[bytes, Golden]


class HardwareOnHost:
    """A host firmware that computes with the Verilog of a CFU.

    Args:
        model: The network.
        program: The executable.
        folder: To run in; must exist.
        limits: Of each run.
        fix: What to do where a layer differs.

    Attributes:
        cpu_s: What the runs have cost so far.
        inference_cycles: What the first inference took the CFU; 0 before there was one, and where
            the kernels of the network do not use it.
    """

    def __init__(
        self, model: Model, *, program: Path, folder: Path, limits: Limits, fix: str = _FIX
    ) -> None:
        self._model = model
        self._fix = fix
        self._program = program
        self._folder = folder
        self._limits = limits
        self.cpu_s = 0.0
        self.inference_cycles = 0

    def answers(self, inputs: Sequence[bytes]) -> tuple[Golden, ...]:
        """Return what it answers to raw input tensors.

        Raises:
            CfuHangs: An instruction waits for a million cycles.
            InvalidDesign: The hardware has a combinational loop.
            DseError: A fault of ``run_tool``.
        """
        self._run(batch_command(self._program, inputs, folder=self._folder))
        return batch_answers(self._model, self._folder)

    def _run(self, command: Sequence[str]) -> None:
        (self._folder / on_host.CYCLES_FILE).unlink(missing_ok=True)
        try:
            self.cpu_s += run_tool(
                command,
                cwd=self._folder,
                log=self._folder / "log",
                timeout_s=self._limits.stage_timeout_s,
                memory_bytes=self._limits.memory_bytes,
            ).cpu_s
        except ToolCrashed as error:
            fault = hardware_fault(error.detail)
            if fault is None:
                raise
            raise fault from error

    def checked(self, candidates: Sequence[Candidate], *, cfu_cycles: int) -> int:
        """Compare as many candidates as a number of cycles of the CFU allows, at least one.

        Returns:
            How many were right: all that were run.

        Raises:
            WrongResult: A layer differs; the first one is named.
            DseError: From ``answers``.
        """
        first, rest = candidates[:1], candidates[1:]
        self._require_right(first)
        cycles = self.inference_cycles = self._cycles()
        if cycles == 0:  # the kernels of this network do not use it
            return 0
        more = rest[: max(0, cfu_cycles - cycles) // cycles]
        if more:
            self._require_right(more)
        return len(first) + len(more)

    def checked_alone(
        self,
        lone: Sequence[LoneInput],
        right: Sequence[int | None],
        *,
        cfu_cycles: int,
    ) -> int:
        """Compare layers by themselves, for about a number of cycles of the CFU.

        Each kernel that uses the CFU gets the same share of them, and so does each of its layers:
        the more inputs the less it does, its first ones, which are the most telling. What a layer
        takes is told by its work, and by the cycles of the kernel's least layer.

        Args:
            lone: What single layers are given, all of ``lone_inputs``.
            right: CRC of the outputs to each, from the reference kernels.
            cfu_cycles: What all of them together may take.

        Returns:
            How many were right: all that were run.

        Raises:
            WrongResult: A layer differs; it is named.
            DseError: As ``answers``.
        """
        layers = self._model.layers
        by_kernel: dict[str, list[int]] = {}
        for number, each in enumerate(lone):
            by_kernel.setdefault(layers[each.position].kernel, []).append(number)
        self._run(lone_command(self._program, [], folder=self._folder))
        idle = self._cycles()  # what a unit is told before its first layer
        compared = 0
        cycles_of: dict[str, float] = {}  # for a unit of work
        for kernel, numbers in by_kernel.items():
            least = min(numbers, key=lambda number: (_work(layers[lone[number].position]), number))
            compared += self._compared_alone([least], lone, right)
            if (cycles := self._cycles() - idle) > 0:
                cycles_of[kernel] = cycles / _work(layers[lone[least].position])
        more = [
            number
            for kernel, cycles_of_work in cycles_of.items()
            for number in _affordable(
                self._model,
                by_kernel[kernel],
                lone,
                work=cfu_cycles / len(cycles_of) / cycles_of_work,
            )
        ]
        return compared + (self._compared_alone(more, lone, right) if more else 0)

    def _compared_alone(
        self, numbers: Sequence[int], lone: Sequence[LoneInput], right: Sequence[int | None]
    ) -> int:
        inputs = [lone[number] for number in numbers]
        self._run(lone_command(self._program, inputs, folder=self._folder))
        return require_lone_right(
            self._model,
            inputs,
            [right[number] for number in numbers],
            lone_answers(self._folder, count=len(inputs)),
            what=_WHAT,
            fix=self._fix,
        )

    def _require_right(self, candidates: Sequence[Candidate]) -> None:
        found = self.answers([content for content, _ in candidates])
        require_right(self._model, candidates, found, what=_WHAT, fix=self._fix)

    def _cycles(self) -> int:
        path = self._folder / on_host.CYCLES_FILE
        return int(path.read_text()) if path.exists() else 0


def _affordable(
    model: Model, numbers: Sequence[int], lone: Sequence[LoneInput], *, work: float
) -> Iterator[int]:
    """Yield, in their order, numbers of inputs that do so much work, each layer's as much."""
    share = work / len({lone[number].position for number in numbers})
    taken: Counter[int] = Counter()
    for number in numbers:
        position = lone[number].position
        taken[position] += 1
        if taken[position] * _work(model.layers[position]) <= share:
            yield number


def _work(layer: Layer) -> int:
    """Return a layer's multiply-accumulates and elements."""
    return layer.macs + sum(tensor.elements for tensor in (*layer.activations, *layer.outputs))


def candidates_for_hardware(golden: Path) -> tuple[Candidate, ...]:
    """Return the candidates that the simulation does not have, the most telling first.

    Args:
        golden: Artefact folder of stage ``golden``.
    """
    candidates, simulated = read_candidates(golden), len(read_golden(golden))
    return candidates[simulated:] or candidates


def link_with_cfu(
    *, host_firmware: Path, cfu: Path, runtime: Path, out: Path, limits: Limits
) -> float:
    """Write ``out``, the program of ``HardwareOnHost``; return the CPU-seconds."""
    return run_tool(
        on_host.link_command(
            [str((host_firmware / HOST_KERNELS).absolute()), str(cfu.absolute())],
            compiler=newest_clang(),
            runtime=runtime.absolute(),
            out=out.name,
        ),
        cwd=out.parent,
        log=out.parent / "log",
        timeout_s=limits.stage_timeout_s,
        memory_bytes=limits.memory_bytes,
    ).cpu_s


def _inputs(job: Job) -> Mapping[str, Any]:
    # parts and candidates say the rest; the model is read for what its layers are given
    return {
        "seed": job.workload.seed,
        "tools": identities("clang", "flatbuffers", "numpy", "tflite"),
    }


def _build(building: Building) -> float:
    """Write ``checked.json``: with how many inputs layers were right, in the network and alone."""
    started_s = time.process_time()
    job, needs = building.job, building.needs
    cfu = needs["cfu-on-host"] / on_host.CFU_OBJECT
    checked, layer_inputs, cpu_s = 0, 0, 0.0
    if cfu.exists():
        program = building.out / _PROGRAM
        with giving(own_kernels(job)):
            cpu_s += link_with_cfu(
                host_firmware=needs["host-firmware"],
                cfu=cfu,
                runtime=needs["simulator-runtime"],
                out=program,
                limits=job.limits,
            )
        fix = _FIX_WITHOUT_EMULATION if is_modelled_by_verilog(family_of(job)) else _FIX
        model = workload_model(job.workload)
        hardware = HardwareOnHost(
            model,
            program=program,
            folder=building.out,
            limits=job.limits,
            fix=fix,
        )
        try:
            checked = hardware.checked(
                candidates_for_hardware(needs["golden"]), cfu_cycles=CFU_CYCLES // 2
            )
            if checked:
                layer_inputs = hardware.checked_alone(
                    lone_inputs(model, seed=job.workload.seed),
                    read_lone(needs["golden"]),
                    cfu_cycles=CFU_CYCLES // 2,
                )
        except (ToolCrashed, ToolTimeout) as error:
            if not is_own(family_of(job)):
                raise
            raise WrongResult(
                f"the kernels with the CFU's Verilog end, or do not end, on the host: {error.what}",
                fix=fix,
                detail=error.detail,
            ) from error
        cpu_s += hardware.cpu_s
        for name in (*BATCH_FILES, *LONE_FILES, _PROGRAM, on_host.CYCLES_FILE):
            (building.out / name).unlink(missing_ok=True)
    found = {"inputs": checked, "layer_inputs": layer_inputs, "model": "verilog"}
    (building.out / CHECKED).write_text(json.dumps(found))
    return cpu_s + time.process_time() - started_s


CFU_CHECK_STAGE = Stage(
    name="cfu-check",
    version=2,
    cores=1,
    memory_bytes=1 << 30,
    needs=("cfu-on-host", "host-firmware", "golden", "simulator-runtime"),
    inputs=_inputs,
    code=(
        *(f"runners/stages/{name}.py" for name in ("cfu_check", "kernel_check", "golden")),
        *(f"runners/stages/{name}.py" for name in ("design", "firmware", "own_source")),
        *(f"runners/boards/{name}.py" for name in ("mlperf", "hardware_fault")),
        "runners/workload.py",
        "hw_templates/cfu/on_host",
        "sw_templates",
    ),
    build=_build,
)
