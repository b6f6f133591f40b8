"""A database from somebody else: looking at it runs none of its code, acting on it asks first."""

import importlib
import json
import pkgutil
from pathlib import Path

import pytest
from starlette.routing import Route

from dse.config import StudyConfig, config_from_json
from dse.config.assembly import assemble_space
from dse.config.known_space import space_json
from dse.config.trust import code_of, trust
from dse.dashboard import pages
from dse.store import Store
from tests.config.foreign_study import ForeignStudy
from tests.dashboard.http import Asking, acting, client

ENDLESS = ("/events", "/studies/{study}/events")
PATH_VALUES = {
    "study": "night",
    "number": "1",
    "part": "front",
    "stage": "core",
    "name": "x",
    "version": "x",
    "chart": "front",
    "kind": "svg",
}


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def study(tmp_path: Path) -> ForeignStudy:
    return ForeignStudy(tmp_path)


@pytest.fixture
def asking(study: ForeignStudy) -> Asking:
    return acting(client(study.database, resume=lambda name: f"{name} goes on"))


def paths() -> list[str]:
    """Return one address for each way to look, the streams left out."""
    modules = [
        importlib.import_module(f"{pages.__name__}.{module.name}")
        for module in pkgutil.iter_modules(pages.__path__)
    ]
    found = ["/api/openapi.json"]
    for route in [
        r for module in modules if hasattr(module, "router") for r in module.router.routes
    ]:
        if isinstance(route, Route) and "GET" in (route.methods or ()):
            path = route.path
            if path in ENDLESS:
                continue
            for name, value in PATH_VALUES.items():
                for written in (f"{{{name}}}", f"{{{name}:path}}"):
                    path = path.replace(written, value)
            assert "{" not in path, f"say what {path} is asked for in PATH_VALUES"
            found.append(path)
    return found


def test_no_page_and_no_answer_runs_the_code_that_a_database_names(
    asking: Asking, study: ForeignStudy
) -> None:
    looked = paths()
    assert {"/", "/studies/night", "/studies/night/queue", "/api/studies/night"} <= set(looked)
    answered = {path: asking.get(path).status_code for path in looked}
    assert answered["/studies/night"] == answered["/api/studies/night/front"] == 200
    assert not study.mark.exists(), answered


def test_a_space_that_is_not_stored_is_said_to_be_unknown(
    asking: Asking, study: ForeignStudy
) -> None:
    page = asking.get("/studies/night/queue")
    assert page.status_code == 400
    assert "not known until the study is resumed" in page.text
    assert f"python -m dse.study resume night --db {study.database}" in page.text


def config_of(study: ForeignStudy) -> StudyConfig:
    with Store(study.database) as store:
        return config_from_json(store.study("night").config_json)


def store_space(study: ForeignStudy) -> None:
    """Do what the study's owner did when it was started."""
    with Store(study.database) as store:
        record, config = store.study("night"), config_of(study)
        text = space_json(assemble_space(config), code_of(config))
        store.describe_space(record.id, text)
    study.mark.unlink()


def queue_form(study: ForeignStudy, **changes: str) -> dict[str, str]:
    with Store(study.database) as store:
        text = store.study("night").space_json
    assert text is not None
    values = json.loads(text)["default"] | changes
    form = {
        f"design-{name}": str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in values.items()
    }
    return form


def test_a_design_is_queued_from_what_is_stored(asking: Asking, study: ForeignStudy) -> None:
    store_space(study)
    page = asking.get("/studies/night/queue")
    assert page.status_code == 200
    assert "mine_depth" in page.text
    assert "Rules that only the process that runs this study can decide" in page.text

    form = queue_form(study, cfu="mine", mine_depth="2")  # breaks a rule of theirs
    answer = asking.post("/studies/night/queue", data=form)
    assert answer.status_code == 200, answer.text
    wrong = queue_form(study, mine_depth="7", cfu="mine")
    assert asking.post("/studies/night/queue", data=wrong).status_code == 400
    with Store(study.database) as store:
        assert len(store.results(store.study("night").id)) == 2
    assert not study.mark.exists()


@pytest.mark.parametrize("action", ["resume", "queue"])
def test_acting_on_it_is_refused_with_the_files_and_the_command(
    asking: Asking, study: ForeignStudy, action: str
) -> None:
    store_space(study)
    form = queue_form(study) | {"start": "yes"}
    answer = asking.post(f"/studies/night/{action}", data=form)
    assert answer.status_code == 403
    assert str(study.module) in answer.text
    assert str(study.operator) in answer.text
    assert f"resume night --db {study.database} --trust" in answer.text
    with Store(study.database) as store:
        assert store.audits(limit=1)[0].outcome.startswith("failed: ")
        assert len(store.results(store.study("night").id)) == 1
    assert not study.mark.exists()

    trust(code_of(config_of(study)))
    assert asking.post(f"/studies/night/{action}", data=form).status_code == 200
