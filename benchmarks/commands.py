"""``python -m benchmarks.commands``: CPU-seconds of each command that only looks.

Each is called three times on the recorded example (studies of up to 90 trials), in a process of its
own, after one call that nothing is measured of; told is the median, children included. What a
command writes lands in a temporary folder.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from contracts.faults import Bug
from dse.dashboard.example import unpack
from dse.output.report import table_text
from dse.shipped import FOLDER, OUR_MODEL

_STUDY, _TRIAL, _OTHER = "imgc", "47", "31"
_TIMES = 3
COMMANDS: dict[str, tuple[str, ...]] = {
    "--help": (),
    "--version": (),
    "list": (),
    "status": (_STUDY,),
    "front": (_STUDY,),
    "best": (_STUDY,),
    "show": (_STUDY, _TRIAL),
    "compare": (_STUDY, _TRIAL, _OTHER),
    "calibration": (_STUDY,),
    "report": (_STUDY,),
    "export": (_STUDY, "trials.csv"),
    "targets": (),
    "space": (str(FOLDER / "configs" / "quick.toml"),),
    "workload": (str(OUR_MODEL),),
    "new": ("NEW.toml", "--model", str(OUR_MODEL), "--target", "ulx3s_25f"),
}
"""Command to its arguments; those that read studies are given the example's database, too."""
_WITHOUT_DATABASE = ("--help", "--version", "targets", "space", "workload", "new")
HEADER = ("command", "CPU-s")


def main() -> None:
    """Print the table."""
    print(table_text(HEADER, rows()))


def rows() -> list[list[str]]:
    """Return each command with the median of its CPU-seconds.

    Raises:
        Bug: One failed.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        database = unpack(folder / "example.db")
        return [
            [f"`{command}`", f"{_cpu_s(command, folder, database):.2f}"] for command in COMMANDS
        ]


def _cpu_s(command: str, folder: Path, database: Path) -> float:
    found = []
    for number in range(_TIMES + 1):
        words = [word.replace("NEW", f"new{number}") for word in COMMANDS[command]]
        if command not in _WITHOUT_DATABASE:
            words += ["--db", str(database)]
        found.append(_run([sys.executable, "-m", "dse.study", command, *words], folder))
    return statistics.median(found[1:])


def _run(words: list[str], folder: Path) -> float:
    """Run a command and return the CPU-seconds of it and of what it started."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    process = subprocess.Popen(
        words, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode:
        raise Bug(
            f"{' '.join(words[1:])} ended with {process.returncode}",
            fix="read what it said below",
            detail=said.decode(errors="replace"),
        )
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
