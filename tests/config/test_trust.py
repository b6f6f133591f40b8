"""Which code a config names, found without running it, and what a person agreed to."""

import hashlib
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from contracts.faults import ConfigError, Untrusted
from dse.config import StudyConfig, load_config
from dse.config.trust import code_files, code_of, require_trust, trust, trusted_list, untrusted

ROOT = Path(__file__).parents[2]
COMMAND = "python -m dse.study resume s"
HEAD = '[study]\nname = "s"\ntrials = 1\n[workload]\nmodel = "net.tflite"\n'
RAISES = "raise AssertionError('was run')\n"


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    (tmp_path / "unit.py").write_text(RAISES)
    return tmp_path / "unit.py"


@pytest.fixture
def config(tmp_path: Path, unit: Path) -> StudyConfig:
    (tmp_path / "net.tflite").write_bytes(b"net")
    (tmp_path / "s.toml").write_text(f'{HEAD}[cfu]\nfamilies = ["{unit.name}"]\n')
    return load_config(tmp_path / "s.toml")[1]


def test_a_file_of_metrics_is_code_too(tmp_path: Path) -> None:
    reader = tmp_path / "energy.py"
    reader.write_text("READER = None")

    (found,) = code_files((), metric_files=[str(reader)])

    assert found.path == str(reader.resolve())
    with pytest.raises(ConfigError, match=r"gone\.py cannot be read"):
        code_files((), metric_files=[str(tmp_path / "gone.py")])


def test_a_file_is_described_without_being_run(unit: Path) -> None:
    (found,) = code_files([str(unit)])
    assert found.path == str(unit)
    assert found.size_bytes == len(RAISES)
    assert found.sha256 == hashlib.sha256(RAISES.encode()).hexdigest()


def test_a_module_is_found_with_its_packages_and_none_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "outer_package" / "inner"
    inner.mkdir(parents=True)
    for path in (inner.parent / "__init__.py", inner / "__init__.py", inner / "unit.py"):
        path.write_text(RAISES)
    monkeypatch.syspath_prepend(str(tmp_path))

    found = [file.path for file in code_files(["outer_package.inner.unit"])]
    assert found == [
        str(inner.parent / "__init__.py"),
        str(inner / "__init__.py"),
        str(inner / "unit.py"),
    ]


@pytest.mark.parametrize("name", ["/nowhere/unit.py", "no.such.module", "/dev"])
def test_code_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        code_files([f"{name}/x.py" if name == "/dev" else name])


def test_operators_and_their_c_are_code_of_a_study(tmp_path: Path) -> None:
    for name in ("softplus.py", "softplus.c.j2", "table.inc", "notes.txt"):
        (tmp_path / name).write_text(RAISES)
    found = {Path(file.path).name for file in code_files((), operator_folders=[tmp_path])}
    assert found == {"softplus.py", "softplus.c.j2", "table.inc"}
    with pytest.raises(ConfigError, match="no folder of operators"):
        code_files((), operator_folders=[tmp_path / "nowhere"])


def test_all_code_of_a_study_is_found(tmp_path: Path, unit: Path) -> None:
    (tmp_path / "net.tflite").write_bytes(b"net")
    (tmp_path / "operators").mkdir()
    for path in (tmp_path / "operators" / "softplus.py", tmp_path / "energy.py"):
        path.write_text(RAISES)
    config = SimpleNamespace(
        families=(str(unit), str(unit)),
        workload=SimpleNamespace(operator_folders=(tmp_path / "operators",)),
        metric_files=(str(tmp_path / "energy.py"),),
    )
    found = [Path(file.path).name for file in code_of(config)]  # type: ignore[arg-type]
    assert found == ["unit.py", "softplus.py", "energy.py"], "each once"


def test_a_module_is_not_looked_for_beside_the_package_that_it_is_said_to_be_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plain_module.py").write_text(RAISES)
    (tmp_path / "inner_unit.py").write_text(RAISES)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert len(code_files(["inner_unit"])) == 1
    with pytest.raises(ConfigError, match=r"plain_module\.inner_unit.* is no module"):
        code_files(["plain_module.inner_unit"])


def test_a_namespace_package_has_no_file_and_what_is_built_in_has_none_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bare_folder").mkdir()
    (tmp_path / "bare_folder" / "unit.py").write_text(RAISES)
    monkeypatch.syspath_prepend(str(tmp_path))
    (found,) = code_files(["bare_folder.unit"])
    assert Path(found.path).name == "unit.py"


def test_what_is_no_file_or_too_large_to_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "folder.py").mkdir()
    with pytest.raises(ConfigError, match=r"folder\.py cannot be read: there is no such file"):
        code_files([str(tmp_path / "folder.py")])
    large = tmp_path / "large.py"
    large.write_text("#" * 100)
    monkeypatch.setattr("dse.config.trust._MOST_BYTES", 100)
    assert len(code_files([str(large)])) == 1
    monkeypatch.setattr("dse.config.trust._MOST_BYTES", 99)
    with pytest.raises(ConfigError, match=r"large\.py cannot be read: it has 100 bytes"):
        code_files([str(large)])


def test_a_list_that_is_no_text_trusts_what_can_be_read_of_it(unit: Path) -> None:
    trust(code_files([str(unit)]))
    with trusted_list().open("ab") as file:
        file.write(b"\xff\xfe\n")
    assert untrusted(code_files([str(unit)])) == ()
    trust(code_files([str(unit)]))
    assert len(trusted_list().read_bytes().splitlines()) == 2, "it is not written again"


def test_agreement_is_for_this_content_at_this_place(unit: Path, tmp_path: Path) -> None:
    trust(code_files([str(unit)]))
    assert untrusted(code_files([str(unit)])) == ()

    copy = tmp_path / "copy.py"
    copy.write_text(RAISES)
    assert len(untrusted(code_files([str(copy)]))) == 1
    unit.write_text(RAISES + "# changed\n")
    assert len(untrusted(code_files([str(unit)]))) == 1


def test_a_damaged_list_trusts_no_more_than_its_whole_lines(unit: Path) -> None:
    trust(code_files([str(unit)]))
    with trusted_list().open("a") as file:
        file.write('{"path": "/x.py"}\n[]\n{"pa')
    assert untrusted(code_files([str(unit)])) == ()


def test_trust_that_cannot_be_kept_is_asked_for_again(
    unit: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    trust(code_files([str(unit)]))
    assert len(untrusted(code_files([str(unit)]))) == 1


def test_what_nobody_agreed_to_is_refused_with_file_size_and_hash(
    config: StudyConfig, unit: Path
) -> None:
    with pytest.raises(Untrusted) as refused:
        require_trust(config, before={}, command=COMMAND)
    sha256 = hashlib.sha256(RAISES.encode()).hexdigest()
    assert f"{unit}, {len(RAISES)} bytes, SHA-256 {sha256}" in refused.value.what
    assert f"{COMMAND} --trust" in refused.value.fix


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (None, "not known from an earlier run"),
        (RAISES, "as when the study ran last"),
        ("other", "CHANGED since the study ran last"),
    ],
)
def test_a_person_is_told_whether_the_file_changed(
    config: StudyConfig, unit: Path, before: str | None, words: str
) -> None:
    asked: list[str] = []
    known = {} if before is None else {str(unit): hashlib.sha256(before.encode()).hexdigest()}

    def agree(what: str) -> bool:
        asked.append(what)
        return True

    for _ in range(2):  # once agreed to, nobody is asked again
        require_trust(config, before=known, command=COMMAND, ask=agree)
    assert len(asked) == 1
    assert words in asked[0]


def test_no_is_no(config: StudyConfig) -> None:
    for _ in range(2):
        with pytest.raises(Untrusted):
            require_trust(config, before={}, command=COMMAND, ask=lambda _: False)


def test_trust_that_is_given_is_kept(config: StudyConfig) -> None:
    require_trust(config, before={}, command=COMMAND, is_given=True)
    require_trust(config, before={}, command=COMMAND)


def test_a_study_without_own_families_needs_no_trust(tmp_path: Path) -> None:
    (tmp_path / "net.tflite").write_bytes(b"net")
    (tmp_path / "s.toml").write_text(HEAD)
    require_trust(load_config(tmp_path / "s.toml")[1], before={}, command=COMMAND)
    assert not trusted_list().exists()


def test_looking_at_code_imports_no_generators() -> None:
    script = "import sys, dse.config.trust; sys.exit('hw_templates.cfu' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0
