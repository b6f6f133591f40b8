"""Variants of a network in a config: values of a parameter, known by their content."""

import json
from pathlib import Path

import pytest

from contracts.faults import ConfigError
from dse.config import StudyConfig, config_from_json, differences, load_config, provenance
from dse.config.assembly import assemble_space
from dse.config.variants import file_name, variant_values

HEAD = '[study]\nname = "s"\ntrials = 1\n'
WORKLOAD = '[workload]\nmodels = ["a.tflite", "b.tflite"]\n'


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> None:
    (tmp_path / "a.tflite").write_bytes(b"first")
    (tmp_path / "b.tflite").write_bytes(b"second")


def load(folder: Path, text: str = WORKLOAD) -> StudyConfig:
    (folder / "s.toml").write_text(HEAD + text)
    return load_config(folder / "s.toml")[1]


def test_a_variant_is_named_by_its_file_and_known_by_its_content(tmp_path: Path) -> None:
    config = load(tmp_path)
    first, second = config.variants
    assert first.startswith("a.tflite@")
    assert file_name(second) == "b.tflite"
    assert config.variants[first].model_sha256.startswith(first.rpartition("@")[2])
    (tmp_path / "a.tflite").write_bytes(b"trained again")
    again = load(tmp_path)
    assert first not in again.variants
    assert second in again.variants
    (found,) = differences(config, again)
    assert found.startswith('[workload] models: ["a.tflite@'), "another network is another study"


def test_the_variants_are_a_parameter_and_each_has_all_other_designs(tmp_path: Path) -> None:
    variants = assemble_space(load(tmp_path))
    alone = assemble_space(load(tmp_path, '[workload]\nmodel = "a.tflite"\n'))
    assert variants.count() == 2 * alone.count()
    assert "model" not in {parameter.name for parameter in alone.parameters}
    (parameter,) = [each for each in variants.parameters if each.name == "model"]
    assert [file_name(str(value)) for value in parameter.values] == ["a.tflite", "b.tflite"]
    assert parameter.default == parameter.values[0]


def test_a_job_carries_the_model_of_its_design(tmp_path: Path) -> None:
    config = load(tmp_path)
    for value, name in zip(config.variants, ("a", "b"), strict=True):
        job = config.job({"model": value, "cfu": "none"})
        assert job.workload.model == tmp_path / f"{name}.tflite"
        assert job.serial.model_name == name
    assert config.job({}).workload.model.name == "a.tflite"
    with pytest.raises(ConfigError, match=r"has no variant 'c.tflite@0' .*\n  fix: use one of: a"):
        config.job({"model": "c.tflite@0"})


def test_a_name_that_the_config_gives_is_that_of_all_variants(tmp_path: Path) -> None:
    config = load(tmp_path, WORKLOAD + '[serial]\nmodel_name = "ic01"\n')
    assert {config.job({"model": v}).serial.model_name for v in config.variants} == {"ic01"}


def test_a_folder_is_all_models_in_it_and_one_text_is_a_list_of_one(tmp_path: Path) -> None:
    inner = tmp_path / "variants" / "pruned"
    inner.mkdir(parents=True)
    (inner / "a.tflite").write_bytes(b"third")
    (tmp_path / "variants" / "c.tflite").write_bytes(b"fourth")
    (tmp_path / "variants" / "notes.txt").write_text("not one")
    config = load(tmp_path, '[workload]\nmodels = "variants"\n')
    assert [file_name(value) for value in config.variants] == ["c.tflite", "a.tflite"]
    both = load(tmp_path, '[workload]\nmodels = ["a.tflite", "variants"]\n')
    names = [value.rpartition("@")[0] for value in both.variants]
    assert names == [f"{tmp_path.name}/a.tflite", "c.tflite", "pruned/a.tflite"]


def test_the_space_may_be_cut_to_variants_by_their_files(tmp_path: Path) -> None:
    first, second = load(tmp_path).variants
    config = load(tmp_path, WORKLOAD + '[space]\nmodel = "b.tflite"\n')
    (parameter,) = [p for p in assemble_space(config).parameters if p.name == "model"]
    assert parameter.values == config.space["model"] == tuple(config.variants) == (second,)
    assert config.job({}).workload.model.name == "b.tflite", "others are not looked at"
    assert config_from_json(config.to_json()) == config
    whole = load(tmp_path, WORKLOAD + f'[space]\nmodel = ["{first}"]\n')
    assert whole.space["model"] == (first,)


def test_a_stored_config_means_the_same_when_the_files_are_gone_or_moved(tmp_path: Path) -> None:
    config = load(tmp_path)
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for name in ("a.tflite", "b.tflite"):
        (tmp_path / name).rename(moved / name)
    assert config_from_json(config.to_json()) == config
    assert differences(config, load(moved)) == ()


def test_a_config_of_one_model_is_stored_as_before_there_were_variants(tmp_path: Path) -> None:
    config = load(tmp_path, '[workload]\nmodel = "a.tflite"\n')
    assert set(config.resolved["workload"]) == {
        *("model", "model_sha256", "golden_inputs", "seed", "operator_folders")
    }
    assert config.variants == {}
    assert config.serial.model_name == "a"
    assert config_from_json(json.dumps(config.resolved)) == config


def test_studies_of_other_sets_of_variants_share_what_they_have_in_common(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provenance, "all_identities", lambda: {"gcc": "12"})
    both, one = load(tmp_path), load(tmp_path, '[workload]\nmodels = ["b.tflite"]\n')
    assert provenance.context_of(both) == provenance.context_of(one)
    assert set(one.variants) < set(both.variants), "the same content has the same value"


def test_other_labelled_samples_are_another_context(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is measured with them would be reused."""
    monkeypatch.setattr(provenance, "all_identities", lambda: {"gcc": "12"})
    (tmp_path / "samples").mkdir()
    (tmp_path / "samples" / "x.bin").write_bytes(b"x")
    (tmp_path / "samples" / "y_labels.csv").write_text("x.bin,2,0\n")
    text = WORKLOAD + 'samples = "samples"\n'
    before = provenance.context_of(load(tmp_path, text))
    assert provenance.context_of(load(tmp_path)) != before
    (tmp_path / "samples" / "y_labels.csv").write_text("x.bin,2,1\n")
    assert provenance.context_of(load(tmp_path, text)) != before


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[workload]\n", r"has neither of model and models\n  fix: name one network as model"),
        (
            '[workload]\nmodel = "a.tflite"\nmodels = ["b.tflite"]\n',
            r"has both of model and models",
        ),
        ("[workload]\nmodels = []\n", r"models is an empty list"),
        (
            '[workload]\nmodels = ["a.tflite", "bb.tflite"]\n',
            r"models has 'bb.tflite', and there is no file or folder .*\n  fix: did you mean 'b.t",
        ),
        (
            '[workload]\nmodels = ["a.tflite", "copy.tflite"]\n',
            r"models has .*a.tflite and .*copy.tflite, which are the same network",
        ),
        ('[workload]\nmodels = "empty"\n', r"there is no \*\.tflite below"),
        (
            f'{WORKLOAD}model_sha256 = "{"0" * 64}"\n',
            r"model_sha256 is there without model\n  fix: write models_sha256",
        ),
        (
            f'{WORKLOAD}models_sha256 = ["{"0" * 64}"]\n',
            r"models_sha256 does not fit the files, whose SHA-256 are [0-9a-f]{64}, ",
        ),
        (
            f'[workload]\nmodel = "a.tflite"\nmodels_sha256 = ["{"0" * 64}"]\n',
            r"models_sha256 is there without models",
        ),
        (
            f'{WORKLOAD}[space]\nmodel = ["c.tflite"]\n',
            r"\[space\] model has 'c.tflite', which is no variant\n  fix: .*a.tflite",
        ),
        (
            '[workload]\nmodel = "a.tflite"\n[space]\nmodel = ["a.tflite"]\n',
            r"the space has no parameter 'model'",
        ),
    ],
)
def test_what_is_no_set_of_variants_is_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "copy.tflite").write_bytes(b"first")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match=words):
        assemble_space(load(tmp_path, text))


@pytest.mark.parametrize("metric", ["accuracy_percent", "auc"])
@pytest.mark.parametrize(
    ("section", "text"),
    [
        ("objectives", '[objectives]\nminimise = ["lut4"]\nmaximise = ["{}"]\n'),
        ("constraints", "[constraints]\n{} = {{min = 0.5}}\n"),
    ],
)
def test_a_metric_of_samples_needs_samples(
    tmp_path: Path, metric: str, section: str, text: str
) -> None:
    with pytest.raises(
        ConfigError, match=rf"\[{section}\] '{metric}' is measured with labelled samples, and .work"
    ):
        load(tmp_path, WORKLOAD + text.format(metric))


def test_files_of_one_name_are_told_apart_by_their_folders() -> None:
    files = ["/x/one/net.tflite", "/x/two/net.tflite", "/x/two/other.tflite"]
    digests = ["1" * 64, "2" * 64, "3" * 64]
    assert variant_values(files, digests) == (
        *("one/net.tflite@11111111", "two/net.tflite@22222222", "other.tflite@33333333"),
    )
