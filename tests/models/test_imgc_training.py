"""The training code on a few synthetic images; needs the extra ``train``."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.imgc.data import Images
from models.imgc.evaluate import classify
from models.imgc.layers import ACTIVATION_NAMES, CONVOLUTIONS
from models.imgc.precision import LayerBits, Precision, PrecisionInvalid
from models.imgc.recipe import Recipe
from models.imgc.train import Options, train

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # TensorFlow's own warnings

TINY = Recipe(epochs=3, batch=32, peak_rate=0.05, average_decay=0.9, teacher_views=2)


@pytest.fixture(autouse=True, scope="module")
def tensorflow() -> Any:
    return pytest.importorskip("tensorflow", reason="needs the extra: pip install -e .[train]")


@pytest.fixture(scope="module")
def images() -> Images:
    """Ten classes, told apart by brightness and by which half is brighter; hard to get wrong."""
    rng = np.random.default_rng(7)
    labels = np.arange(320, dtype=np.int32) % 10
    pixels = rng.integers(0, 40, (320, 32, 32, 3)).astype(np.int64)
    pixels[:, :, :, 0] += (labels * 20)[:, None, None]
    pixels[labels % 2 == 1, :16] += 30
    pixels[0, 0, 0] = 0
    pixels[0, 0, 1] = 255
    return Images(pixels=np.clip(pixels, 0, 255).astype(np.uint8), labels=labels)


@pytest.fixture(scope="module")
def trained(images: Images, tmp_path_factory: pytest.TempPathFactory) -> Path:
    recipe = replace(TINY, epochs=20)
    return train(images, recipe=recipe, out=tmp_path_factory.mktemp("run"))


def values(checkpoint: Path) -> dict[str, Any]:
    with np.load(checkpoint) as file:
        return {n: v for n, v in file.items() if not n.startswith("progress:")}


def test_training_learns(trained: Path) -> None:
    lines = [json.loads(t) for t in (trained.parent / "log.jsonl").read_text().splitlines()]
    assert len(lines) == 20
    assert lines[-1]["loss"] < lines[0]["loss"] / 2
    assert lines[-1]["accuracy"] > 0.5


def test_a_stopped_run_goes_on_to_the_end_of_its_schedule(images: Images, tmp_path: Path) -> None:
    train(images, recipe=TINY, out=tmp_path, options=Options(stop_after=1))
    lines = (tmp_path / "log.jsonl").read_text().splitlines()
    assert [json.loads(t)["epoch"] for t in lines] == [1]
    done = train(images, recipe=TINY, out=tmp_path, options=Options(resume=True))
    lines = (tmp_path / "log.jsonl").read_text().splitlines()
    assert [json.loads(t)["epoch"] for t in lines] == [1, 2, 3]
    before = values(done)
    again = train(images, recipe=TINY, out=tmp_path, options=Options(resume=True))
    for name, value in values(again).items():
        np.testing.assert_array_equal(value, before[name])  # nothing was left to do


def test_a_killed_run_goes_on_where_it_was(
    images: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from models.imgc.training import Trainer

    whole = train(images, recipe=TINY, out=tmp_path / "whole")
    save = Trainer.save

    def save_then_die(self: Trainer, path: Path, **progress: Any) -> None:
        save(self, path, **progress)
        raise KeyboardInterrupt

    monkeypatch.setattr(Trainer, "save", save_then_die)
    with pytest.raises(KeyboardInterrupt):
        train(images, recipe=TINY, out=tmp_path / "part", options=Options(resume=True))
    monkeypatch.undo()
    resumed = train(images, recipe=TINY, out=tmp_path / "part", options=Options(resume=True))
    expected = values(whole)
    for name, value in values(resumed).items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-3, atol=1e-4, err_msg=name)


def test_a_truncated_checkpoint_is_an_error(trained: Path, tmp_path: Path) -> None:
    from models.imgc.training import CheckpointInvalid, averaged_from

    short = tmp_path / "checkpoint.npz"
    short.write_bytes(trained.read_bytes()[:1000])
    with pytest.raises(CheckpointInvalid, match="cannot read checkpoint"):
        averaged_from(short)
    with pytest.raises(CheckpointInvalid, match="fix:"):
        averaged_from(tmp_path / "absent.npz")


def test_folding_changes_no_score(trained: Path, images: Images) -> None:
    import tensorflow as tf

    from models.imgc.network import Network, folded
    from models.imgc.quantise import _inference_function
    from models.imgc.training import averaged_from

    weights, statistics = averaged_from(trained)
    network = Network(weights=weights, statistics=statistics)
    pixels = tf.constant(images.pixels[:40].astype(np.float32))
    scores = tf.nn.softmax(network.logits(pixels, training=False)).numpy()
    exported = _inference_function(folded(weights, statistics))(pixels).numpy()
    np.testing.assert_allclose(exported, scores, atol=1e-4)


def test_int8_file_agrees_with_the_float_file(trained: Path, images: Images) -> None:
    from models.imgc.quantise import convert

    models = convert(trained, images)
    quantised, dtype = classify(models.int8, images.pixels)
    exact, exact_dtype = classify(models.float32, images.pixels)
    assert (dtype, exact_dtype) == ("int8", "float32")
    assert np.mean(quantised == exact) > 0.95


def test_a_layer_of_2_bits_has_three_weights_per_channel() -> None:
    from models.imgc.network import Network, initial_statistics, initial_weights

    network = Network(
        weights=initial_weights(np.random.default_rng(0)),
        statistics=initial_statistics(),
        precision=Precision(layers={"stage3_b": LayerBits(weights=2)}),
    )
    low = network._kernel("stage3_b").numpy()
    assert all(len(np.unique(low[..., channel])) <= 3 for channel in range(low.shape[-1]))
    full = network._kernel("stage3_a").numpy()
    assert all(16 < len(np.unique(full[..., channel])) <= 255 for channel in range(full.shape[-1]))


def test_activations_of_3_bits_take_8_values(images: Images) -> None:
    from models.imgc.network import Network, initial_statistics, initial_weights

    network = Network(
        weights=initial_weights(np.random.default_rng(0)),
        statistics=initial_statistics(),
        precision=Precision(layers={"dense": LayerBits(activations=3)}),
    )
    scores = network.logits(images.pixels, training=False, observe=True).numpy()
    assert len(np.unique(scores)) <= 8
    ranges = {n for n in network.statistics if n.endswith("/range")}
    assert ranges == {f"{name}/range" for name in ACTIVATION_NAMES}


def test_training_with_few_bits_moves_every_kernel(
    trained: Path, images: Images, tmp_path: Path
) -> None:
    from models.imgc.quantise import refuse_low_bits
    from models.imgc.simulate import simulate
    from models.imgc.training import averaged_from

    precision = Precision(
        layers={layer.name: LayerBits(weights=4, activations=6) for layer in CONVOLUTIONS}
    )
    tuned = train(
        images, recipe=TINY, out=tmp_path, options=Options(precision=precision, start=trained)
    )
    before, after = averaged_from(trained)[0], averaged_from(tuned)[0]
    assert all(
        not np.array_equal(before[name], after[name]) for name in before if name.endswith("/kernel")
    )
    share = simulate(tuned, images, precision=precision, calibration=images)
    assert share > 0.5
    with pytest.raises(PrecisionInvalid, match="fewer than 8 bits for stem"):
        refuse_low_bits(tuned)


def test_8_bits_simulated_predict_what_the_int8_file_predicts(
    trained: Path, images: Images
) -> None:
    from models.imgc.quantise import convert
    from models.imgc.simulate import simulate

    simulated = simulate(trained, images, precision=Precision(), calibration=images)
    quantised, _ = classify(convert(trained, images).int8, images.pixels)
    assert simulated == pytest.approx(float(np.mean(quantised == images.labels)), abs=0.05)


def test_a_student_learns_from_a_wider_teacher(images: Images, tmp_path: Path) -> None:
    from models.imgc.distil import load

    teacher = train(images, recipe=replace(TINY, width=2), out=tmp_path / "teacher")
    recipe = replace(TINY, epochs=10)
    student = train(
        images, recipe=recipe, out=tmp_path / "student", options=Options(teacher=teacher)
    )
    lessons = load(tmp_path / "student" / "lessons.npz")
    assert lessons.scores.shape == (320, 2, 10)
    pixels, taught = lessons.draw(images, np.arange(5), rng=np.random.default_rng(0))
    assert (pixels.shape, taught.shape) == ((5, 32, 32, 3), (5, 10))
    assert student.exists()
