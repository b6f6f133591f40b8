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
from runners.stages.golden import read_candidates, read_golden
from runners.stages.simulate import SIMULATE_STAGE
from runners.stages.simulator import build_simulator
from runners.workload import workload_model
from sw_templates.reference import Golden

_ALL_CYCLES = 200_000_000
"""Of the CFU, when all candidates are tried for what the oracle has not found."""
_SOC_NEEDS = ("soc", "cpu", "simulator-runtime", "firmware", "golden")


@dataclass(slots=True, kw_only=True)
class MutatedHardware:
    """A design's CFU, of which the Verilog is changed.

    Attributes:
        job: The design and the network.
        cache: Where the right parts are.
        folder: To work in; must exist.
    """

    job: Job
    cache: Cache
    folder: Path
    _pipeline: Pipeline = field(init=False)

    def __post_init__(self) -> None:
        self._pipeline = pipeline_of(self.job, cache=self.cache, report=lambda _: None)

    def mutants(self) -> list[Mutant]:
        """Return all changes of the CFU's Verilog."""
        text = (self._pipeline.get("cfu").folder / SOURCE).read_text()
        return list(mutants_of(SOURCE, text, VERILOG_OPERATORS))

    def verdict(self, mutant: Mutant) -> str:
        """Return who shows a mutant, as ``oracle.VERDICTS`` says."""
        shutil.rmtree(self.folder)
        self.folder.mkdir()
        (self.folder / "mutant.v").write_text(mutant.text)
        try:
            hardware = self._linked()
        except DseError:
            return "invalid"
        if hardware is None:
            return "same code"
        golden = self._pipeline.get("golden").folder
        candidates = read_candidates(golden)
        if self._is_wrong(hardware, candidates[: len(read_golden(golden))]):
            return "golden"
        if self._is_wrong(hardware, cfu_check.candidates_for_hardware(golden)):
            return "others"
        if self._is_wrong_in_soc():
            return "simulation"
        if self._is_wrong(hardware, candidates, cfu_cycles=_ALL_CYCLES):
            return "missed"
        return "none" if self._is_reached(mutant, candidates) else "unreached"

    def _is_reached(self, mutant: Mutant, candidates: Sequence[tuple[bytes, Golden]]) -> bool:
        """Tell whether some candidate gives the changed signal another value than the right one."""
        text = watched((self._pipeline.get("cfu").folder / SOURCE).read_text(), mutant)
        if text is None:
            return True
        shutil.rmtree(self.folder)
        self.folder.mkdir()
        (self.folder / "mutant.v").write_text(text)
        try:
            hardware = self._linked()
        except DseError:  # a module without a clock
            return True
        if hardware is None:
            return False
        hardware.checked(candidates, cfu_cycles=_ALL_CYCLES)
        return "reached" in (self.folder / "log").read_text()

    def _linked(self) -> cfu_check.HardwareOnHost | None:
        """Return the kernels with a CFU; None when it is the right one to the last byte."""
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
        if cfu.read_bytes() == right.read_bytes():
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
