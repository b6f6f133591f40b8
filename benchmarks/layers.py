"""Prints where the cycles of two trials go, layer by layer.

``python -m benchmarks.layers STUDY --db results.db``: the fastest trial without a CFU beside the
fastest one with; ``--trials A B`` compares two others.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from benchmarks.stages import measured_trials
from dse.output.report import table_text
from dse.store import TrialDetail
from dse.words import design_text

PUBLISHED = (
    # MLPerf Tiny v0.7, closed division, 2022: milliseconds at 60 MHz on an FPGA
    ("Andes D25F, RISC-V with SIMD and the vendor's library", 18_300_000),
    ("Andes D45, likewise", 13_700_000),
)
"""Name and cycles of published figures for the image classification of MLPerf Tiny.

https://github.com/mlcommons/tiny_results_v0.7/tree/main/closed/Andes
"""


def fastest(trials: Sequence[TrialDetail], *, with_cfu: bool) -> TrialDetail:
    """Return the completed trial of fewest cycles.

    Raises:
        SystemExit: There is none.
    """
    fitting = [
        trial
        for trial in trials
        if trial.measurement.layers
        and (trial.result.trial.design.get("cfu", "none") != "none") is with_cfu
    ]
    if not fitting:
        raise SystemExit(f"no completed trial {'with' if with_cfu else 'without'} a CFU")
    return min(fitting, key=lambda trial: trial.measurement.value("cycles"))


def comparison(baseline: TrialDetail, other: TrialDetail) -> str:
    """Lay out two profiles of one network side by side."""
    rows = []
    for before, after in zip(baseline.measurement.layers, other.measurement.layers, strict=True):
        rows.append(
            [
                before.name,
                "x".join(map(str, before.output_shape)),
                f"{before.macs:,}",
                f"{before.cycles:,}",
                f"{after.cycles:,}",
                f"{before.cycles / after.cycles:.1f}",
                f"{after.macs / after.cycles:.2f}",
            ]
        )
    total_before, total_after = (t.measurement.value("cycles") for t in (baseline, other))
    macs = sum(layer.macs for layer in other.measurement.layers)
    rows.append(
        [
            "whole inference",
            "",
            f"{macs:,}",
            f"{total_before:,.0f}",
            f"{total_after:,.0f}",
            f"{total_before / total_after:.1f}",
            f"{macs / total_after:.2f}",
        ]
    )
    names = [f"trial {trial.result.trial.number}" for trial in (baseline, other)]
    header = ["layer", "output", "MAC", *names, "ratio", "MAC/cycle"]
    return table_text(header, rows, left=2)


def main() -> None:
    """Parse the arguments and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.layers", description=__doc__)
    parser.add_argument("study")
    parser.add_argument("--db", type=Path, default=Path("results.db"))
    parser.add_argument("--trials", type=int, nargs=2, metavar=("A", "B"))
    given = parser.parse_args()
    trials = measured_trials(given.db, given.study)
    if given.trials:
        by_number = {trial.result.trial.number: trial for trial in trials}
        missing = [number for number in given.trials if number not in by_number]
        if missing:
            parser.error(f"study {given.study} has no measured trial {missing[0]}")
        pair = (by_number[given.trials[0]], by_number[given.trials[1]])
    else:
        pair = (fastest(trials, with_cfu=False), fastest(trials, with_cfu=True))
    for trial in pair:
        print(f"trial {trial.result.trial.number}: {design_text(trial.result.trial.design)}")
    print()
    print(comparison(*pair))
    print()
    for name, cycles in PUBLISHED:
        print(f"{cycles:>13,} cycles  {name}")


if __name__ == "__main__":
    main()
