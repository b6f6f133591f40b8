"""``next``, ``calibration`` and ``--stop-gain`` as a person types them."""

import json
from pathlib import Path

import pytest

from contracts.belief import Belief
from contracts.faults import NotFound
from dse.commands import next as command
from dse.commands.next import next_designs, next_text
from dse.config import StudyConfig, load_config
from dse.space import Design
from dse.store import Store
from dse.suggest import Suggestion, make_suggester
from tests.campaign.fake_rooms import fake_space
from tests.campaign.test_campaign import CONFIG, campaign
from tests.commands.test_command_line import Shell


@pytest.fixture
def config(tmp_path: Path) -> StudyConfig:
    (tmp_path / "net.tflite").write_bytes(b"net")
    (tmp_path / "night.toml").write_text(CONFIG)
    return load_config(tmp_path / "night.toml")[1]


def test_what_comes_next_is_what_a_campaign_would_ask_and_nothing_is_queued(
    tmp_path: Path, config: StudyConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "assemble_space", fake_space)
    with Store(tmp_path / "results.db") as store:
        running = campaign(store, config, suggester=make_suggester("random"))
        running.run()
        before = [result.trial for result in store.results(running.study.id)]
        stamp = store.stamp()
        found = next_designs(store, "night", count=3)
        assert store.stamp() == stamp
        assert [result.trial for result in store.results(running.study.id)] == before
        tried = {trial.design_id for trial in before}
        assert len({s.design.id for s in found} - tried) == 3
        longer = campaign(store, config, suggester=make_suggester("random"))
        longer._knowledge.update(store)
        asked = make_suggester("random").suggest(longer._knowledge.request(3))
        assert [s.design for s in asked] == [s.design for s in found]
        with pytest.raises(NotFound, match="no study 'day'"):
            next_designs(store, "day", count=1)


def test_it_says_why_and_what_is_expected() -> None:
    design = Design({"cfu": "none"})
    belief = Belief(reason="expected gain", feasible=0.5, gain=0.034)
    text = next_text([Suggestion(design=design, suggested_by="vizier", belief=belief)])
    assert text.splitlines()[0] == "by vizier: cfu=none"
    assert "hypervolume by 3.40%; feasible with a probability of 50%" in text
    assert next_text([]) == "every design of the space has been tried"


@pytest.mark.slow
def test_the_commands_work_in_processes_of_their_own(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    shell.run("start", "night.toml")
    before = (tmp_path / "results.db").read_bytes()
    out, _ = shell.run("next", "night", "--count", "2", "--json")
    assert [set(each["design"]) >= {"bypass", "cfu"} for each in json.loads(out)] == [True, True]
    assert json.loads(out)[0]["belief"]["reason"] == "at random"
    out, _ = shell.run("calibration", "night")
    assert out == "no model has predicted a trial that was measured since\n"
    assert (tmp_path / "results.db").read_bytes() == before
    _, err = shell.run("calibration", "night", "--plot", "c.svg", code=3)
    assert "fix: let a search that learns suggest more trials" in err
    _, err = shell.run("resume", "night", "--stop-gain", "2", code=3)
    assert "--stop-gain is 2, which is no share of a front" in err
    _, err = shell.run("export", "night", code=3)
    assert "export is told no file to write" in err
    shell.run("resume", "night", "--trials", "9", "--stop-gain", "0.01")
    out, _ = shell.run("status", "night", "--json")
    assert json.loads(out)["stop_gain"] == 0.01
    assert json.loads(out)["has_converged"] is False
