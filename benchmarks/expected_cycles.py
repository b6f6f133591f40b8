"""Print how well like designs tell a simulation's cycles: ``python -m benchmarks.expected_cycles``.

For each trial of the dashboard's recorded studies, what was expected of it by the trials before it
alone, beside what was measured.
"""

import sys
from statistics import median

from dse.config.assembly import assemble_space
from dse.dashboard.web.serve import example_database
from dse.results.study_results import StudyResults
from dse.space import Design
from dse.store import Reader
from dse.suggest import expected_cycles
from runners.measuring.metrics import CYCLES


def factors(reader: Reader, study: str) -> list[float]:
    """Return by what factor each expectation of a study missed, 1 or more, ascending."""
    results = StudyResults(study)
    results.update(reader)
    space = assemble_space(results.config)
    known: dict[Design, float] = {}
    found = []
    for position, trial in enumerate(results.trials):
        cycles = results.values(position).get(CYCLES.name)
        if cycles is None or trial.promotes is not None:
            continue
        design = Design.from_canonical(trial.design_json)
        expected = expected_cycles(space, known, design)
        known[design] = cycles
        if expected:
            found.append(max(cycles / expected, expected / cycles))
    return sorted(found)


def main() -> None:
    """Print a line for each recorded study."""
    with example_database() as database, Reader(database) as reader:
        for summary in reader.summaries():
            missed = factors(reader, summary.study.name)
            if missed:
                sys.stdout.write(
                    f"{summary.study.name:12} {len(missed):3} expectations, missed by a factor of"
                    f" {median(missed):.2f} in the median, {missed[int(0.9 * len(missed))]:.2f} in"
                    f" nine of ten, {missed[-1]:.2f} at the worst\n"
                )


if __name__ == "__main__":
    main()
