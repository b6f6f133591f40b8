"""A study that changes while people look, and databases in every state."""

import multiprocessing
import re
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from contracts.measurement import Completed, Fidelity, Measurement, Metric
from dse.store import NewTrial, RetryPolicy, Store, StudyRecord
from runners.job import SimulatedCycles, StageEvent, StageState
from tests.dashboard.conftest import TOKEN, Served, Watched

Drawn = Callable[[Page], None]
Serve = Callable[[Path], Served]


def outcome(latency_us: float, lut4: float) -> Completed:
    values = {"latency_us": latency_us, "lut4": lut4, "cycles": latency_us * 50}
    values |= {"dp16kd": 40.0, "mult18x18d": 4.0}  # what the study's constraints ask for
    return Completed(
        measurement=Measurement(
            metrics=tuple(
                Metric(name=name, value=value, unit="x", fidelity=Fidelity.SYNTHESISED)
                for name, value in values.items()
            )
        )
    )


def begin(store: Store, study: StudyRecord, name: str, worker: str = "w") -> int:
    """Queue and claim a trial; return its attempt."""
    text = f'{{"schema":1,"values":{{"cfu":"none","icache_bytes":{len(name) * 1024}}}}}'
    new = NewTrial(design_id=name, design_json=text, suggested_by="test")
    # queued a minute ago: a writer that waits long for its turn may claim the newest trial, too
    store.add_trials(study.id, [new], context=name, budget=None, now_s=time.time() - 60)
    claim = store.claim(study.id, worker=worker, now_s=time.time(), lease_s=600)
    assert claim is not None
    return claim.attempt_id


def end(store: Store, attempt: int, latency_us: float, lut4: float) -> None:
    done = outcome(latency_us, lut4)
    store.finish(attempt, done, now_s=time.time(), retry=RetryPolicy())


def test_a_trial_appears_in_chart_and_tables_by_itself(
    database: Path, serve: Serve, page: Page, drawn: Drawn
) -> None:
    served = serve(database)
    page.goto(f"{served.url}/studies/imgc")
    drawn(page)
    expect(page.locator("#live")).to_have_text("live")
    with Store(database) as store:
        study = store.study("imgc")
        attempt = begin(store, study, "a")
        expect(page.locator(".running tbody th")).to_have_text("49")
        store.note_stage(attempt, "synthesise-cpu", now_s=time.time())
        expect(page.locator(".running .tag")).to_have_text("synthesise-cpu")
        store.note_stage(attempt, "simulate", now_s=time.time())
        cycles = SimulatedCycles(done=3_000_000, expected=12_000_000)
        told = StageEvent(stage="simulate", state=StageState.STARTED, fraction=0.25, cycles=cycles)
        store.note_progress({attempt: told})
        expect(page.locator(".running .tag")).to_have_text(
            "simulate 25%, 3.0 of about 12.0 Mcycles"
        )
        expect(page.locator(".figures")).to_contain_text("left")  # the estimated time
        page.locator("#part-trials input[value='40']").check()
        page.locator("#part-growth summary").click()
        end(store, attempt, 50_000.0, 4_000.0)  # better than everything
        page.wait_for_selector('#front-chart[data-points="46"][data-front="1"]')
    expect(page.locator("#front-table tbody th")).to_have_text(["49"])
    expect(page.locator("#part-progress .figures")).to_contain_text("49")
    expect(page.locator(".running")).to_have_count(0)
    expect(page.locator("#part-trials tbody th").first).to_have_text("49")
    expect(page.locator("#part-trials input[value='40']")).to_be_checked()
    assert page.locator("#part-growth details").get_attribute("open") is not None


def test_the_list_of_studies_and_an_open_trial_follow(
    database: Path, serve: Serve, context: BrowserContext
) -> None:
    served = serve(database)
    first, trial = context.new_page(), context.new_page()
    first.goto(served.url)
    row = first.locator("tr", has=first.get_by_role("link", name="imgc", exact=True))
    expect(first.locator("#live")).to_have_text("live")
    with Store(database) as store:
        attempt = begin(store, store.study("imgc"), "a")
        expect(row).to_contain_text("running")
        trial.goto(f"{served.url}/studies/imgc/trials/49")
        expect(trial.locator("main")).to_contain_text("running")
        expect(trial.locator("#live")).to_have_text("live")
        trial.get_by_role("textbox", name="Compare with").fill("4, 4")
        store.note_stage(attempt, "simulate", now_s=time.time())
        expect(trial.locator("#at-standing .tag")).to_have_text("simulate")
        cycles = SimulatedCycles(done=3_000_000, expected=12_000_000)
        told = StageEvent(stage="simulate", state=StageState.STARTED, fraction=0.25, cycles=cycles)
        store.note_progress({attempt: told})
        expect(trial.locator("#at-standing .tag")).to_have_text(
            "simulate 25%, 3.0 of about 12.0 Mcycles"
        )
        expect(trial.get_by_label("Of this stage")).to_have_attribute("value", "0.250")
        expect(trial.get_by_role("textbox", name="Compare with")).to_have_value("4, 4")
        end(store, attempt, 50_000.0, 4_000.0)
    expect(trial.locator("main")).to_contain_text("on the front")
    expect(row).to_contain_text("49 of 49")


def write_trials(database: Path, worker: int, count: int) -> None:
    with Store(database) as store:
        study = store.study("imgc")
        for number in range(count):
            attempt = begin(store, study, f"w{worker}-{number}", worker=f"w{worker}")
            store.note_stage(attempt, "simulate", now_s=time.time())
            time.sleep(0.02)
            end(store, attempt, 60_000.0 + 997 * worker + 31 * number, 5_000.0 + 13 * number)


@pytest.mark.slow
def test_pages_hold_while_four_workers_write(
    database: Path, serve: Serve, context: BrowserContext, drawn: Drawn
) -> None:
    served = serve(database)
    study, other = context.new_page(), context.new_page()
    study.goto(f"{served.url}/studies/imgc")
    drawn(study)
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=write_trials, args=(database, n, 20)) for n in range(4)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        for path in ("/", "/studies/imgc", "/studies/imgc/trials/47"):
            answer = other.goto(f"{served.url}{path}")
            assert answer is not None
            assert answer.status == 200
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    expect(study.locator("#front-chart")).to_have_attribute("data-points", str(45 + 80))
    expect(study.locator("#part-trials .head .soft")).to_have_text("128")
    numbers = study.locator("#front-table tbody th").all_inner_texts()
    study.reload()
    drawn(study)
    assert study.locator("#front-table tbody th").all_inner_texts() == numbers


def test_acting_in_the_browser_needs_the_printed_address(
    database: Path, serve: Serve, page: Page
) -> None:
    served = serve(database)
    page.goto(f"{served.url}/studies/imgc")
    for form in page.locator("form[method=post]").all():
        expect(form).to_be_hidden()
    page.goto(f"{served.url}/studies/imgc/queue")
    expect(page.locator("main")).to_contain_text("Acting needs the token")
    page.goto(served.acting_url)
    assert TOKEN not in page.url
    assert page.context.cookies() == []
    page.goto(f"{served.url}/studies/imgc")
    page.locator(".acts button", has_text="Resume").click()
    expect(page.locator("#done")).to_contain_text("a process was started")
    assert served.resumed == ["imgc"]
    page.goto(f"{served.url}/studies/imgc/trials/47")
    page.locator("a", has_text="Queue one like it").click()
    page.select_option("select[name=design-simd_width]", "8")
    page.locator("main button", has_text="Queue").click()
    expect(page.locator("#done")).to_contain_text("queued as trial 49")
    assert "?" not in page.url
    page.reload()
    expect(page.locator("#done")).to_be_empty()  # said once
    page.locator("#part-progress summary", has_text="waits").click()
    page.locator("button", has_text="Take back").click()
    expect(page.locator("#done")).to_contain_text("trial 49 was taken back")
    expect(page.locator("#part-progress")).not_to_contain_text("waits")
    page.goto(f"{served.url}/audit")
    expect(page.locator("tbody tr")).to_have_count(3)
    expect(page.locator("tbody tr").nth(1)).to_contain_text("simd_width=8")


def test_stop_shows_until_the_running_trials_have_ended(
    database: Path, serve: Serve, page: Page
) -> None:
    served = serve(database)
    with Store(database) as store:
        attempt = begin(store, store.study("imgc"), "a")
        page.goto(served.acting_url)
        page.goto(f"{served.url}/studies/imgc")
        page.locator(".acts button", has_text="Pause after these trials").click()
        expect(page.locator(".acts")).to_contain_text("Pausing")
        end(store, attempt, 50_000.0, 4_000.0)
        expect(page.locator(".acts")).to_contain_text("Paused as somebody asked")


def test_an_empty_database_says_how_to_start_and_shows_the_first_study(
    tmp_path: Path, serve: Serve, page: Page, example: Path
) -> None:
    database = tmp_path / "empty.db"
    Store(database).close()
    served = serve(database)
    page.goto(served.url)
    expect(page.locator("main")).to_contain_text("No studies yet")
    expect(page.locator("#live")).to_have_text("live")
    with Store(example) as store:
        config_json = store.study("imgc").config_json.replace('"imgc"', '"first"')
    with Store(database) as store:
        store.create_study(
            name="first", config_toml="", config_json=config_json, source_hash="", now_s=1.0
        )
    expect(page.locator("tbody a")).to_have_text("first")
    page.locator("tbody a").click()
    expect(page.locator("#front-table")).to_contain_text("No trial has completed")
    expect(page.locator("#front-chart")).to_have_attribute("data-points", "0")


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        ("newer", "has schema 9999"),
        ("removed", "there is no database"),
        ("foreign", "is not an SQLite database"),
    ],
)
def test_a_database_that_cannot_be_used_says_why(
    database: Path, serve: Serve, page: Page, watched: Watched, harm: str, message: str
) -> None:
    watched.expected = ("503",)
    if harm == "newer":
        connection = sqlite3.connect(database)
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
        connection.close()
    else:
        database.unlink()
        if harm == "foreign":
            database.write_bytes(b"something else entirely" * 100)
    served = serve(database)
    for path in ("/", "/studies/imgc", "/studies/imgc/trials/1"):
        answer = page.goto(f"{served.url}{path}")
        assert answer is not None
        assert answer.status == 503
        expect(page.locator("main")).to_contain_text(message)
        expect(page.locator("main")).to_contain_text("Fix:")


def test_another_database_in_its_place_is_seen(
    database: Path, serve: Serve, page: Page, tmp_path: Path
) -> None:
    served = serve(database)
    page.goto(served.url)
    expect(page.locator("tbody tr")).to_have_count(3)
    other = tmp_path / "other.db"
    Store(other).close()
    other.rename(database)
    page.reload()
    expect(page.locator("main")).to_contain_text("No studies yet")


def test_text_and_marks_stand_out_from_their_ground() -> None:
    """WCAG 2.1 AA: 4.5 for text, 3 for what charts are made of; both themes."""
    sheet = (Path(__file__).parents[2] / "dse/dashboard/static/style.css").read_text()
    light, dark = re.findall(r":root(?:\[[^\]]*\])? \{([^}]*)\}", sheet)[:2]
    for block in (light, dark):
        colour = dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6})", block))
        for ground in ("surface", "page", "wash"):
            for text in ("ink", "soft", "link"):
                assert contrast(colour[text], colour[ground]) >= 4.5, (text, ground)
        for mark in ("front", "dominated", "bad", "limit", "good"):
            assert contrast(colour[mark], colour["surface"]) >= 3, mark


def contrast(one: str, other: str) -> float:
    def luminance(text: str) -> float:
        parts = [int(text[n : n + 2], 16) / 255 for n in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)
