"""Every command on a page works: it is run here, or is of a kind that other tests run."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.commands.here import call_here
from tests.docs.conftest import PYTHON, STUDY, TRIALS, run
from tests.docs.pages import ROOT, blocks

OURS = "python -m dse.study"
RUN_ELSEWHERE = (
    r"make [a-z-]+",  # `make study` and `make test` themselves; the target must exist
    r"git clone \S+",
    r"(pip|uv tool) install (--constraints \S+ )?\.",  # tests/package, and the next one
    r'pip install "soft-soc-dse\[[a-z]+\]"',
    r"createuser \S+ && createdb .*",  # of PostgreSQL
    r"python -m dse\.study .* postgresql://.*",  # tests/store and tests/dashboard, on a server
    r"python -m dse\.study delete .*",  # of a study that others need: tests/commands
    r"soft-soc-dse .*",
    r"cd \S+",
    r"sudo apt-get (update|install) .*",
    r"\.venv/bin/pre-commit install",
    r"python -m benchmarks\.\S+.*",  # their own tests run them
    r"python -m dse\.study dashboard.*",  # until Ctrl-C: tests/dashboard/test_serving.py
    r"python -m dse\.study adopt .*",  # tests/adopt/test_page.py
    r"python -m dse\.study choose .*",  # tests/results/test_fronts_by.py
    r"python -m dse\.study (submission|check-submission) .*",  # tests/commands
    r"CFU_MODULES=\S+ python -m pytest tests/cfu/\S+ -k \S+",  # tests/cfu/test_add_a_family.py
)
LOOKS = ("compare", "export", "figure", "front", "list", "show", "status", "targets")
"""Commands that run no code but ours; a process for each would cost a second of imports."""
CONTENT = {"--json": "{", "front": "latency", "space": "distinct designs"}


def commands() -> list[tuple[str, str]]:
    """Return (page, command) for every line of the shell blocks, continued lines joined."""
    found = []
    for block in blocks("sh"):
        for line in block.text.replace("\\\n", " ").splitlines():
            command = re.sub(r"\s+#.*$", "", line).strip().replace(".venv/bin/python", "python")
            if command and not command.startswith("#"):
                found.append((block.page, command))
    return found


def runnable() -> list[str]:
    """Return our own commands, pointed at the small study, each once, in the order of pages."""
    return list(
        dict.fromkeys(
            _for_the_small_study(text)
            for _, text in commands()
            if text.startswith(OURS) and not _is_run_elsewhere(text)
        )
    )


def _is_run_elsewhere(command: str) -> bool:
    return any(re.fullmatch(kind, command) for kind in RUN_ELSEWHERE)


def _for_the_small_study(command: str) -> str:
    """Put the small study, its config and one of its trials in place of the page's."""
    words = shlex.split(command.removeprefix(OURS))
    for number, word in enumerate(words):
        if word == "my_network.tflite":
            words[number] = "models/imgc/imgc_resnet8_int8.tflite"
        if word == "--trials":
            words[number + 1] = str(TRIALS)
        if word == "--db":
            words[number + 1] = "results.db"
    name = words[0]
    if name == "start":
        has_config = len(words) > 1 and not words[1].startswith("-")
        words[1 : 2 if has_config else 1] = ["documented.toml"]
    elif name == "workload":
        words[1] = "models/imgc/imgc_resnet8_int8.tflite"
    elif name == "space" and "imgc" in words[1]:
        words[1] = "configs/quick.toml"  # its model may not be there
    elif name == "figure":
        words[2] = STUDY
    elif name not in ("list", "space", "cache", "new", "targets", "--help"):
        words[1] = STUDY
    if name in ("note", "tag") and words[2].isdigit():
        words[2] = str(min(int(words[2]), TRIALS))
    if name in ("show", "rerun", "accuracy"):
        words[2] = "1" if name == "rerun" else str(min(int(words[2]), TRIALS))
    return shlex.join(words)


def test_every_command_is_of_a_known_kind() -> None:
    makefile = (ROOT / "Makefile").read_text()
    unknown = []
    for page, command in commands():
        known = command.startswith(OURS) or _is_run_elsewhere(command)
        if command.startswith("make ") and f"\n{command.split()[1]}:" not in makefile:
            known = False
        if not known:
            unknown.append(f"{page}: {command}")
    assert unknown == []


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("command", runnable())
def test_every_command_of_ours_works(command: str, study_folder: Path) -> None:
    words = shlex.split(command)
    target = None
    if ">" in words:
        target = study_folder / words[words.index(">") + 1]
        words = words[: words.index(">")]
    looks = words[0] in LOOKS
    ended = (
        call_here(*words, folder=study_folder) if looks else run([*PYTHON, *words], study_folder)
    )
    assert ended.returncode == 0, ended.stderr
    for word, content in CONTENT.items():
        if word in words:
            assert content in ended.stdout
    if target is not None:
        target.write_text(ended.stdout)
    for name in ("front.svg", "trials.csv"):
        if name in words:
            assert (study_folder / name).stat().st_size > 0


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_programs_of_the_board_page_work(study_folder: Path) -> None:
    board = subprocess.Popen(
        [*PYTHON, "board", STUDY, "1", "--link", "port"],
        cwd=study_folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert board.stdout is not None
        assert board.stdout.readline().startswith("serial port: /dev/pts/")
        deadline_s = time.monotonic() + 60
        while not (study_folder / "port").exists() and time.monotonic() < deadline_s:
            time.sleep(0.1)
        time.sleep(1)  # the board comes up; a person would not have typed anything yet
        asked = run([sys.executable, "ask.py"], study_folder)
        assert asked.returncode == 0, asked.stderr
        for answer in ("m-name-dut-[", "m-profile-[", "m-model-[", "m-lap-us-"):
            assert answer in asked.stdout
        os.killpg(board.pid, signal.SIGINT)  # what a terminal does at Ctrl-C
        assert board.communicate(timeout=60)[0].startswith("cycles: ")
    finally:
        board.kill()
        board.communicate()
