"""Measures fronts and hypervolumes of many points: ``python -m benchmarks.pareto``.

CPU-seconds of the non-dominated points and of what each point gains, for points of two to four
objectives at random.
"""

import argparse
import time

import numpy as np

from dse.output.report import table_text
from dse.pareto import gains, non_dominated


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=100_000)
    given = parser.parse_args()
    rows = []
    for objectives in (2, 3, 4):
        points = np.random.default_rng(1).lognormal(size=(given.points, objectives))
        started_s = time.process_time()
        front = non_dominated(points)
        front_s = time.process_time() - started_s
        gains_s = ""
        if objectives < 4:  # from four on, volumes grow quickly
            started_s = time.process_time()
            gains(points / points.max(axis=0), np.full(objectives, 1.01))
            gains_s = f"{time.process_time() - started_s:.2f}"
        rows.append([str(objectives), str(len(front)), f"{front_s:.2f}", gains_s])
    print(table_text(["objectives", "on the front", "front [s]", "gains [s]"], rows, left=0))


if __name__ == "__main__":
    main()
