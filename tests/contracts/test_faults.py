import pickle
import re
from pathlib import Path

import pytest

from contracts.faults import DseError, FaultKind, Then, fault_classes
from contracts.measurement import Failed, Infeasible, Measurement, outcome_of

FAILURES = Path(__file__).parents[2] / "docs" / "failures.md"


def test_every_kind_has_one_class_and_one_documented_row() -> None:
    documented = re.findall(r"^\| `([a-z-]+)` \|", FAILURES.read_text(), flags=re.MULTILINE)
    assert set(fault_classes()) == set(FaultKind)
    assert documented == [str(kind) for kind in FaultKind]


@pytest.mark.parametrize("kind", FaultKind)
def test_documented_consequence_is_that_of_the_class(kind: FaultKind) -> None:
    row = re.search(rf"^\| `{kind}` \|.*\| (.*) \|$", FAILURES.read_text(), flags=re.MULTILINE)
    assert row is not None
    signs = {
        Then.INFEASIBLE: "infeasible",
        Then.RETRY: ("retried", "left for `resume`"),
        Then.STOP: "nothing is started",
    }
    assert row[1].startswith(signs[fault_classes()[kind].then])


def test_a_fault_survives_a_process_boundary() -> None:
    error = fault_classes()[FaultKind.TOOL_CRASHED]("yosys failed", fix="read the log", detail="x")
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), copy.what, copy.fix, copy.detail) == (
        type(error),
        "yosys failed",
        "read the log",
        "x",
    )


@pytest.mark.parametrize("kind", FaultKind)
def test_an_outcome_raises_what_it_was_made_of(kind: FaultKind) -> None:
    error = fault_classes()[kind]("yosys failed", fix="read the log", detail="x")
    error.stage, error.is_own_limit = "synthesise-soc", True
    sent = pickle.loads(pickle.dumps(outcome_of(error, Measurement(metrics=()))))
    assert isinstance(sent, Infeasible if error.then is Then.INFEASIBLE else Failed)
    again = sent.fault.error()
    assert type(again) is type(error)
    assert again.fault == error.fault == pickle.loads(pickle.dumps(error)).fault
    assert (again.what, again.stage, again.is_own_limit) == ("yosys failed", "synthesise-soc", True)


def test_the_text_names_the_fix() -> None:
    error: DseError = fault_classes()[FaultKind.CONFIG]("no such file", fix="give another")
    assert str(error) == "no such file\n  fix: give another"
