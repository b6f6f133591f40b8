"""Faults in the Verilog of a design's CFU, for ``benchmarks.oracle``: alone, then in the SoC."""

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.mutants import VERILOG_OPERATORS, Mutant, mutants_of
from contracts.faults import CfuHangs, DseError, TooSlow, WrongResult
from hw_templates.cfu import on_host
from runners.job import Job
from runners.pipeline import Cache, Pipeline
from runners.stages import cfu_check
from runners.stages.all import pipeline_of
from runners.stages.cfu import SOURCE
from runners.stages.cfu_on_host import build_cfu_object
from runners.stages.golden import read_candidates, read_golden
from runners.workload import workload_model
from sw_templates.reference import Golden

_ALL_CYCLES = 200_000_000
"""Of the CFU, when all candidates are tried for what the oracle has not found."""
_FAMILY = """
import dataclasses
from pathlib import Path
from hw_templates.cfu.simd import FAMILY as SIMD
TEXT = Path(__file__).with_name("mutant.v")
FAMILY = dataclasses.replace(
    SIMD, name="mutant", verilog=lambda _: TEXT.read_text(), sources=(*SIMD.sources, TEXT)
)
"""


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
        is_missed = self._is_wrong(hardware, candidates, cfu_cycles=_ALL_CYCLES)
        return "missed" if is_missed else "none"

    def _linked(self) -> cfu_check.HardwareOnHost | None:
        """Return the kernels with the mutant; None when it is the right CFU to the last byte."""
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
        with tempfile.TemporaryDirectory(prefix="oracle-") as folder:
            shutil.copyfile(self.folder / "mutant.v", Path(folder) / "mutant.v")
            family = Path(folder) / "mutant.py"
            family.write_text(_FAMILY)
            job = replace(
                self.job, design={**self.job.design, "cfu": "mutant"}, families=(str(family),)
            )
            pipeline = pipeline_of(job, cache=self.cache, report=lambda _: None)
            try:
                pipeline.get("simulate")
            except (WrongResult, TooSlow, CfuHangs):
                return True
            finally:
                for stage in ("cfu", "simulator", "simulate"):  # nobody wants them again
                    if stage in pipeline.artefacts:
                        shutil.rmtree(pipeline.artefacts[stage].folder)
        return False
