"""The targets that a config can name: what each has, and which models fit it."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contracts.faults import ConfigError
from dse.config.study_config import config_of
from dse.output.report import table_text
from dse.shipped import TARGETS
from dse.words import bytes_text
from runners.fpga import capacity_of, family_of_part
from runners.job import Target

if TYPE_CHECKING:
    from sw_templates.model import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSummary:
    """One line of the table.

    Attributes:
        name: What a config names.
        board: Its board.
        part: Its FPGA.
        luts: Look-up tables of the part with four inputs, or as many.
        block_ram_bits: Of its block RAMs.
        multipliers: Of 18 x 18 bits or as many.
        memory: ``on-chip`` or ``sdram``.
        memory_bytes: Of main memory.
        clock_mhz: What latencies are computed with until a design is placed.
        clock_range_mhz: Lowest and highest clock that a placed design may settle on.
        is_placed: Its designs can be placed and routed; else studies end at synthesis.
        fits: Model to whether it fits the main memory; the linker has the last word.
    """

    name: str
    board: str
    part: str
    luts: int
    block_ram_bits: int
    multipliers: int
    memory: str
    memory_bytes: int
    clock_mhz: float
    clock_range_mhz: tuple[float, float]
    is_placed: bool
    fits: dict[str, bool]


def target_summaries(folder: Path, models: Sequence[Path] = ()) -> tuple[TargetSummary, ...]:
    """Return the targets by name, those of a folder's own ``targets`` included.

    Args:
        folder: Where a config would be.
        models: TFLite files to tell of each target whether it holds them.

    Raises:
        ConfigError: A target's file is wrong, or a model is not supported.
    """
    from runners.workload import model_memory
    from sw_templates.tflite_import import load_model

    needed = {model.name: model_memory(load_model(model)) for model in models}
    return tuple(
        _summary(target, {name: memory.fits(target.memory) for name, memory in needed.items()})
        for target in find_targets(folder)
    )


def fitting_targets(folder: Path, model: "Model") -> Iterator[tuple[str, bool]]:
    """Yield the name of each target, and whether its main memory may hold a model."""
    from runners.workload import model_memory

    needed = model_memory(model)
    for target in find_targets(folder):
        yield target.name, needed.fits(target.memory)


def find_targets(folder: Path) -> tuple[Target, ...]:
    """Return all targets by name; one of ``folder/targets`` hides ours of the same name.

    Raises:
        ConfigError: A target's file is wrong.
    """
    names = {path.stem for place in (folder / "targets", TARGETS) for path in place.glob("*.toml")}
    return tuple(_target(name, folder) for name in sorted(names))


def targets_data(targets: Sequence[TargetSummary]) -> list[dict[str, Any]]:
    """Return the targets as plain data."""
    return [asdict(target) for target in targets]


def targets_text(targets: Sequence[TargetSummary]) -> str:
    """Lay out the targets, a line each."""
    models = list(targets[0].fits) if targets else []
    header = ["target", "part", "LUTs", "block RAM", "mult", "main memory", "MHz", "range"]
    rows = [
        [
            target.name,
            target.part,
            f"{target.luts:,}",
            bytes_text(target.block_ram_bits // 8),
            f"{target.multipliers}",
            f"{bytes_text(target.memory_bytes)} {target.memory}",
            f"{target.clock_mhz:g}",
            "{:g} to {:g}".format(*target.clock_range_mhz) if target.is_placed else "not placed",
            *("fits" if target.fits[model] else "too large" for model in models),
        ]
        for target in targets
    ]
    lines = [table_text([*header, *models], rows, left=2)]
    if any(target.memory == "on-chip" for target in targets):
        lines += ["", "on-chip: main memory is RAM of the FPGA; a board's DDR memory is not used"]
    if not all(target.is_placed for target in targets):
        lines += ["not placed: latencies are estimates at that clock; studies end at synthesise"]
    return "\n".join(lines)


def _target(name: str, folder: Path) -> Target:
    content = {
        "study": {"name": "study", "trials": 1},
        "workload": {"model": "model"},
        "target": {"name": name},
        "objectives": {"minimise": ["cycles"]},
    }
    try:
        return config_of(
            content, file="a config", folder=folder.resolve(), with_workload=False
        ).target
    except ConfigError as error:
        raise ConfigError(f"the target {name}: {error.what}", fix=error.fix) from error


def _summary(target: Target, fits: dict[str, bool]) -> TargetSummary:
    capacity = capacity_of(target.part)
    lowest_hz, highest_hz = target.clocks_hz
    return TargetSummary(
        name=target.name,
        board=target.board,
        part=target.part,
        luts=capacity["luts"],
        block_ram_bits=capacity["block_ram_bits"],
        multipliers=capacity["multipliers"],
        memory=target.memory.kind,
        memory_bytes=target.memory.size_bytes,
        clock_mhz=target.clock_hz / 1e6,
        clock_range_mhz=(lowest_hz / 1e6, highest_hz / 1e6),
        is_placed=family_of_part(target.part).is_placed,
        fits=fits,
    )
