"""Architectures by name, and their training."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tinyml.errors import InputError
from tinyml.models import registry, runtime, training
from tinyml.models.augment import Affine, affine
from tinyml.models.settings import TrainSettings

EXPORTABLE = {
    "InputLayer",
    "Conv2D",
    "BatchNormalization",
    "ReLU",
    "Add",
    "AveragePooling2D",
    "Flatten",
    "Dense",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet-4-4", "resnet-6-5", "resnet-8-8", "resnet-14-4"])
def test_model_has_only_layers_that_export_and_gives_logits(name):
    model = registry.build(name, (8, 8, 1), 10)
    assert {type(layer).__name__ for layer in model.layers} <= EXPORTABLE
    assert model.output_shape == (None, 10)
    assert model.layers[-1].activation.__name__ == "linear"


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 28, 1), (32, 32, 3), (9, 11, 2)])
def test_pooling_covers_the_whole_map(shape):
    model = registry.build("resnet-8-4", shape, 3)
    pool = model.get_layer("pool")
    assert tuple(pool.pool_size) == tuple(pool.input_shape[1:3])
    assert model.get_layer("features").output_shape == (None, 16)


def test_depth_counts_the_weighted_layers_on_the_longest_path():
    model = registry.build("resnet-8-4", (8, 8, 1), 10)
    weighted = [x.name for x in model.layers if type(x).__name__ in ("Conv2D", "Dense")]
    assert len([name for name in weighted if "shortcut" not in name]) == 8


@pytest.mark.parametrize("name", ["resnet", "vgg-16", "resnet-7-8", "resnet-8-3", "resnet-8-8x"])
def test_unknown_model_says_what_there_is(name):
    with pytest.raises(InputError, match="resnet-DEPTH-WIDTH"):
        registry.build(name, (8, 8, 1), 10)


def test_wrn_has_the_paper_s_depth_and_widths():
    """Zagoruyko and Komodakis, table 1: WRN-16-2 has 0.7 million parameters on CIFAR-10."""
    model = registry.build("wrn-16-2", (32, 32, 3), 10)
    convolutions = [x for x in model.layers if type(x).__name__ == "Conv2D"]
    assert len(convolutions) == 16  # with the shortcuts
    assert {x.filters for x in convolutions} == {16, 32, 64, 128}
    assert 690_000 < model.count_params() < 710_000


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("wrn-14-1", (32, 32, 3)),
        ("wrn-46-1", (32, 32, 3)),
        ("wrn-16-0", (32, 32, 3)),
        ("wrn-16-1", (3, 32, 1)),
    ],
)
def test_wrn_refuses_what_does_not_exist(name, shape):
    with pytest.raises(InputError, match=r"no such depth or width|too small"):
        registry.build(name, shape, 10)


def test_a_flip_mirrors_about_half_of_the_images_exactly():
    x = np.random.default_rng(0).random((64, 5, 6, 3), np.float32)
    flipped = affine(x, Affine(0, 0, 0, 0, flip=True), np.random.default_rng(1))
    same = np.abs(flipped - x).max((1, 2, 3)) < 1e-3
    mirrored = np.abs(flipped - x[:, :, ::-1]).max((1, 2, 3)) < 1e-3
    assert (same ^ mirrored).all()
    assert 16 < mirrored.sum() < 48


def test_too_small_samples_are_refused():
    with pytest.raises(InputError, match="too small"):
        registry.build("resnet-8-8", (3, 8, 1), 10)


def test_affine_without_change_is_the_image_itself(rng):
    x = rng.random((5, 8, 6, 2), np.float32)
    np.testing.assert_allclose(affine(x, Affine(0, 0, 0, 0), rng), x, atol=1e-3)


def test_affine_shift_moves_whole_pixels():
    class Fixed:
        def uniform(self, low, high, shape):
            return np.full(shape, high)

    x = np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1)
    moved = affine(x, Affine(1 / 4, 0, 0, 0), Fixed())
    np.testing.assert_allclose(moved[0, :3, :3, 0], x[0, 1:, 1:, 0], atol=0.01)
    np.testing.assert_allclose(moved[0, 3], 0, atol=0.01)


def test_affine_stays_in_range_and_repeats(rng):
    x = rng.random((20, 8, 8, 1), np.float32)
    first, second = (affine(x, Affine(), np.random.default_rng(3)) for _ in range(2))
    assert first.dtype == np.float32
    assert first.min() >= 0
    assert first.max() <= 1
    np.testing.assert_array_equal(first, second)
    assert np.abs(first - x).max() > 0.1


def test_every_epoch_shows_each_sample_once(digits):
    settings = TrainSettings(batch_size=100, augment=False)
    batches = training.Shuffled(digits.train, settings, seed=0)
    assert batches.steps_per_epoch == 12
    seen = np.concatenate([batches(number)[0] for number in range(12)])
    assert len(np.unique(seen.reshape(1200, -1), axis=0)) == 1200


def test_training_learns(digits, teacher_path):
    from tinyml.models import files

    assert training.accuracy(files.load(teacher_path), digits.validation) > 0.8


@pytest.mark.slow
def test_train_command_records_and_repeats(tinyml, tmp_path):
    for name in ("a.keras", "b.keras"):
        tinyml(
            *("train", "--data", "digits", "--model", "resnet-4-4", "--epochs", 1),
            *("--seed", 3, "-o", tmp_path / name),
        )
    assert (tmp_path / "a.keras").read_bytes() == (tmp_path / "b.keras").read_bytes()
    record = json.loads((tmp_path / "a.keras.run.json").read_text())
    assert record["seed"] == 3
    assert record["settings"]["epochs"] == 1
    assert set(record["metrics"]) == {
        *("accuracy_validation", "accuracy_test", "accuracy_by_class"),
        *("classes", "loss", "parameters", "training_seconds"),
    }


def test_train_command_refuses_other_file_types(tinyml, tmp_path):
    with pytest.raises(InputError, match=r"\.keras"):
        tinyml("train", "--data", "digits", "-o", tmp_path / "teacher.onnx")
    assert not list(tmp_path.iterdir())


def test_fit_follows_the_loss_down():
    tf = runtime.tensorflow(0)
    model = tf.keras.Sequential([tf.keras.layers.Dense(1, input_shape=(1,), use_bias=False)])
    x = np.linspace(-1, 1, 32, dtype=np.float32)[:, None]

    def loss(x, y):
        return tf.reduce_mean(tf.square(model(x, training=True) - y))

    options = {"steps": 100, "learning_rate": 0.2, "label": "line"}
    assert training.fit(model, lambda number: (x, 3 * x), loss, **options).loss < 1e-2
    assert model.get_weights()[0][0, 0] == pytest.approx(3, abs=0.2)
