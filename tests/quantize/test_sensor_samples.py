"""Models whose samples are no images, and layers that the converter cannot make integer."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from tinyml.cli import cli
from tinyml.errors import InputError
from tinyml.models import files
from tinyml.models.runtime import tensorflow
from tinyml.quantize.convert import quantized_tflite

SHAPES = {"vector": (12,), "window": (20, 3)}


def run(*arguments):
    return CliRunner().invoke(cli, [str(a) for a in arguments])


def network(shape, *layers):
    keras = tensorflow(0).keras
    return keras.Sequential([keras.layers.Input(shape), *layers])


def saved(folder, shape, *layers):
    path = folder / "model.keras"
    files.save(network(shape, *layers), path)
    return path


def values(shape, count=60):
    """Samples far outside [0, 1], of two classes."""
    rng = np.random.default_rng(0)
    y = np.arange(count) % 2
    return rng.normal(9 * (2 * y - 1), 2, (*shape, count)).astype(np.float32).T.reshape(
        -1, *shape
    ), y


@pytest.mark.parametrize("kind", SHAPES)
def test_any_values_are_taken(tmp_path, kind):
    layers = tensorflow(0).keras.layers
    shape = SHAPES[kind]
    x, y = values(shape)
    stored = tmp_path / "sensor.npz"
    np.savez(stored, x_train=x, y_train=y, x_test=x, y_test=y)
    sums = layers.Dense(2)
    model = network(shape, layers.Flatten(), sums)
    size = int(np.prod(shape))
    sums.set_weights([np.outer(np.ones(size), [-1, 1]), np.zeros(2)])
    path, small = tmp_path / "model.keras", tmp_path / "model.tflite"
    files.save(model, path)
    done = run("quantize", path, "--calibration", stored, "--data", stored, "-o", small, "--json")
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert said["accuracy_float"] == said["accuracy_quantized"] == 1
    assert said["input_tensor"]["scale"] > 0.07  # 18 of real values in 256 steps
    done = run("validate", small, "--emulator", "host", "--data", stored, "--json")
    assert json.loads(done.stdout)["accuracy"] == 1


def test_x_train_alone_calibrates(tmp_path):
    layers = tensorflow(0).keras.layers
    x, _ = values((12,))
    np.savez(tmp_path / "only.npz", x_train=x)
    model = saved(tmp_path, (12,), layers.Dense(2))
    done = run(
        *("export", model, "--target", "host", "--calibration", tmp_path / "only.npz"),
        *("-o", tmp_path / "project"),
    )
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.full((4, 12), np.nan, np.float32), "not finite"),
        (np.zeros((4, 11), np.float32), "have shape (11,), the model takes (12,)"),
        (np.zeros(4, np.float32), "has shape (4,)"),
        (np.zeros((4, 12), np.int16), "has type int16; use float"),
    ],
)
def test_unfit_samples_are_refused(tmp_path, x, message):
    np.savez(tmp_path / "x.npz", x_train=x)
    model = saved(tmp_path, (12,), tensorflow(0).keras.layers.Dense(2))
    done = run("quantize", model, "--calibration", tmp_path / "x.npz", "-o", tmp_path / "m.tflite")
    assert isinstance(done.exception, InputError)
    assert message in str(done.exception)


def test_images_stay_in_their_range(tmp_path):
    layers = tensorflow(0).keras.layers
    np.savez(tmp_path / "x.npz", x_train=np.full((4, 8, 8, 1), 255, np.float32))
    model = saved(tmp_path, (8, 8, 1), layers.Flatten(), layers.Dense(2))
    done = run("quantize", model, "--calibration", tmp_path / "x.npz", "-o", tmp_path / "m.tflite")
    assert "outside [0, 1]" in str(done.exception)


@pytest.mark.parametrize("name", ["GRU", "SimpleRNN", "LSTM"])
def test_loops_are_refused_and_unrolled_ones_are_not(name):
    keras = tensorflow(0).keras
    layer = getattr(keras.layers, name)
    options = {"recurrent_activation": "hard_sigmoid"} if name == "LSTM" else {}
    x, _ = values((20, 3))
    inner = network((20, 3), layer(4, **options))
    with pytest.raises(InputError, match=r"becomes a loop.*unroll=True"):
        quantized_tflite(network((20, 3), inner, keras.layers.Dense(2)), x)
    unrolled = network((20, 3), layer(4, unroll=True), keras.layers.Dense(2))
    assert quantized_tflite(unrolled, x)[4:8] == b"TFL3"


def test_what_stays_in_float_is_named(tmp_path):
    layers = tensorflow(0).keras.layers
    x, _ = values((20, 3))
    np.savez(tmp_path / "x.npz", x_train=x)
    model = saved(tmp_path, (20, 3), layers.Conv1D(4, 3, activation="elu"), layers.Flatten())
    given = ("--calibration", tmp_path / "x.npz", "-o", tmp_path / "made")
    done = run("export", model, "--target", "host", *given)
    assert "has left ELU in float32" in done.stderr
    assert str(done.exception).startswith(f"{model} (quantized): node ")
