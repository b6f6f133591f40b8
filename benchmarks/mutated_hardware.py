"""Faults in the Verilog of a design's CFU, for ``benchmarks.oracle``: alone, then in the SoC."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.mutants import VERILOG_OPERATORS, Mutant, mutants_of, watched
from contracts.faults import CfuHangs, DseError, TooSlow, WrongResult
from hw_templates.cfu import on_host
from runners.job import Job
from runners.pipeline import Building, Cache, Pipeline
from runners.stages import cfu_check
from runners.stages.all import pipeline_of
from runners.stages.cfu import SOURCE
from runners.stages.cfu_on_host import build_cfu_object
from runners.stages.golden import read_candidates, read_golden, read_lone
from runners.stages.simulate import SIMULATE_STAGE
from runners.stages.simulator import build_simulator
from runners.workload import workload_model
from sw_templates.oracle.lone_layers import LoneInput, lone_inputs
from sw_templates.reference import Golden

_MORE_CYCLES = 6_000_000
"""Of the CFU, for candidates and for layers by themselves, where the oracle has found nothing."""
_SOC_NEEDS = ("soc", "cpu", "simulator-runtime", "firmware", "golden")


@dataclass(slots=True, kw_only=True)
class MutatedHardware:
    """A design's CFU, of which the Verilog is changed.

    Attributes:
        job: The design and the network.
        cache: Where the right parts are.
        folder: To work in; must exist.
        simulates: Whether the SoC is simulated where nothing else shows a mutant.
    """

    job: Job
    cache: Cache
    folder: Path
    simulates: bool
    _pipeline: Pipeline = field(init=False)
    _lone: tuple[LoneInput, ...] = field(init=False)

    def __post_init__(self) -> None:
        workload = self.job.workload
        self._lone = lone_inputs(workload_model(workload), seed=workload.seed)
        self._pipeline = pipeline_of(self.job, cache=self.cache, report=lambda _: None)

    def mutants(self) -> list[Mutant]:
        """Return all changes of the CFU's Verilog."""
        text = (self._pipeline.get("cfu").folder / SOURCE).read_text()
        return list(mutants_of(SOURCE, text, VERILOG_OPERATORS))

    def verdict(self, mutant: Mutant) -> str:
        """Return who shows a mutant, as ``oracle.VERDICTS`` says."""
        try:
            hardware = self._linked(mutant.text)
        except DseError:
            return "invalid"
        if hardware is None:
            return "same code"
        golden = self._pipeline.get("golden").folder
        candidates = read_candidates(golden)
        if self._is_wrong(hardware, candidates[: len(read_golden(golden))]):
            return "golden"
        cycles = hardware.inference_cycles
        half = cfu_check.CFU_CYCLES // 2
        others = cfu_check.candidates_for_hardware(golden)
        if self._is_wrong(hardware, others, cfu_cycles=half):
            return "others"
        if self._is_wrong_alone(hardware, cfu_cycles=half):
            return "alone"
        if workload_model(self.job.workload).input_bytes == 1:  # all inputs were tried
            return "none"
        if not self._is_reached(mutant, others):
            return "unreached"
        hardware = self._linked(mutant.text)
        assert hardware is not None
        if self._is_wrong(hardware, others, cfu_cycles=_MORE_CYCLES) or self._is_wrong_alone(
            hardware, cfu_cycles=_MORE_CYCLES
        ):
            return "simulation" if self.simulates and self._is_wrong_in_soc() else "missed"
        if cycles != self._right_cycles(candidates):
            return "time"
        if not self.simulates:
            return "none"
        self._linked(mutant.text)
        return "simulation" if self._is_wrong_in_soc() else "none"

    def _right_cycles(self, candidates: Sequence[tuple[bytes, Golden]]) -> int:
        """Return how many cycles the right CFU is clocked by the first golden inference."""
        text = (self._pipeline.get("cfu").folder / SOURCE).read_text()
        hardware = self._linked(f"{text}\n", is_right=True)
        assert hardware is not None
        hardware.checked(candidates[:1], cfu_cycles=1)
        return hardware.inference_cycles

    def _is_reached(self, mutant: Mutant, candidates: Sequence[tuple[bytes, Golden]]) -> bool:
        """Tell whether the changed signal ever has another value than the right one.

        With many candidates, and with layers by themselves.
        """
        text = watched((self._pipeline.get("cfu").folder / SOURCE).read_text(), mutant)
        if text is None:
            return True
        try:
            hardware = self._linked(text)
        except DseError:  # a module without a clock
            return True
        if hardware is None:
            return False
        log = self.folder / "log"
        hardware.checked(candidates, cfu_cycles=_MORE_CYCLES)
        if "reached" in log.read_text():
            return True
        self._is_wrong_alone(hardware, cfu_cycles=_MORE_CYCLES)
        return "reached" in log.read_text()

    def _linked(self, text: str, *, is_right: bool = False) -> cfu_check.HardwareOnHost | None:
        """Return the kernels with a CFU; None when it compiles to the right one and is no such."""
        shutil.rmtree(self.folder)
        self.folder.mkdir()
        (self.folder / "mutant.v").write_text(text)
        limits = self.job.limits
        runtime = self._pipeline.get("simulator-runtime").folder
        build_cfu_object(
            cfu=self.folder / "mutant.v",
            runtime=runtime,
            out=self.folder,
            timeout_s=limits.stage_timeout_s,
        )
        cfu = self.folder / on_host.CFU_OBJECT
        right = self._pipeline.get("cfu-on-host").folder / on_host.CFU_OBJECT
        if not is_right and cfu.read_bytes() == right.read_bytes():
            return None
        program = self.folder / "firmware_with_cfu"
        cfu_check.link_with_cfu(
            host_firmware=self._pipeline.get("host-firmware").folder,
            cfu=cfu,
            runtime=runtime,
            out=program,
            limits=limits,
        )
        return cfu_check.HardwareOnHost(
            workload_model(self.job.workload), program=program, folder=self.folder, limits=limits
        )

    def _is_wrong(
        self,
        hardware: cfu_check.HardwareOnHost,
        candidates: Sequence[tuple[bytes, Golden]],
        *,
        cfu_cycles: int = cfu_check.CFU_CYCLES,
    ) -> bool:
        try:
            hardware.checked(candidates, cfu_cycles=cfu_cycles)
        except DseError:  # a kernel that crashes or hangs for it, too
            return True
        return False

    def _is_wrong_alone(self, hardware: cfu_check.HardwareOnHost, *, cfu_cycles: int) -> bool:
        right = read_lone(self._pipeline.get("golden").folder)
        try:
            hardware.checked_alone(self._lone, right, cfu_cycles=cfu_cycles)
        except DseError:
            return True
        return False

    def _is_wrong_in_soc(self) -> bool:
        """Simulate the golden inferences on the SoC with the mutant."""
        built = {name: self._pipeline.get(name).folder for name in _SOC_NEEDS}
        out = self.folder / "soc"
        out.mkdir()
        build_simulator(
            soc=built["soc"] / "soc.v",
            cpu=built["cpu"] / "VexRiscv.v",
            cfu=self.folder / "mutant.v",
            runtime=built["simulator-runtime"],
            out=out,
            timeout_s=self.job.limits.stage_timeout_s,
        )
        building = Building(
            job=self.job, needs={**built, "simulator": out}, out=out, progress=lambda *_, **__: None
        )
        try:
            SIMULATE_STAGE.build(building)
        except (WrongResult, TooSlow, CfuHangs):
            return True
        return False
