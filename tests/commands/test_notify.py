"""``[notify]`` of a study: told by real processes, and asked about where a stranger wrote it."""

import json
import sys
from pathlib import Path

import pytest

from contracts.faults import ConfigError
from dse.config import load_config
from tests.commands.test_command_line import CONFIG, Shell

PROGRAM = """
import sys
from pathlib import Path
with Path(sys.argv[1]).open("a") as file:
    file.write(sys.stdin.read() + "\\n")
"""


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    made = Shell(tmp_path)
    (tmp_path / "tell.py").write_text(PROGRAM)
    write_config(made, [sys.executable, str(tmp_path / "tell.py"), str(tmp_path / "told")])
    return made


def write_config(shell: Shell, command: list[str], more: str = "") -> None:
    notify = f"[notify]\ncommand = {json.dumps(command)}\n{more}"
    (shell.folder / "night.toml").write_text(CONFIG + notify)


def told(shell: Shell) -> list[dict[str, str]]:
    path = shell.folder / "told"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.mark.slow
def test_many_workers_tell_the_end_of_a_night_once(shell: Shell) -> None:
    night = shell.start("start", "night.toml", FAKE_TRIAL_S="3")
    shell.wait_for_ended_trials(1)
    worker = shell.start("work", "night", FAKE_TRIAL_S="3")
    for process in (night, worker):
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err

    (notice,) = told(shell)
    assert (notice["event"], notice["study"]) == ("finished", "night")
    assert "study night has ended: " in notice["text"]
    shell.run("resume", "night")
    assert len(told(shell)) == 1, "nothing new has ended"
    shell.run("resume", "night", "--trials", "10")
    assert len(told(shell)) == 2


@pytest.mark.slow
def test_a_night_that_goes_wrong_is_told(shell: Shell) -> None:
    shell.run("start", "night.toml", code=5, FAKE_CRASH="tool-missing")
    (stopped,) = told(shell)
    assert stopped["event"] == "stopped"
    assert "tool-missing: verilator is not installed" in stopped["text"]

    shell.run("start", "night.toml", "--trials", "4", code=6, FAKE_CRASH="tool-crashed")
    events = [notice["event"] for notice in told(shell)]
    assert "failing" in events
    assert events[-1] == "finished"


@pytest.mark.slow
def test_a_hook_that_fails_changes_nothing_but_a_line(shell: Shell) -> None:
    write_config(shell, [sys.executable, "-c", "import sys; sys.exit(3)"])

    _, err = shell.run("start", "night.toml", "--trials", "2")

    assert "the notice finished could not be given" in err
    assert sum(shell.states().values()) == 2


@pytest.mark.slow
def test_a_hook_that_only_a_database_names_is_asked_about(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.run("start", "night.toml", "--trials", "1")
    shell.run("resume", "night", "--trials", "2")  # who started it has agreed
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "somebody else"))

    for words in (["resume", "night"], ["work", "night"]):
        _, err = shell.run(*words, code=9)
        assert 'the command ["' in err
        assert "tell.py, " in err, "what it runs is named with its content's hash"
        assert f"python -m dse.study {words[0]} night --trust" in err
    for words in (["status", "night"], ["report", "night"], ["rerun", "night", "1"]):
        shell.run(*words)  # nobody is told anything
    shell.run("work", "night", "--trust")
    shell.run("work", "night")
    (shell.folder / "tell.py").write_text(PROGRAM + "print(1)")
    _, err = shell.run("work", "night", code=9)
    assert "CHANGED since the study ran last" in err


@pytest.mark.slow
def test_an_address_that_only_a_database_names_is_asked_about(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (shell.folder / "night.toml").write_text(
        CONFIG + '[notify]\nwebhook = "http://127.0.0.1:9/in"\n'
    )
    _, err = shell.run("start", "night.toml", "--trials", "1")
    assert "the notice finished could not be given: the webhook could not be reached" in err
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "somebody else"))

    _, err = shell.run("resume", "night", code=9)

    assert "messages to http://127.0.0.1:9/in" in err


@pytest.mark.parametrize(
    ("notify", "message"),
    [
        ('command = "notify-send done"', "command"),
        ('command = ["no-such-program-here", "x"]', "there is no such program"),
        ('command = ["./no-such-file"]', "there is no such program"),
        ('webhook = "file:///etc/passwd"', "webhook"),
        ('webhook = "https://a b"', "webhook"),
        ('on = ["everything"]', "on"),
        ("stuck_after_s = 0", "stuck_after_s"),
        ('disk_low = "little"', "20 GB"),
    ],
)
def test_a_wrong_hook_is_found_before_the_night(tmp_path: Path, notify: str, message: str) -> None:
    (tmp_path / "net.tflite").write_bytes(b"net")
    (tmp_path / "night.toml").write_text(f"{CONFIG}[notify]\n{notify}\n")

    with pytest.raises(ConfigError, match=message) as raised:
        load_config(tmp_path / "night.toml")
    assert "night.toml" in str(raised.value)
