"""A study of thousands of trials as SQL: what the dashboard is measured and tested on.

Designs are drawn from the real space; latencies and sizes follow from them by a formula with some
noise, so that fronts, ranges and file sizes are like those of a long study.
"""

import json
import random
from collections.abc import Iterator, Mapping
from pathlib import Path

from contracts.parameter import Value
from dse.config import StudyConfig, config_from_json
from dse.config.assembly import assemble_space
from dse.dashboard.example import unpack
from dse.space import Design
from dse.store import Store
from dse.store.dump import dump, restore
from runners.measuring.metrics import METRICS

NAME = "large"
_START_S = 1_790_000_000.0
_TRIAL_S = 70.0
_TOO_BIG_LUT4 = 6400

_CORE = (
    "branch_prediction", "bypass", "dcache_bytes", "dcache_line_bytes", "dcache_ways", "divider",
    "icache_bytes", "icache_line_bytes", "icache_ways", "multiplier", "shifter",
)  # fmt: skip
_UNIT = ("cfu", "buffer_depth", "hardware_requantisation", "simd_width")
_STAGES: dict[str, tuple[tuple[str, ...], float]] = {
    "board-soc": ((), 0.4),
    "synthesise-soc": ((), 7.0),
    "cpu-generator": ((), 0.0),
    "cpu": (_CORE, 1.2),
    "synthesise-cpu": (_CORE, 6.0),
    "cfu": (_UNIT, 0.1),
    "synthesise-cfu": (_UNIT, 2.1),
    "soc": (("icache_bytes", "dcache_bytes"), 0.4),
    "simulator-runtime": ((), 0.0),
    "simulator": ((*_CORE, *_UNIT), 3.0),
    "firmware": (("cfu", "optimisation", "unroll", "buffer_depth"), 0.7),
    "golden": ((), 0.1),
    "simulate": ((*_CORE, *_UNIT, "optimisation", "unroll"), 16.0),
}
"""What the stages of a trial depend on here, and the CPU-seconds to build each."""


def make_study(path: Path, *, trials: int, seed: int = 1) -> StudyConfig:
    """Write a new database with a study called ``large`` and return its config."""
    unpack(path)
    with Store(path) as store:
        resolved = json.loads(store.study("imgc").config_json)
        resolved["study"] |= {"name": NAME, "trials": trials}
        config = config_from_json(json.dumps(resolved))
        study = store.create_study(
            name=NAME,
            config_toml="",
            config_json=config.to_json(),
            source_hash="0" * 64,
            now_s=_START_S,
        )
    text = dump(path).removesuffix("COMMIT;\n")
    for name in (path, *path.parent.glob(f"{path.name}-*")):
        name.unlink()
    numbers = random.Random(seed)
    space = assemble_space(config)
    lines = [text]
    built: set[str] = set()
    for number in range(1, trials + 1):
        lines += _statements(study.id, number, space.sample(numbers), numbers, built)
    restore("\n".join([*lines, "COMMIT;\n"]), path)
    return config


def measure(design: Mapping[str, Value], numbers: random.Random) -> dict[str, float]:
    """Return what a design would measure; without a latency when it is too big."""
    width = int(design.get("simd_width", 0))
    caches = int(design["icache_bytes"]) + int(design["dcache_bytes"])
    lut4 = round(2600 + 190 * width + caches // 24 + numbers.gauss(700, 160))
    cells: dict[str, float] = {
        "lut4": lut4,
        "ff": round(lut4 * 0.52),
        "dp16kd": 44 + caches // 1800,
        "mult18x18d": 4 + width,
    }
    if lut4 > _TOO_BIG_LUT4:
        return cells
    cycles = round(75_000_000 / (1 + 1.6 * width) * (1.6 - caches / 70_000))
    cycles = round(cycles * numbers.lognormvariate(0, 0.35))
    return {**cells, "cycles": cycles, "latency_us": cycles / 50}


def _statements(
    study_id: int, number: int, design: Design, numbers: random.Random, built: set[str]
) -> Iterator[str]:
    attempt = 100_000 + number
    start_s = _START_S + number * _TRIAL_S
    end_s = start_s + _TRIAL_S * numbers.uniform(0.6, 1.4)
    metrics = measure(design.values, numbers)
    state = "completed" if "latency_us" in metrics else "infeasible"
    fault = "NULL,NULL,NULL,NULL"
    if state == "infeasible":
        fault = f"'does-not-fit','{metrics['lut4']:g} LUT4 of {_TOO_BIG_LUT4}','choose less',''"
    yield (
        "INSERT INTO trials (id,study_id,number,design_id,design_json,context,fidelity,"
        "suggested_by,state,created_s,ended_s,failures,not_before_s,revision) VALUES"
        f" ({attempt},{study_id},{number},'{design.id}','{design.canonical}','benchmark',"
        f"'synthesised','random','{state}',{start_s},{end_s},0,0,{number});"
    )
    yield (
        "INSERT INTO attempts (id,trial_id,number,worker,started_s,heartbeat_s,lease_until_s,"
        f"ended_s,outcome,kind,what,fix,detail) VALUES ({attempt},{attempt},1,'worker-1',{start_s},"
        f"{end_s},{end_s},{end_s},'{state}',{fault});"
    )
    for name, value in metrics.items():
        unit, fidelity = METRICS[name].unit, METRICS[name].since
        yield (
            f"INSERT INTO metrics VALUES ({attempt},'{name}',{value},'{unit}','{fidelity}',"
            f"{int(name == 'latency_us')});"
        )
    for position, (stage, (parameters, cpu_s)) in enumerate(_STAGES.items()):
        if stage == "simulate" and state == "infeasible":
            break  # it does not fit, which synthesis has shown
        chosen = "-".join(str(design.values.get(name)) for name in parameters)
        key = f"{stage}-{chosen}"
        took_s = 0.0 if key in built else cpu_s * numbers.lognormvariate(0, 0.2)
        yield (
            f"INSERT INTO stage_times VALUES ({attempt},{position},'{stage}',{took_s},{took_s},"
            f"{int(key in built)});INSERT INTO artefacts VALUES ({attempt},'{stage}','{key}');"
        )
        built.add(key)
