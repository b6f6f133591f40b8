"""What a result depends on beside its design."""

from pathlib import Path

import pytest

from dse.config import StudyConfig, load_config, provenance, with_budget
from tests.config.user_family import FAMILY

CONFIG = '[study]\nname = "s"\ntrials = 1\n[workload]\nmodel = "net.tflite"\n'


@pytest.fixture(autouse=True)
def same_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "all_identities", lambda: {"gcc": "12"})


def config_with(folder: Path, text: str = "", model: bytes = b"net") -> StudyConfig:
    (folder / "net.tflite").write_bytes(model)
    (folder / "s.toml").write_text(CONFIG + text)
    return load_config(folder / "s.toml")[1]


def test_the_search_does_not_change_what_is_measured(tmp_path: Path) -> None:
    config = config_with(tmp_path)
    other = config_with(tmp_path, '[suggest]\nalgorithm = "grid"\n[space]\nbypass = true\n')

    assert provenance.context_of(with_budget(other, trials=99)) == provenance.context_of(config)


@pytest.mark.parametrize(
    "text",
    [
        '[target]\nname = "ulx3s_85f"\nclock_mhz = 60\n',
        '[target]\nname = "ulx3s_25f"\n',
        "[limits]\ncycles = 1000\n",
    ],
)
def test_what_changes_results_changes_the_context(tmp_path: Path, text: str) -> None:
    config = config_with(tmp_path)

    assert provenance.context_of(config_with(tmp_path, text)) != provenance.context_of(config)


def test_another_model_tool_or_source_is_another_context(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contexts = [
        provenance.context_of(config_with(tmp_path)),
        provenance.context_of(config_with(tmp_path, model=b"another")),
    ]
    config = config_with(tmp_path)
    monkeypatch.setattr(provenance, "source_hashes", lambda: {"runners": "changed"})
    contexts.append(provenance.context_of(config))
    monkeypatch.setattr(provenance, "all_identities", lambda: {"gcc": "13"})
    contexts.append(provenance.context_of(config))

    assert len({context.key for context in contexts}) == 4


def test_a_change_of_a_users_family_is_another_context(tmp_path: Path) -> None:
    family = tmp_path / "unit_of_provenance.py"
    family.write_text(FAMILY.replace("{extra}", ""))
    config = config_with(tmp_path, '[cfu]\nfamilies = ["./unit_of_provenance.py"]\n')
    before = provenance.context_of(config)

    assert provenance.context_of(config) == before
    family.write_text(family.read_text() + "# changed")
    assert provenance.context_of(config) != before


def test_what_changed_is_said_in_words() -> None:
    before = {
        "target": {"clock_mhz": 50.0, "part": "a"},
        "families": ["1"],
        "sources": {"runners": "1", "contracts": "2", "hw_templates": "3"},
        "tools": {"gcc": "12.2", "clang": "14"},
    }
    now = {
        "target": {"clock_mhz": 60.0, "part": "a"},
        "families": ["2"],
        "sources": {"runners": "9", "contracts": "2", "hw_templates": "9"},
        "tools": {"gcc": "14.2", "clang": "14", "java": "21"},
    }

    assert provenance.what_changed(before, before) == ()
    assert provenance.what_changed(before, now) == (
        "target clock_mhz 50.0 (now 60.0)",
        "families",
        "tools gcc 12.2 (now 14.2)",
        "tools java none (now 21)",
        "sources of hw_templates, runners",
    )
