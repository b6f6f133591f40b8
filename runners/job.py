"""What a runner is asked to measure: plain frozen data, complete enough to reproduce a trial."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Literal

from contracts.measurement import Fidelity
from contracts.parameter import Value

SampleEncoding = Literal["int8", "uint8", "float32"]
"""What a number in a file of labelled samples is; float32 is little-endian."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Main memory of a target.

    Attributes:
        kind: ``on-chip`` (block RAM) or ``sdram`` (SDR SDRAM through LiteDRAM).
        size_bytes: A power of two; on-chip any multiple of 4096.
        l2_bytes: Level-2 cache in front of an SDRAM, 0 for none; a power of two.
        sram_bytes: On-chip memory beside the main memory, for the stack.
        rom_bytes: Boot ROM of the real board; the simulated one starts in the main memory.
    """

    kind: Literal["on-chip", "sdram"] = "sdram"
    size_bytes: int = 32 << 20
    l2_bytes: int = 8192
    sram_bytes: int = 8192
    rom_bytes: int = 32768


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Board, part, memory and clock.

    Attributes:
        name: The target's file in ``configs/targets`` without its ending.
        board: Name of the board in ``hw_templates.soc``, which knows its pins.
        part: Name of the FPGA, for example ``LFE5U-85F``; its capacity comes from the part table.
        clock_hz: System clock that time is told by. In a study's config it is what the latencies
            of designs that are not placed are computed with; the job of a placed trial has the
            one that it settled on.
        clock_range_hz: Lowest and highest clock that the SoC is right for; None for ``clock_hz``
            alone.
        clock_policy: ``pinned`` makes a design that misses ``clock_hz`` infeasible; ``achieved``
            settles on the highest clock of the range that the PLL makes and the design meets.
        place_seeds: How many seeds of the placer are tried, from 1 on, before a clock is given up.
        memory: Main memory.
        uart_baud: Of the real board's serial port; the simulated one is not paced.
    """

    name: str
    board: str = "ulx3s"
    part: str
    clock_hz: int
    clock_range_hz: tuple[int, int] | None = None
    clock_policy: Literal["pinned", "achieved"] = "achieved"
    place_seeds: int = 3
    memory: Memory = field(default_factory=Memory)
    uart_baud: int = 115_200

    @property
    def clocks_hz(self) -> tuple[int, int]:
        """The lowest and the highest clock that a design may be settled on."""
        if self.clock_range_hz is None or self.clock_policy == "pinned":
            return self.clock_hz, self.clock_hz
        return self.clock_range_hz


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A model and the inputs it is checked with.

    Attributes:
        model: Path of the ``.tflite`` file.
        model_sha256: Of its bytes; a file that changed since is refused.
        golden_inputs: How many inputs a trial checks bit for bit in every layer, at least 1.
        seed: Of the generated inputs.
        samples: Folder of raw inputs with ``y_labels.csv`` for ``accuracy``, or None.
        sample_encoding: What the numbers in their files are; None finds it out.
        operator_folders: Folders of the user's own operators; their files are run by the import.
    """

    model: Path
    model_sha256: str
    golden_inputs: int = 1
    seed: int = 1
    samples: Path | None = None
    sample_encoding: SampleEncoding | None = None
    operator_folders: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Serial:
    """What the firmware says about itself on the serial line.

    Attributes:
        device_name: Answer to ``name%``: ``m-name-dut-[device_name]``.
        model_name: Answer to ``profile%``: ``m-model-[model_name]``; empty for the name of the
            model's file, cut and cleaned.
        results: ``integers`` prints the output tensor as it is, ``floats`` dequantised ``%0.3f``.
        inputs: What ``db`` brings: ``int8`` bytes of the input tensor, or ``uint8`` pixels from
            which the firmware takes 128, as the samples of public clients are.
    """

    device_name: str = "soft-soc-dse"
    model_name: str = ""
    results: Literal["integers", "floats"] = "integers"
    inputs: Literal["int8", "uint8"] = "int8"

    def on_the_line(self, tensor: bytes) -> bytes:
        """Return an int8 input tensor as the firmware expects it."""
        return tensor if self.inputs == "int8" else bytes(byte ^ 0x80 for byte in tensor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When to give up.

    Attributes:
        cycles: CPU cycles of one inference; more is ``too-slow``. The one that is checked, with
            the CRCs of its layers, counts too.
        stage_timeout_s: Wall-clock seconds for each outside program, and CPU-seconds for the Python
            that a stage runs in the trial's own process.
        memory_bytes: Resident memory of each outside program and its children.
        serial_timeout_s: Seconds without a byte from the board that count as silence.
    """

    cycles: int = 400_000_000
    stage_timeout_s: float = 900.0
    memory_bytes: int = 8 << 30
    serial_timeout_s: float = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One design to measure.

    Attributes:
        design: Active parameters of the design by name.
        target: Where.
        workload: On what.
        fidelity: How far to go.
        serial: Names on the serial line.
        limits: When to give up.
        metric_files: Python files that define and read the user's own metrics.
        families: The user's own CFU families: Python modules or paths of ``.py`` files.
        place_seed: Of the placer; ``measure`` sets it when it tries several.
        expected_cycles: Of an inference, as like designs lead to expect; 0 where nothing is known.
            For telling how far a simulation is, nothing else.
        wanted_clock_hz: Clock from which on a placed design would matter to whoever asks: below it
            another seed is tried where that may help. 0 where any clock will do.
        cache_limit_bytes: Most bytes of all artefacts in the cache that is built into; None for
            no limit.
        cache_remote: Address of a second place for artefacts, or None.
        machine_cores: Most cores that stages of this machine keep busy together; None for all.
        machine_memory_bytes: Most memory that they have together; None for all.
    """

    design: Mapping[str, Value]
    target: Target
    workload: Workload
    fidelity: Fidelity = Fidelity.SYNTHESISED
    serial: Serial = field(default_factory=Serial)
    limits: Limits = field(default_factory=Limits)
    metric_files: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    place_seed: int = 1
    expected_cycles: int = 0
    wanted_clock_hz: int = 0
    cache_limit_bytes: int | None = None
    cache_remote: str | None = None
    machine_cores: int | None = None
    machine_memory_bytes: int | None = None

    def at(self, *, clock_hz: int, place_seed: int) -> "Job":
        """Return the same job for another clock and another seed of the placer."""
        target = replace(self.target, clock_hz=clock_hz)
        return replace(self, target=target, place_seed=place_seed)


def job_without_design(workload: Workload) -> Job:
    """Return a job for stages that neither a design nor a target decides."""
    return Job(design={}, target=Target(name="", part="", clock_hz=1_000_000), workload=workload)


class StageState(StrEnum):
    """Where a stage of a running trial is."""

    STARTED = "started"
    CACHED = "cached"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedCycles:
    """How many clock cycles a running stage has simulated.

    Attributes:
        done: Until now.
        expected: In the whole stage; None where nothing tells.
    """

    done: int
    expected: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StageEvent:
    """A stage changed its state, or tells how far it is.

    Attributes:
        stage: Its name.
        state: Of the stage; ``STARTED`` again while it tells how far it is.
        fraction: Its finished share, 0 to 1, where it knows it.
        cycles: That it has simulated, where it simulates.
    """

    stage: str
    state: StageState
    fraction: float | None = None
    cycles: SimulatedCycles | None = None

    @property
    def is_progress(self) -> bool:
        """Whether it tells how far a stage is that started before."""
        told = self.fraction is not None or self.cycles is not None
        return self.state is StageState.STARTED and told
