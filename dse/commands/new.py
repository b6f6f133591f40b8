"""A first config for a model and a target: a space that fits, limits, and what it will cost."""

import contextlib
import json
import math
import os
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from contracts.faults import ConfigError
from contracts.parameter import Value
from dse import program
from dse.campaign.estimating import Estimate
from dse.campaign.planning import Expectation, expected_time
from dse.commands.targets import fitting_targets
from dse.config.assembly import assemble_space
from dse.config.study_config import StudyConfig, config_of, with_budget
from dse.store import Reader
from dse.words import study_command, suggestion
from runners.fpga import capacity_of, family_of_part
from runners.job import Target

if TYPE_CHECKING:
    from sw_templates.model import Model

Restriction = Mapping[str, Value | list[Value]]
MakeConfig = Callable[[Restriction], StudyConfig]

_LEAN_LUTS = 6_000
"""Below this only the smallest core leaves room for a CFU (docs/reference/targets.md)."""
_SMALL_LUTS = 10_000
"""Below this caches do not fit beside a CFU (the same)."""
_ENGINE_LUTS = 43_000
"""From this on an engine may fit; the default one has 28,820 LUT4."""

_ENGINE_SIDES = ((4, 8, 16), (4, 8), (4,))
"""Rows and columns of an engine, what is tried first first."""
_ENGINE_LUT_PERCENT: list[Value] = [0, 25, 50]
"""A product in look-up tables takes 130 to 190 LUT4: with 32 rows, or most of 16 x 16 in them, an
engine leaves no room for a core on any part that there is a target for."""

_MOST_ROOM = 4
"""An engine's memory of more than so many times the least size gains nothing."""

_CYCLES_A_MAC = 12
"""Twice what plain kernels take for a multiply-accumulate on a core with caches, 4 to 6."""
_CYCLES_A_MAC_WITHOUT_MULTIPLIER = 80
_CYCLES_AN_ELEMENT = 200
_LEAST_CYCLES = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class NewStudy:
    """A config that was written.

    Attributes:
        path: Of the file.
        target: Its target.
        designs: How many the space has.
        trials: How many are measured.
        time: How long that will take.
    """

    path: str
    target: str
    designs: int
    trials: int
    time: Expectation | Estimate


def new_study(
    path: Path,
    *,
    model: Path,
    target: str,
    samples: Path | None = None,
    reader: Reader | None = None,
) -> NewStudy:
    """Write the config of a first study, with comments; nothing is started.

    Args:
        path: Of the file, which must not be there.
        model: A TFLite file.
        target: Name of a target.
        samples: Folder of labelled samples; None for none.
        reader: The database whose trials tell how long others will take; None without one.

    Raises:
        ConfigError: The file is there, the model is not supported or does not fit the target, there
            is no such target, or the samples are wrong.
    """
    from runners.workload import model_memory
    from sw_templates.tflite_import import load_model
    from sw_templates.workload import workload_report

    if path.exists():
        raise ConfigError(
            f"{path} is there already, and stays as it is", fix="give another name, or remove it"
        )
    if not path.parent.is_dir():
        raise ConfigError(
            f"there is no folder {path.parent} to write {path.name} into", fix="make it first"
        )
    network = load_model(model)
    names = dict(fitting_targets(path.parent, network))
    if target not in names:
        raise ConfigError(
            f"--target is {target!r}, and there is no such target",
            fix=f"{suggestion(target, names)}; {program.name()} targets says what each is",
        )
    if not names[target]:
        fitting = [name for name, fits in names.items() if fits]
        needed = model_memory(network).total_bytes
        raise ConfigError(
            f"{model.name} needs at least {needed:,} bytes of main memory, and {target} has less",
            fix=f"take one of: {', '.join(fitting)}" if fitting else "take a smaller model",
        )
    report = workload_report(network)
    elements = sum(math.prod(s) for layer in report.layers for s in layer.output_shapes)
    work = sum(layer.work_per_mac * layer.macs for layer in network.layers)
    content = {
        "study": {"name": _study_name(path), "trials": 1},
        "workload": {
            "model": _relative(model, path.parent),
            **({} if samples is None else {"samples": _relative(samples, path.parent)}),
        },
        "target": {"name": target},
    }
    folder = path.parent.resolve()

    def make(space: Restriction) -> StudyConfig:
        return config_of({**content, "space": space}, file=str(path), folder=folder)

    plain = config_of(content, file=str(path), folder=folder)
    space = proposed_space(plain.target)
    if "engine" in _listed(space["cfu"]):
        if 4 not in {each.weight_bits for each in report.layers}:
            space["engine_weight_bits"] = 8  # of an int8 network, hardly a layer fits fewer
        space |= engine_space(network, space, make)
    config = make(space)
    designs = assemble_space(config).count()
    has_multiplier = "pipelined" in _listed(space.get("multiplier", "pipelined"))
    cycles = _cycle_limit(work, elements, has_multiplier=has_multiplier)
    trials = min(designs, 24 if designs < 100_000 else 40)
    limited = replace(config, limits=replace(config.limits, cycles=cycles))
    time = expected_time(with_budget(limited, trials=trials), reader, macs=report.macs)
    study = NewStudy(
        path=str(path),
        target=target,
        designs=designs,
        trials=trials,
        time=time,
    )
    _check_samples(config, network)
    path.write_text(_text(study, config, space, cycles=cycles, macs=report.macs))
    return study


def new_text(new: NewStudy) -> str:
    """Say what was written and what to do next."""
    return "\n".join(
        [
            f"{new.path}: {new.trials} of {new.designs:,} designs for {new.target},"
            f" about {new.time.brief}:",
            f"  {new.time.basis}",
            "",
            "look at it, then start:",
            f"  {study_command('start', str(new.path))}",
        ]
    )


def proposed_space(target: Target) -> dict[str, Value | list[Value]]:
    """Return the part of the space that is worth a first study on a target, as ``[space]``."""
    capacity = capacity_of(target.part)
    luts = capacity["luts"]
    if luts < _LEAN_LUTS:
        return {
            "icache_bytes": 0,
            "dcache_bytes": 0,
            "multiplier": ["none", "iterative"],
            "divider": "none",
            "shifter": "iterative",
            "branch_prediction": "none",
            "cfu": ["none", "simd"],
            "simd_width": [1, 2, 4],
            "buffer_depth": 0,
            "hardware_requantisation": False,
            "channelwise": False,
        }
    if luts < _SMALL_LUTS:
        return {
            "icache_bytes": 0,
            "dcache_bytes": 0,
            "cfu": ["none", "simd"],
            "simd_width": [1, 2, 4, 8],
            "channelwise": False,
        }
    is_small = luts < _ENGINE_LUTS
    caches: list[Value] = [0, 2048, 4096, 8192] if is_small else [0, 2048, 4096, 8192, 16384]
    ways: Value | list[Value] = 1 if is_small else [1, 2]
    return {
        "icache_bytes": list(caches),
        "icache_ways": ways,
        "dcache_bytes": list(caches),
        "dcache_ways": ways,
        "cfu": ["none", "simd", "stream"] if is_small else ["none", "simd", "stream", "engine"],
    }


def engine_space(network: "Model", space: Restriction, make: MakeConfig) -> Restriction:
    """Return what of an engine is worth a first study: arrays and memories that hold a network.

    Wider rows leave more room without use, and so want larger memories. They are left out where a
    part has no room for those, and the engine where it has none for any.

    Args:
        network: That it is to run.
        space: Of the other parameters.
        make: Makes a config of a space.
    """
    for sides in _ENGINE_SIDES:
        sizes = engine_memories(network, sides)
        if sizes is None:
            continue
        found: Restriction = {
            "engine_rows": list(sides),
            "engine_lut_percent": _ENGINE_LUT_PERCENT,
            **sizes,
        }
        widest: Restriction = {"cfu": "engine", "engine_rows": sides[-1], "engine_cols": sides[-1]}
        with contextlib.suppress(ConfigError):  # no design of it fits
            assemble_space(make({**space, **found, **widest}))
            return found
    return {"cfu": ["none", "simd", "stream"]}


def engine_memories(network: "Model", sides: Sequence[int]) -> Restriction | None:
    """Return the sizes of an engine's memories that hold a network in arrays of any such sides.

    None where no size does.
    """
    from dse.config.network_fit import least_room
    from hw_templates.cfu.engine import FAMILY
    from sw_templates.network import network_of

    assert FAMILY.compiler is not None
    seen = network_of(network)
    room = {p.name: p.values for p in FAMILY.parameters if p.name in FAMILY.compiler.room}
    least = dict.fromkeys(room, 0)
    for rows, cols in ((rows, cols) for rows in sides for cols in sides if cols <= rows):
        array = {"engine_rows": rows, "engine_cols": cols, "engine_units": 1}
        needed = least_room(FAMILY, seen, given=array, room=room)
        if needed is None:
            return None
        least = {name: max(size, int(needed[name])) for name, size in least.items()}
    return {
        name: [v for v in values if least[name] <= int(v) <= _MOST_ROOM * least[name]]
        for name, values in room.items()
    }


def _cycle_limit(work: int, elements: int, *, has_multiplier: bool) -> int:
    """Return the limit of cycles, two digits, above which a design is of no interest."""
    a_mac = _CYCLES_A_MAC if has_multiplier else _CYCLES_A_MAC_WITHOUT_MULTIPLIER
    wanted = max(_LEAST_CYCLES, a_mac * work + _CYCLES_AN_ELEMENT * elements)
    step = int(10 ** max(0, len(str(wanted)) - 2))
    return -(-wanted // step) * step


def _check_samples(config: StudyConfig, network: "Model") -> None:
    if config.workload.samples is not None:
        from runners.samples.files import read_samples

        read_samples(config.workload, network)


def _text(new: NewStudy, config: StudyConfig, space: Restriction, *, cycles: int, macs: int) -> str:
    """Return the file, each choice with its reason."""
    target = config.target
    family = family_of_part(target.part)
    look_up_tables = family.parts[target.part][family.resources[0].name]
    workload = config.resolved["workload"]
    folder = Path(new.path).parent
    samples = workload.get("samples")
    model, designs = Path(workload["model"]), f"{new.trials} of {new.designs:,} designs"
    part = f"{target.part}: {look_up_tables:,} look-up tables, {_memory_text(target)}"
    further = (
        'cells and cycles; "place" and promote = "front" give real clocks, too'
        if family.is_placed
        else f"cells, and latency at {target.clock_hz / 1e6:g} MHz; nothing here places this part"
    )
    return f"""# {model.name} on {target.name}: {designs}.
{_time_comment(new)}
# Every key is explained in docs/reference/config.md.

[study]
name = {_toml(config.name)}
trials = {new.trials}
workers = {config.workers}
fidelity = "synthesise"  # {further}

[workload]
model = {_toml(_relative(model, folder))}
{f"samples = {_toml(_relative(Path(samples), folder))}" if samples else _NO_SAMPLES}

[target]
name = {_toml(target.name)}  # {part}

[objectives]
minimise = {json.dumps(list(config.objectives))}  # one to three; `maximise` takes others

# [constraints]  # what a design must keep to count, for example:
# latency_us = 100_000

[limits]
cycles = {cycles:_}  # slower ones are infeasible and cost no more; {macs:,} multiply-accumulates

[space]
# What fits the {target.part}, without what is rarely worth its place. A key that is left out allows
# every value: `{program.name()} space {new.path}` lists them.
{_space_text(space)}
"""


_NO_SAMPLES = (
    '# samples = "folder"  # labelled ones with y_labels.csv: then accuracy is measured, too'
)


def _memory_text(target: Target) -> str:
    kind = "SDRAM" if target.memory.kind == "sdram" else "on the chip"
    return f"{target.memory.size_bytes >> 10:,} KiB {kind}"


def _space_text(space: Restriction) -> str:
    return "\n".join(f"{name} = {_toml(values)}" for name, values in space.items())


def _time_comment(new: NewStudy) -> str:
    said = f"About {new.time.brief}: {new.time.basis}."
    return textwrap.fill(said, 100, initial_indent="# ", subsequent_indent="# ")


def _toml(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _listed(values: Value | list[Value]) -> Sequence[Value]:
    return values if isinstance(values, list) else [values]


def _relative(path: Path, folder: Path) -> str:
    return os.path.relpath(path.resolve(), folder.resolve())


def _study_name(path: Path) -> str:
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("-._")
    return name or "study"
