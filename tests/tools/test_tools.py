import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.faults import DiskFull, OutOfMemory, ToolCrashed, ToolMissing, ToolTimeout
from runners.tools import run, run_tool, tool_version
from runners.tools.run import is_computing


def run_python(code: str, folder: Path, **options: object) -> object:
    return run_tool(
        [sys.executable, "-c", code],
        cwd=folder,
        log=folder / "tool.log",
        **{"timeout_s": 30.0, **options},  # type: ignore[arg-type]
    )


def process_is_gone(pid: int) -> bool:
    for _ in range(600):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().split()[2]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def test_output_of_a_program_is_in_its_log(tmp_path: Path) -> None:
    run_python("print('elaborated')", tmp_path)
    assert (tmp_path / "tool.log").read_text() == "elaborated\n"


def test_cpu_time_of_grandchildren_is_counted(tmp_path: Path) -> None:
    burn = "import time\nwhile time.process_time() < 0.3: pass"
    cost = run_python(
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', {burn!r}])", tmp_path
    )
    assert cost.cpu_s > 0.3  # type: ignore[attr-defined]


def test_missing_program_names_it_and_the_command_that_installs_it(tmp_path: Path) -> None:
    with pytest.raises(ToolMissing, match=r"no-such-tool is not installed[\s\S]*make setup"):
        run_tool(["no-such-tool"], cwd=tmp_path, log=tmp_path / "log", timeout_s=1)


def test_crash_keeps_the_end_of_the_log_as_detail(tmp_path: Path) -> None:
    with pytest.raises(ToolCrashed, match="exit status 3") as caught:
        run_python("import sys; print('line 42: syntax error'); sys.exit(3)", tmp_path)
    assert "line 42: syntax error" in caught.value.detail


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("print('u.v:3: ERROR: first'); print('x' * 5000); exit(1)", "u.v:3: ERROR: first"),
        ("exit(1)", ""),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", None),
        ("print('cc: error: Killed signal terminated program cc1'); exit(1)", None),
        ("print('error: x'); exit(139)", None),
    ],
    ids=["error", "silent", "signal", "signal below a driver", "signal below a shell"],
)
def test_only_a_program_that_ends_by_itself_complains_of_what_it_was_given(
    tmp_path: Path, code: str, complaint: str | None
) -> None:
    (tmp_path / "tool.log").write_text("error: of another program\n")
    with pytest.raises(ToolCrashed) as caught:
        run_python(code, tmp_path)
    assert caught.value.complaint == complaint


def test_crash_by_signal_names_the_signal(tmp_path: Path) -> None:
    with pytest.raises(ToolCrashed, match="SIGSEGV"):
        run_python("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", tmp_path)


def test_hanging_program_and_its_children_are_ended_at_the_limit(tmp_path: Path) -> None:
    # a shell: on a busy machine Python itself takes seconds to start
    command = ["sh", "-c", "sleep 60 & echo $! > pid; wait"]
    with pytest.raises(ToolTimeout, match="after 2 s"):
        run_tool(command, cwd=tmp_path, log=tmp_path / "tool.log", timeout_s=2.0)
    assert process_is_gone(int((tmp_path / "pid").read_text()))


def test_memory_limit_is_reported_as_out_of_memory(tmp_path: Path) -> None:
    with pytest.raises(OutOfMemory):
        run_python(
            "import time; x = b'x' * (300 << 20); time.sleep(30)", tmp_path, memory_bytes=200 << 20
        )


def test_memory_of_children_counts(tmp_path: Path) -> None:
    grow = "import time; x = b'x' * (300 << 20); time.sleep(30)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {grow!r}])"
    with pytest.raises(OutOfMemory, match="more than 200 MiB"):
        run_python(code, tmp_path, memory_bytes=200 << 20)


def test_a_program_that_computes_until_its_time_limit_reaches_it_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "_COMPUTING_SHARE", 0.01)  # the machine of the tests may be busy
    burn = "while True: pass"  # as a compiler behind its driver: a child that is never waited for
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {burn!r}])"
    with pytest.raises(ToolTimeout, match="after 2 s") as caught:
        run_python(code, tmp_path, timeout_s=2.0)
    assert caught.value.is_own_limit
    assert re.search(r"it used \d+ s of processor time in \d+ s", caught.value.detail)


def test_a_program_that_waits_until_its_time_limit_is_not_blamed(tmp_path: Path) -> None:
    with pytest.raises(ToolTimeout) as caught:
        run_python("import time; print('waiting'); time.sleep(60)", tmp_path, timeout_s=1.0)
    assert not caught.value.is_own_limit
    assert re.match(r"it used 0 s of processor time in \d+ s", caught.value.detail)
    assert "load" in caught.value.detail


def test_only_a_memory_limit_of_its_own_is_the_programs(tmp_path: Path) -> None:
    with pytest.raises(OutOfMemory) as grown:
        run_python(
            "import time; x = b'x' * (300 << 20); time.sleep(30)", tmp_path, memory_bytes=200 << 20
        )
    with pytest.raises(OutOfMemory) as killed:  # as the kernel does when the machine has no more
        run_python("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", tmp_path)
    assert (grown.value.is_own_limit, killed.value.is_own_limit) == (True, False)


@given(st.floats(0, 1e4), st.floats(0.1, 1e4), st.floats(0, 1e4))
def test_more_processor_time_never_makes_a_program_less_suspect(
    cpu_s: float, wall_s: float, more_s: float
) -> None:
    if is_computing(cpu_s=cpu_s, wall_s=wall_s):
        assert is_computing(cpu_s=cpu_s + more_s, wall_s=wall_s)
    assert is_computing(cpu_s=wall_s, wall_s=wall_s)
    assert not is_computing(cpu_s=0.0, wall_s=wall_s)


def test_full_disk_is_reported_as_disk_full(tmp_path: Path) -> None:
    with pytest.raises(DiskFull) as caught:
        run_python("open('/dev/full', 'w').write('x' * 10000)", tmp_path)
    found = re.search(r"the disk is full, ([0-9,]+) bytes are free in (/.*)", caught.value.what)
    assert found is not None
    assert Path(found[2]).is_dir()
    assert int(found[1].replace(",", "")) > 0


PROGRAM = """
import os, pathlib, time
pathlib.Path("pid").write_text(str(os.getpid()))
time.sleep(60)
"""
DRIVER = f"""
import subprocess, sys
subprocess.run([sys.executable, "-c", {PROGRAM!r}])
"""


@pytest.mark.parametrize("program", [PROGRAM, DRIVER], ids=["program", "what it has started"])
def test_program_ends_with_its_parent(program: str, tmp_path: Path) -> None:
    """A compiler's driver starts the compiler proper, which would go on for minutes."""
    outer = (
        "import sys, pathlib; from runners.tools import run_tool\n"
        "p = pathlib.Path(sys.argv[1])\n"
        f"run_tool([sys.executable, '-c', {program!r}], cwd=p, log=p / 'log', timeout_s=60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", outer, str(tmp_path)], env={**os.environ})
    pid_file = tmp_path / "pid"
    for _ in range(1200):
        if pid_file.exists() and pid_file.read_text():
            break
        time.sleep(0.05)
    parent.kill()
    parent.wait()
    assert process_is_gone(int(pid_file.read_text()))


def test_version_is_the_first_line_of_the_answer() -> None:
    assert tool_version([sys.executable, "--version"]).startswith("Python 3")


def test_program_that_cannot_tell_its_version_is_a_missing_tool() -> None:
    with pytest.raises(ToolMissing, match="does not tell its version"):
        tool_version([sys.executable, "-c", "raise SystemExit(1)"])


def test_a_program_that_does_not_tell_its_version_is_ended_with_what_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "_VERSION_LIMIT_S", 1.0)
    with pytest.raises(ToolMissing, match=r"did not tell its version within 1 s"):
        tool_version(["sh", "-c", f"sleep 600 & echo $! > {tmp_path}/pid; wait"])
    assert process_is_gone(int((tmp_path / "pid").read_text()))
