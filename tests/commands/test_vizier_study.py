"""``export --vizier`` and ``import``: a study is the same after a way through Vizier's own file."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.faults import ConfigError
from dse.config import StudyConfig
from dse.config.known_space import space_json
from dse.results.study_results import study_front
from dse.store import NewTrial, Store, TrialState
from dse.suggest import make_suggester
from tests.campaign.fake_rooms import fake_space
from tests.campaign.test_campaign import CONFIG, campaign
from tests.commands.here import call_here
from tests.suggest.quiet_vizier import clients, vz

# isort: split
import dse.commands.vizier_study as commands
from dse.commands.vizier_study import export_vizier, import_vizier
from dse.config import load_config
from dse.suggest.vizier_api.study_file import OWNER, write_study

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@pytest.fixture
def config(tmp_path: Path) -> StudyConfig:
    (tmp_path / "net.tflite").write_bytes(b"net")
    text = CONFIG.replace("trials = 6", "trials = 20") + "\n[constraints]\nmult18x18d = 6\n"
    (tmp_path / "night.toml").write_text(text)
    return load_config(tmp_path / "night.toml")[1]


@pytest.fixture
def store(tmp_path: Path, config: StudyConfig) -> Iterator[Store]:
    """A study with 20 ended trials, some infeasible, some outside of a constraint, and two open."""
    with Store(tmp_path / "results.db") as opened:
        running = campaign(opened, config, suggester=make_suggester("random"))
        running.run()
        space = fake_space()
        opened.describe_space(running.study.id, space_json(space, ()))
        tried = {result.trial.design_id for result in opened.results(running.study.id)}
        left = [design for design in space.enumerate() if design.id not in tried][:2]
        new = [NewTrial(design_id=d.id, design_json=d.canonical, suggested_by="hand") for d in left]
        opened.add_trials(running.study.id, new, context="x", budget=None, now_s=1.0)
        yield opened


def imported_into(tmp_path: Path, file: Path, **options: object) -> Store:
    copy = Store(tmp_path / "copy.db")
    given = {"study": None, "owner": OWNER, "config_file": None, "now_s": 5.0, **options}
    import_vizier(file, copy, **given)  # type: ignore[arg-type]
    return copy


def test_vizier_alone_reads_what_was_exported(tmp_path: Path, store: Store) -> None:
    file = tmp_path / "night.vizier"
    assert export_vizier(store, "night", file) == 22
    clients.environment_variables.servicer_kwargs["database_url"] = f"sqlite:///{file}"
    study = clients.Study.from_owner_and_id(OWNER, "night")
    config = study.materialize_study_config()
    assert config.search_space.is_conditional
    assert [m.name for m in config.metric_information] == ["latency_us", "lut4"]
    trials = list(study.trials().get())
    results = {r.trial.number: r for r in store.results(store.study("night").id)}
    assert len(trials) == 22
    for trial in trials:
        result = results[trial.id]
        if result.trial.state is TrialState.WAITING:
            assert trial.status is vz.TrialStatus.REQUESTED
            continue
        is_out = result.metrics.get("mult18x18d", 0) > 6
        assert trial.infeasible == (result.trial.state is TrialState.INFEASIBLE or is_out)
        told = {name: metric.value for name, metric in trial.final_measurement.metrics.items()}
        assert told == result.metrics
        told_width = trial.parameters.get_value("simd_width")
        assert told_width == result.trial.design.get("simd_width")


def test_a_study_comes_back_with_its_front_and_its_open_trials(
    tmp_path: Path, store: Store
) -> None:
    file = tmp_path / "night.vizier"
    export_vizier(store, "night", file)
    with imported_into(tmp_path, file) as copy:
        columns, found = study_front(copy, "night")
        before, expected = study_front(store, "night")
        assert [p.metrics for p in found.points] == [p.metrics for p in expected.points]
        assert [p.estimates for p in found.points] == [p.estimates for p in expected.points]
        assert len(found.excluded) == len(expected.excluded) > 0
        for state in (TrialState.COMPLETED, TrialState.INFEASIBLE, TrialState.WAITING):
            assert columns.is_state(state).sum() == before.is_state(state).sum() > 0
        assert columns.config.to_json() == before.config.to_json()


def test_imported_results_are_not_taken_for_measurements_of_this_machine(
    tmp_path: Path, store: Store
) -> None:
    file = tmp_path / "night.vizier"
    export_vizier(store, "night", file)
    with imported_into(tmp_path, file) as copy:
        contexts = {result.trial.context for result in copy.results(copy.study("night").id)}
        assert len(contexts) == 1
        assert contexts.pop().startswith("imported ")


def test_a_file_or_a_study_that_is_there_is_not_overwritten(tmp_path: Path, store: Store) -> None:
    file = tmp_path / "night.vizier"
    export_vizier(store, "night", file)
    before = file.read_bytes()
    with pytest.raises(ConfigError, match=r"night.vizier exists.*\n  fix: name another file"):
        export_vizier(store, "night", file)
    with pytest.raises(ConfigError, match=r"has a study night already\n  fix: use another data"):
        import_vizier(file, store, study=None, owner=OWNER, config_file=None, now_s=1.0)
    assert file.read_bytes() == before


def foreign(config: vz.StudyConfig | None = None) -> vz.StudyConfig:
    """The space of the fake rooms as a stranger writes it, without a word of ours."""
    found = config or vz.StudyConfig()
    root = found.search_space.root
    root.add_discrete_param("icache_bytes", [0, 1024, 2048, 4096])
    root.add_bool_param("bypass")
    root.add_categorical_param("cfu", ["none", "simd"])
    root.select("cfu", ["simd"]).add_discrete_param("simd_width", [1, 2, 4, 8, 16])
    goal = vz.ObjectiveMetricGoal.MINIMIZE
    for name in ("latency_us", "lut4"):
        found.metric_information.append(vz.MetricInformation(name, goal=goal))
    return found


def foreign_trials() -> list[vz.Trial]:
    first = vz.Trial(id=1, parameters={"icache_bytes": 1024, "bypass": "True", "cfu": "none"})
    first.complete(vz.Measurement({"latency_us": 5.0, "lut4": 900.0}))
    wide = {"icache_bytes": 0, "bypass": "False", "cfu": "simd", "simd_width": 16}
    second = vz.Trial(id=2, parameters=wide)
    second.complete(vz.Measurement(), infeasibility_reason="17 multipliers")
    third = vz.Trial(id=3, parameters={**wide, "simd_width": 2})
    return [first, second, third]


@pytest.fixture
def fake_rooms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "assemble_space", fake_space)


@pytest.mark.usefixtures("fake_rooms", "config")
def test_a_strangers_study_becomes_one_of_a_config(tmp_path: Path) -> None:
    file = tmp_path / "theirs"
    write_study(file, name="theirs", config=foreign(), trials=foreign_trials())
    before = file.read_bytes()
    with imported_into(tmp_path, file, config_file=tmp_path / "night.toml") as copy:
        results = copy.results(copy.study("night").id)
        assert [r.trial.state.value for r in results] == ["completed", "infeasible", "waiting"]
        assert results[0].metrics == {"latency_us": 5.0, "lut4": 900.0}
        assert results[0].estimates == {"latency_us", "lut4"}  # nobody says how they were obtained
        assert results[1].what == "imported as infeasible: 17 multipliers"
        assert results[2].trial.design["simd_width"] == 2
    assert file.read_bytes() == before


def with_parameter(name: str, value: object) -> list[vz.Trial]:
    trials = foreign_trials()
    trials[0].parameters[name] = value
    return trials


def without_lut4() -> list[vz.Trial]:
    trial = replace_measurement(foreign_trials()[0], {"latency_us": 5.0})
    return [trial]


def replace_measurement(trial: vz.Trial, metrics: dict[str, float]) -> vz.Trial:
    other = vz.Trial(id=trial.id, parameters=trial.parameters)
    other.complete(vz.Measurement(metrics))
    return other


def maximising() -> vz.StudyConfig:
    found = foreign()
    found.metric_information = [
        vz.MetricInformation("latency_us", goal=vz.ObjectiveMetricGoal.MAXIMIZE)
    ]
    return found


@pytest.mark.usefixtures("fake_rooms", "config")
@pytest.mark.parametrize(
    ("config_of", "trials_of", "what"),
    [
        (foreign, lambda: with_parameter("icache_bytes", 3000), r"trial 1 .* icache_bytes is 3000"),
        (foreign, lambda: with_parameter("lanes", 2), r"trial 1 .* no parameter 'lanes'"),
        (foreign, lambda: with_parameter("cfu", "simd"), r"trial 1 .* simd_width is missing"),
        (foreign, without_lut4, r"trial 1 .* completed without lut4"),
        (maximising, foreign_trials, r"has the objectives latency_us \(maximise\), the config "),
    ],
    ids=["value", "name", "missing", "metric", "goal"],
)
def test_a_study_that_does_not_map_is_named_and_nothing_is_stored(
    tmp_path: Path, config_of: object, trials_of: object, what: str
) -> None:
    file = tmp_path / "theirs"
    write_study(file, name="theirs", config=config_of(), trials=trials_of())  # type: ignore[operator]
    with Store(tmp_path / "copy.db") as copy:
        with pytest.raises(ConfigError, match=rf"{what}[^\n]*\n  fix: "):
            import_vizier(
                file, copy, study=None, owner=OWNER, config_file=tmp_path / "night.toml", now_s=1.0
            )
        assert copy.summaries() == ()


def test_what_is_no_study_of_viziers_is_named(tmp_path: Path, store: Store) -> None:
    def refused(file: Path, **options: object) -> str:
        given = {"study": None, "owner": OWNER, "config_file": None, "now_s": 1.0, **options}
        with pytest.raises(ConfigError, match="\n  fix: ") as caught:
            import_vizier(file, store, **given)  # type: ignore[arg-type]
        return str(caught.value)

    text = tmp_path / "notes.txt"
    text.write_text("no database")
    assert "notes.txt is not a database of Vizier's" in refused(text)
    assert "there is no file" in refused(tmp_path / "none")
    assert f"has no studies of owner '{OWNER}'" in refused(store.place)
    theirs = tmp_path / "theirs"
    write_study(theirs, name="theirs", config=foreign(), trials=[])
    assert "has no study 'mine' of owner" in refused(theirs, study="mine")
    assert "was not exported by this program" in refused(theirs)
    assert "has no studies of owner 'me'" in refused(theirs, owner="me")


def test_no_database_is_made_for_a_file_that_is_none_of_viziers(tmp_path: Path) -> None:
    ended = call_here("import", "none", folder=tmp_path)
    assert ended.returncode
    assert "there is no file none\n  fix: " in ended.stderr
    assert list(tmp_path.iterdir()) == []
