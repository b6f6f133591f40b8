"""``python -m benchmarks.first_designs [--target NAME ...]``: do a new study's first designs fit?

For each target and each network of MLPerf Tiny that its memory holds a config is written as ``new``
writes it, and the ten designs that its study would begin with are synthesised, and the memories of
an engine filled: as far as a trial goes before it is ``does-not-fit``, without a simulation. The
first six are those that a study tries; the others are drawn in the same way, where a study would
have chosen by what it had found.

Each verdict is noted at once in ``--done FILE``, by the design that it is of, and what is there is
not tried again: an ended run goes on. Verdicts of designs that no study begins with any more do not
count. A target takes one to ten CPU-minutes a network.
"""

import argparse
import csv
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from benchmarks.networks import MLPERF_TINY, model_named
from contracts.faults import ConfigError, DesignFault, DseError, FaultKind
from dse.commands.new import new_study
from dse.commands.targets import find_targets
from dse.config import StudyConfig, load_config
from dse.config.assembly import assemble_space
from dse.output.report import table_text
from dse.results.front import goals_of
from dse.shipped import TARGETS
from dse.space import Design
from dse.suggest import Objective, SuggestRequest
from dse.suggest.ends import first_suggestions_with_ends
from runners.job import Job, StageEvent
from runners.measuring.fit import require_fit
from runners.pipeline import Cache, default_root
from runners.stages.all import pipeline_of
from runners.stages.design import family_of
from runners.stages.synthesis import SYNTHESISED, read_cost

DONE = Path(__file__).parent / "first_designs.csv"
FIRST = 10
FITS = "fits"
_PATIENCE_S = 4 * 3600.0
"""Of each outside program, by the clock: a busy machine is no fault of a design."""
HEADER = ("target", *MLPERF_TINY.values(), "does not fit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of one design.

    Attributes:
        target: Name.
        network: Stem of its file.
        design: Its id.
        what: ``fits``, or the kind of the fault and what it says.
    """

    target: str
    network: str
    design: str
    what: str


def main() -> int:
    """Try what is not tried yet, print each verdict and the table; 1 where a config is refused."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.first_designs", description=__doc__)
    parser.add_argument("--target", action="append", default=[], help="of these alone")
    parser.add_argument("--done", type=Path, default=DONE, help=f"verdicts; {DONE.name} here")
    given = parser.parse_args()
    names = [target.name for target in find_targets(TARGETS)]
    for name in given.target:
        if name not in names:
            parser.error(f"there is no target {name!r}; there are: {', '.join(names)}")
    found: list[Verdict] = []
    failed = False
    try:
        found.extend(measure(given.target or names, done=given.done))
    except DseError as error:
        failed = True
        print(error, file=sys.stderr)
    print(table_text(HEADER, table(found)))
    return int(failed)


def rows() -> list[list[str]]:
    """Try what is not tried yet on all targets, and return the table."""
    return table(measure([target.name for target in find_targets(TARGETS)], done=DONE))


def measure(targets: Iterable[str], *, done: Path) -> Iterator[Verdict]:
    """Yield a verdict on each first design of each target and network, from ``done`` or tried now.

    Raises:
        DseError: A network is not there, or a tool fails.
    """
    known = {(each.target, each.network, each.design): each for each in read(done)}
    models = {name: model_named(name) for name in MLPERF_TINY}
    for target in targets:
        for network, model in models.items():
            with tempfile.TemporaryDirectory() as folder:
                config = _new_config(Path(folder) / "study.toml", model, target)
                if config is None:
                    continue
                for design in first_designs(config):
                    found = known.get((target, network, design.id))
                    if found is None:
                        what = verdict(config.job(design.values))
                        found = Verdict(target=target, network=network, design=design.id, what=what)
                        print(*asdict(found).values(), sep=", ", flush=True)
                        _note(found, done)
                    yield found


def _new_config(path: Path, model: Path, target: str) -> StudyConfig | None:
    """Return the config that ``new`` writes; None where the target's memory is too small."""
    try:
        new_study(path, model=model, target=target)
    except ConfigError as error:
        if "bytes of main memory" in error.what:
            return None
        raise
    return load_config(path)[1]


def first_designs(config: StudyConfig) -> tuple[Design, ...]:
    """Return the designs that a study begins with, and as many more of their kind as are wanted."""
    objectives = tuple(
        Objective(metric=metric, goal=goal)
        for metric, goal in zip(config.objectives, goals_of(config), strict=True)
    )
    space = assemble_space(config)
    request = SuggestRequest(
        space=space, objectives=objectives, seed=config.seed, count=min(FIRST, space.count())
    )
    return tuple(suggestion.design for suggestion in first_suggestions_with_ends(request))


def verdict(job: Job) -> str:
    """Synthesise a design; return ``fits``, or the fault that ends its trial before it is run."""
    patient = replace(job, limits=replace(job.limits, stage_timeout_s=_PATIENCE_S))
    pipeline = pipeline_of(patient, cache=Cache(default_root()), report=_ignore)
    try:
        if family_of(job).compiler is not None:
            pipeline.get("host-firmware")
        costs = {
            name: read_cost(pipeline.get(f"synthesise-{name}").folder) for name, _, _ in SYNTHESISED
        }
        require_fit(costs, job)
    except DesignFault as error:
        return f"{error.kind}: {error.what}"
    return FITS


def table(verdicts: Iterable[Verdict]) -> list[list[str]]:
    """Return a row for each target: how many of each network's designs do not fit."""
    found: dict[str, dict[str, list[bool]]] = {}
    for each in verdicts:
        of_target = found.setdefault(each.target, {})
        lost = each.what.startswith(f"{FaultKind.DOES_NOT_FIT}: ")
        of_target.setdefault(each.network, []).append(lost)
    return [
        [
            target,
            *(_share(of_target.get(network, [])) for network in MLPERF_TINY),
            _share([lost for each in of_target.values() for lost in each]),
        ]
        for target, of_target in sorted(found.items())
    ]


def _share(lost: list[bool]) -> str:
    return f"{sum(lost)} of {len(lost)}" if lost else "-"


def read(done: Path) -> Iterator[Verdict]:
    """Yield the verdicts of a file; none of one that is not there."""
    if done.exists():
        with done.open(newline="") as file:
            yield from (Verdict(**row) for row in csv.DictReader(file))


def _note(found: Verdict, done: Path) -> None:
    is_new = not done.exists()
    with done.open("a", newline="") as file:
        writer = csv.DictWriter(
            file, [field.name for field in fields(Verdict)], lineterminator="\n"
        )
        if is_new:
            writer.writeheader()
        writer.writerow(asdict(found))


def _ignore(_event: StageEvent) -> None:
    return


if __name__ == "__main__":
    sys.exit(main())
