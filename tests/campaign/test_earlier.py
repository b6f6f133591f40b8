"""A study learns from others of the same space, named by its config, and from no other kind."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from contracts.faults import ConfigError, ConfigMistakes
from contracts.parameter import Condition, Parameter
from dse.campaign.earlier import EarlierStudies
from dse.config import StudyConfig, config_from_json, differences, load_config
from dse.config.known_space import space_json
from dse.space import Space, space_differences
from dse.store import Store
from dse.suggest import EarlierStudy, Suggestion, SuggestRequest, make_suggester
from tests.campaign.fake_rooms import PARAMETERS, fake_space, metrics_of
from tests.campaign.test_campaign import CONFIG, campaign


@dataclass
class Listening:
    """Draws at random and remembers what it was told of other studies."""

    name: str = "listening"
    heard: list[tuple[EarlierStudy, ...]] = field(default_factory=list)

    def suggest(self, request: SuggestRequest) -> tuple[Suggestion, ...]:
        self.heard.append(request.earlier)
        return make_suggester("random").suggest(request)

    def close(self) -> None: ...


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "results.db") as opened:
        yield opened


@pytest.fixture
def config(tmp_path: Path) -> StudyConfig:
    return read(tmp_path, CONFIG)


def read(folder: Path, text: str) -> StudyConfig:
    (folder / "net.tflite").write_bytes(b"net")
    (folder / "night.toml").write_text(text)
    return load_config(folder / "night.toml")[1]


def learning(config: StudyConfig, *names: str) -> StudyConfig:
    return replace(config, suggest=replace(config.suggest, learn_from=names))


def run_before(store: Store, config: StudyConfig, space: Space) -> None:
    """Run a study called before, whose space is kept as ``start`` keeps it."""
    before = campaign(store, config, name="before")
    store.describe_space(before.study.id, space_json(space, ()))
    before.run()


def test_the_search_is_told_what_the_other_study_found(
    store: Store, config: StudyConfig, tmp_path: Path
) -> None:
    # it was after something else
    cells = read(tmp_path, CONFIG + '[objectives]\nminimise = ["mult18x18d"]\n')
    run_before(store, cells, fake_space())
    listening = Listening()
    campaign(store, learning(config, "before"), suggester=listening).run()
    for (one,) in listening.heard:
        assert one.name == "before"
        assert [o.metric for o in one.objectives] == ["mult18x18d"]
        assert len(one.observations) == 6
        feasible = [seen for seen in one.observations if seen.values is not None]
        assert len(feasible) >= 3
        for seen in feasible:
            measured = metrics_of(seen.design)
            assert seen.values == {n: measured[n] for n in ("mult18x18d", *config.objectives)}
    remark = "the search learns from study before: 6 finished designs of the same space"
    assert EarlierStudies(learning(config, "before"), fake_space(), store).remarks() == (remark,)


def test_a_study_that_is_deleted_meanwhile_is_remembered(store: Store, config: StudyConfig) -> None:
    run_before(store, config, fake_space())
    known = EarlierStudies(learning(config, "before"), fake_space(), store)
    store.delete_study("before", now_s=1e6, client="test")
    known.update(store)
    assert len(known.studies()[0].observations) == 6


def test_studies_that_cannot_be_learned_from_are_named(store: Store, config: StudyConfig) -> None:
    def refused(*names: str) -> str:
        with pytest.raises(ConfigError) as error:
            EarlierStudies(learning(config, *names), fake_space(), store)
        return str(error.value)

    assert "names 'before', and" in refused("before")
    assert "has no such study\n  fix: there is no other study; or take before out" in refused(
        "before"
    )
    width = replace(PARAMETERS[3], values=(1, 2, 4), default=2)
    run_before(store, config, Space((*PARAMETERS[:3], width)))
    assert "fix: did you mean 'before'" in refused("befor")
    told = refused("before")
    assert "of another space:\n  simd_width is one of 1, 2, 4, 8, 16 here, one of 1, 2, 4" in told
    assert "fix: give both studies the same [space] and families" in told


def test_spaces_differ_by_parameters_values_order_and_conditions_and_by_nothing_else() -> None:
    def parameter(name: str = "width", **other: object) -> Parameter:
        given = {"values": (1, 2), "default": 1, "description": "", "ordered": True, **other}
        return Parameter(name=name, **given)  # type: ignore[arg-type]

    cfu = Parameter(name="cfu", values=("simd", "none"), default="none", description="")
    simd = (Condition(parameter="cfu", values=("simd",)),)
    ours = Space((cfu, parameter()))
    same = Space((parameter(default=2, description="other"), replace(cfu, values=("none", "simd"))))
    assert space_differences(ours, same) == ()

    def told(other: Parameter) -> tuple[str, ...]:
        return space_differences(ours, Space((cfu, other)), there="in x")

    assert told(parameter("depth")) == (
        "depth is a parameter in x only",
        "width is a parameter here only",
    )
    assert told(parameter(values=(1, 4))) == ("width is one of 1, 2 here, one of 1, 4 in x",)
    assert told(parameter(ordered=False)) == ("the values of width are in order here only",)
    assert told(parameter(when=simd)) == ("width is there always here, when cfu is simd in x",)
    flags = Space((replace(cfu, name="f", values=(0, 1), default=0),))
    truths = Space((replace(cfu, name="f", values=(False, True), default=False),))
    assert len(space_differences(flags, truths)) == 1


def test_mistakes_that_need_no_database_are_found_with_the_file(tmp_path: Path) -> None:
    text = CONFIG.replace('algorithm = "random"', 'learn_from = ["night", "a", "a"]')
    with pytest.raises(ConfigMistakes) as error:
        read(tmp_path, text)
    assert "learn_from names night, which is this study itself" in str(error.value)
    assert "learn_from names a 2 times" in str(error.value)
    with pytest.raises(ConfigError, match="algorithm 'random' learns from no other study\n  fix"):
        read(tmp_path, CONFIG.replace('"random"', '"random"\nlearn_from = "a"'))


def test_the_names_survive_the_database_and_may_change(tmp_path: Path) -> None:
    text = CONFIG.replace('algorithm = "random"', 'learn_from = ["a", "b"]')
    config = read(tmp_path, text)
    assert config_from_json(config.to_json()).suggest.learn_from == ("a", "b")
    old = json.loads(config.to_json())
    del old["suggest"]["learn_from"]  # of an older version
    assert config_from_json(json.dumps(old)).suggest.learn_from == ()
    assert differences(config_from_json(json.dumps(old)), config) == ()
