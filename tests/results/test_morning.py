"""What a night brought, of nights that the fake rooms ran on a clock of their own."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.faults import DoesNotFit, FaultKind, ToolCrashed
from contracts.measurement import Measurement, Outcome, outcome_of
from dse.config import StudyConfig, load_config, with_budget
from dse.output.disks import Disk
from dse.output.document import (
    Document,
    Item,
    Section,
    Table,
    document_html,
    document_markdown,
    document_text,
)
from dse.output.morning import front_svg, morning_data, morning_document
from dse.results.morning import Morning, study_morning
from dse.store import Store, TrialState
from runners.job import Job
from tests.campaign.test_campaign import CONFIG, InstantExecutor, by_formula, campaign

FULL = Disk(what="cache", folder="/cache", free_bytes=10**6)
HOSTILE = "<script>alert(1)</script> | `rm` \x1b[31m *red*\n# no"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "results.db") as opened:
        yield opened


@pytest.fixture
def config(tmp_path: Path) -> StudyConfig:
    (tmp_path / "net.tflite").write_bytes(b"net")
    (tmp_path / "night.toml").write_text(CONFIG)
    return load_config(tmp_path / "night.toml")[1]


def night(
    store: Store, config: StudyConfig, *, trials: int, at_s: float, answer: object = by_formula
) -> None:
    """Run a study up to so many trials, half a second an event."""
    clock = itertools.count(at_s, 0.5)
    executor = InstantExecutor(answer)  # type: ignore[arg-type]
    made = campaign(store, with_budget(config, trials=trials), executor=executor)
    made.now_s = lambda: next(clock)
    made.run()


def morning(store: Store, *, now_s: float, hours: float | None = None) -> Morning:
    return study_morning(store, "night", hours=hours, now_s=now_s)


def test_a_night_is_what_came_after_the_last_pause(store: Store, config: StudyConfig) -> None:
    night(store, config, trials=6, at_s=10_000)
    night(store, config, trials=40, at_s=50_000)

    found = morning(store, now_s=60_000)

    assert 50_000 <= found.since_s < 51_000
    assert sum(found.ended.values()) == 34
    assert sum(morning(store, now_s=60_000, hours=24).ended.values()) == 40
    assert sum(morning(store, now_s=60_000, hours=0.001).ended.values()) == 0
    first = min(
        r.metrics["latency_us"]
        for r in store.results(store.study("night").id)[:6]
        if r.trial.state is TrialState.COMPLETED
    )
    latency = found.improvements[0]
    assert (latency.metric, latency.before) == ("latency_us", first)
    assert latency.after <= first
    assert found.volume_before is not None
    assert 0 < found.volume_before < 1
    for point in found.front:
        assert point.is_new == (point.result.trial.number > 6)


def test_what_failed_is_told_with_its_reason_and_what_to_do(
    store: Store, config: StudyConfig
) -> None:
    def answer(job: Job) -> Outcome:
        if job.design["cfu"] == "simd":
            return outcome_of(DoesNotFit(HOSTILE, fix="narrower"), Measurement(metrics=()))
        if job.design["icache_bytes"] == 0:
            return outcome_of(ToolCrashed("yosys", fix="read its log"), Measurement(metrics=()))
        return by_formula(job)

    night(store, config, trials=48, at_s=10_000, answer=answer)
    found = morning(store, now_s=20_000)
    data = morning_data(found, [FULL], with_db=" --db night.db")
    by_kind = {each["kind"]: each for each in data["failures"]}

    assert (by_kind["does-not-fit"]["trials"], by_kind["does-not-fit"]["fix"]) == (40, "narrower")
    assert by_kind["tool-crashed"]["trials"] == data["counts"]["failed"] == 2
    assert found.retried == {FaultKind.TOOL_CRASHED: 6}
    told = " ".join(item["what"] for item in data["to_do"])
    assert "Only 1 MB are free for the cache" in told
    assert "2 trials failed by infrastructure" in told
    assert "most often does-not-fit" in told
    commands = [item["command"] for item in data["to_do"]]
    assert "python -m dse.study resume night --db night.db" in commands
    example = by_kind["tool-crashed"]["example"]
    assert f"python -m dse.study show night {example} --db night.db" in commands
    json.dumps(data, allow_nan=False)


def test_a_study_without_a_result_has_a_report(store: Store, config: StudyConfig) -> None:
    campaign(store, config)  # creates it

    found = morning(store, now_s=20_000)
    text = document_text(morning_document(found, [], with_db=""))

    assert "0 of 6 trials have ended" in text
    assert "Nobody works on it, and 6 trials are left: go on." in text
    assert front_svg(found) == ""


def test_nothing_of_a_database_becomes_a_tag_a_column_or_a_control_sequence(
    store: Store, config: StudyConfig
) -> None:
    fault = outcome_of(DoesNotFit(HOSTILE, fix=HOSTILE), Measurement(metrics=()))
    night(store, config, trials=6, at_s=1000, answer=lambda _job: fault)
    document = morning_document(morning(store, now_s=2000), [], with_db="")
    text, markdown = document_text(document), document_markdown(document)
    page = document_html(document)

    assert "\x1b" not in text + markdown
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "\\<script\\>alert(1)" in markdown
    (row,) = [line for line in markdown.splitlines() if line.startswith("| does-not-fit")]
    assert row.replace("\\|", "").count("|") == 7, "six columns"


def test_a_document_is_the_same_in_every_form() -> None:
    document = Document(
        title="Night",
        sections=[
            Section(
                heading="Front",
                lines=["Two designs."],
                table=Table(header=["trial", "what"], rows=[["1", "a|b"], ["2", "c_d"]]),
                items=[Item(text="Look.", command="show 1")],
            )
        ],
    )

    assert document_text(document).splitlines()[3:] == [
        "Front",
        "-----",
        "Two designs.",
        "trial  what",
        "-----  ----",
        "1      a|b",
        "2      c_d",
        "- Look.",
        "    show 1",
    ]
    markdown = document_markdown(document)
    assert "| 1 | a\\|b |" in markdown
    assert "      show 1" in markdown
    assert "<code>show 1</code>" in document_html(document)


def test_the_front_is_in_the_file(store: Store, config: StudyConfig) -> None:
    night(store, config, trials=20, at_s=1000)
    found = morning(store, now_s=2000)
    page = document_html(morning_document(found, [], with_db="", picture=front_svg(found)))

    assert "<svg" in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", ""), "needs no other file"
