"""Starting a study in the browser: what it would do is shown first; nobody's code runs."""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext

from dse.campaign.planning import expected
from dse.config import config_from_json
from dse.config.trust import code_and_hooks_of, trust
from dse.shipped import OUR_MODEL
from dse.store import Store
from dse.store.workers import worker_name
from tests.config.foreign_study import ForeignStudy
from tests.dashboard.conftest import Served
from tests.dashboard.http import Asking, acting, client

GOOD = f"""[study]
name = "first"
trials = 6
workers = 2
[workload]
model = "{OUR_MODEL}"
[space]
cfu = ["none", "simd"]
"""


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "configs"
    made.mkdir()
    (made / "first.toml").write_text(GOOD)
    (made / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    return made


class Desk:
    """A dashboard with a folder of configs, and what it was told to start."""

    def __init__(self, database: Path, *folders: Path) -> None:
        self.database = database
        self.started: list[tuple[str, Path]] = []
        self.asking: Asking = acting(client(database, configs=folders, started=self.started))

    def look(self, config: str) -> str:
        answer = self.asking.get(f"/start?config={config}")
        assert answer.status_code == 200, answer.text
        return answer.text


@pytest.fixture
def desk(database: Path, folder: Path) -> Desk:
    return Desk(database, folder)


def test_the_configs_of_the_folders_are_offered_and_nothing_else(
    desk: Desk, tmp_path: Path
) -> None:
    page = desk.asking.get("/start").text
    assert "first.toml" in page
    assert "pyproject.toml" not in page
    assert '<a class="button quiet" href="/start">' in desk.asking.get("/").text
    (tmp_path / "secret.toml").write_text(GOOD)
    for name in ("../secret.toml", str(tmp_path / "secret.toml"), "/etc/passwd", "pyproject.toml"):
        assert desk.asking.get(f"/start?config={name}").status_code == 404


def test_a_page_says_what_a_config_would_do_and_starts_nothing(desk: Desk) -> None:
    page = desk.look("first.toml")
    assert "designs of" in page
    assert "6, 2 at the same time; each as far as synthesise" in page
    assert "about " in page
    assert "an estimate of " in page
    assert re.search(r"as \d+ trials of imgc, table", page)
    assert f"start {desk.asking.app.state.context.configs.first}/first.toml" in page
    assert desk.started == []
    with Store(desk.database) as store:
        assert store.find_study("first") is None


def test_the_time_is_that_of_a_study_of_the_same_network_target_and_fidelity(desk: Desk) -> None:
    with Store(desk.database) as store:
        study = store.study("imgc")
        config = json.loads(study.config_json)
        digest = "0" * 64
        config["workload"]["model_sha256"] = digest
        store.update_config(study.id, config_toml="", config_json=json.dumps(config))
        worked_s = store.worked_s(study.id, now_s=store.now_s())
    looked = config_from_json(json.dumps(config | {"study": config["study"] | {"workers": 4}}))
    with Store(desk.database) as store:
        found = expected(looked, store)
    assert found is not None
    assert (found.study, found.trials) == ("imgc", 48)
    assert found.trial_s == pytest.approx(worked_s / 48)
    assert found.wall_s == pytest.approx(found.trial_s * looked.trials / 4)


def test_all_mistakes_of_a_config_are_shown_at_once(desk: Desk, folder: Path) -> None:
    wrong = GOOD.replace("trials = 6", "trials = 0\nfidelty = 'place'").replace("simd", "sind")
    (folder / "wrong.toml").write_text(wrong)
    page = desk.look("wrong.toml")
    assert "3 mistakes" in page
    assert "did you mean &#39;fidelity&#39;?" in page
    assert "Start it" not in page
    answer = desk.asking.post("/start", data={"config": "wrong.toml"})
    assert answer.status_code == 400
    assert "fidelty" in answer.text
    assert "trials is 0" in answer.text
    assert desk.started == []


def test_starting_makes_the_study_and_a_process_for_it(desk: Desk, folder: Path) -> None:
    answer = desk.asking.post("/start", data={"config": "first.toml"})
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"done": "a process was started for first", "page": "/studies/first"}
    assert desk.started == [("first", (folder / "first.toml").resolve())]
    assert desk.asking.get("/studies/first").status_code == 200
    with Store(desk.database) as store:
        assert store.study("first").config_toml == GOOD
        audit = store.audits(limit=1)[0]
    assert (audit.action, audit.study, audit.detail) == ("start", "first", {"config": "first.toml"})
    assert "there already" in desk.look("first.toml")
    assert "Go on with it" in desk.look("first.toml")


def test_a_study_with_another_config_is_left_alone_in_the_words_of_the_command(
    desk: Desk, folder: Path
) -> None:
    assert desk.asking.post("/start", data={"config": "first.toml"}).status_code == 200
    (folder / "first.toml").write_text(GOOD.replace('"none", "simd"', '"none"'))
    answer = desk.asking.post("/start", data={"config": "first.toml"})
    assert answer.status_code == 400
    assert "was started with another config" in answer.json()["error"]
    assert "resume first" in answer.json()["fix"]
    assert len(desk.started) == 1
    assert "was started with another config" in desk.look("first.toml")


def test_a_study_that_is_worked_on_gets_no_second_process(desk: Desk) -> None:
    assert desk.asking.post("/start", data={"config": "first.toml"}).status_code == 200
    with Store(desk.database) as store:
        store.enter("first", worker=worker_name(os.getpid()), now_s=1_800_000_000.0)
    answer = desk.asking.post("/start", data={"config": "first.toml"})
    assert answer.json()["done"] == "a running process works on it already"
    assert len(desk.started) == 1


@pytest.mark.parametrize("path", ["/start", "/start/text"])
def test_starting_wants_the_token_and_a_page_of_ours(desk: Desk, path: str) -> None:
    form = {"config": "first.toml", "text": GOOD.replace("first", "second")}
    elsewhere = {"sec-fetch-site": "cross-site"}
    assert desk.asking.post(path, data=form, headers=elsewhere).status_code == 403
    desk.asking.token = ""
    assert desk.asking.post(path, data=form).status_code == 403
    assert desk.started == []
    assert not (desk.asking.app.state.context.configs.first / "second.toml").exists()


def test_without_folders_nothing_can_be_started(database: Path) -> None:
    desk = Desk(database)
    assert 'href="/start"' not in desk.asking.get("/").text
    assert desk.asking.get("/start").status_code == 400
    answer = desk.asking.post("/start", data={"config": "first.toml"})
    assert answer.status_code == 400
    assert "was started for no folder" in answer.text


def test_what_is_pasted_is_kept_once_nothing_is_wrong_in_it(desk: Desk, folder: Path) -> None:
    text = GOOD.replace('name = "first"', 'name = "second"')
    wrong = text.replace("trials = 6", "trials = 0").replace("workers = 2", "wrkers = 2")
    answer = desk.asking.post("/start/text", data={"text": wrong})
    assert answer.status_code == 400
    assert "the pasted config has 2 mistakes" in answer.json()["error"]
    assert not (folder / "second.toml").exists()

    sent = desk.asking.post("/start/text", data={"text": text.replace("\n", "\r\n")})
    assert sent.json()["page"] == "/start?config=second.toml"
    assert (folder / "second.toml").read_text() == text
    assert "designs of" in desk.look("second.toml")

    long = desk.asking.post("/start/text", data={"text": text + "#" * 100_001})
    assert "letters" in long.json()["error"]
    again = desk.asking.post("/start/text", data={"text": text})
    assert again.status_code == 400
    assert "stays as it is" in again.json()["error"]
    assert desk.started == []


def test_code_of_its_own_is_named_and_not_run_until_the_user_agreed(tmp_path: Path) -> None:
    study = ForeignStudy(tmp_path)
    (tmp_path / "mine.toml").write_text(
        (tmp_path / "night.toml").read_text().replace('name = "night"', 'name = "mine"')
    )
    desk = Desk(study.database, tmp_path)
    page = desk.look("mine.toml")
    assert "code of its own decides" in page
    assert "its config names and you have not agreed to" in page
    assert str(study.module) in page
    assert str(study.operator) in page
    assert "Start it" not in page
    answer = desk.asking.post("/start", data={"config": "mine.toml"})
    assert answer.status_code == 403
    assert str(study.module) in answer.json()["error"]
    command = f"start {tmp_path}/mine.toml --db {study.database}"
    assert command in answer.json()["fix"]
    with Store(study.database) as store:
        assert store.audits(limit=1)[0].outcome.startswith("failed: ")
        config = config_from_json(store.study("night").config_json)
    assert desk.started == []

    trust(code_and_hooks_of(config))
    assert "Start it" in desk.look("mine.toml")
    answer = desk.asking.post("/start", data={"config": "mine.toml"})
    assert answer.json() == {"done": "a process was started for mine", "page": "/"}
    assert desk.started == [("mine", tmp_path / "mine.toml")]
    assert not study.mark.exists()


def test_a_hook_is_code_too(desk: Desk, folder: Path) -> None:
    (folder / "first.toml").write_text(f'{GOOD}[notify]\ncommand = ["touch", "/tmp/x"]\n')
    assert "touch" in desk.look("first.toml")
    answer = desk.asking.post("/start", data={"config": "first.toml"})
    assert answer.status_code == 403
    assert desk.started == []


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ("[cfu]\nfamilies = ['none.py']\n", "there is no file"),
        ("[metrics]\nfiles = ['none.py']\n", "there is no file"),
        ("[notify]\ndisk_low = 'much'\n[cfu]\nfamilies = ['x.y']\n", "disk_low"),
        ("[cfu]\nfamilies = 3\n", "families"),
    ],
)
def test_what_is_wrong_around_code_is_said_without_running_it(
    desk: Desk, folder: Path, extra: str, said: str
) -> None:
    (folder / "own.toml").write_text(GOOD + extra)
    page = desk.look("own.toml")
    assert "1 mistake" in page
    assert said in page


def test_a_person_starts_a_study_with_the_mouse(
    database: Path, folder: Path, serve: Callable[..., Served], context: BrowserContext
) -> None:
    served = serve(database, configs=[folder])
    page = context.new_page()
    page.goto(served.acting_url)
    page.click("text=Start a study")
    page.fill("textarea", GOOD.replace('"first"', '"second"'))
    page.click("button:has-text('Check and keep')")
    page.wait_for_url("**/start?config=second.toml")
    assert "was written" in page.inner_text("#done")
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.click("button:has-text('Start it')")
    page.wait_for_url("**/studies/second")
    assert "a process was started for second" in page.inner_text("#done")
    assert served.started == [("second", (folder / "second.toml").resolve())]
