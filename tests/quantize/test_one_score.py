"""Models that answer with one score alone: above the threshold class 1, else class 0."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from tinyml import decisions
from tinyml.cli import cli
from tinyml.errors import InputError


def run(*arguments):
    return CliRunner().invoke(cli, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def halves(tmp_path_factory, digits):
    """Zeros and ones of the digits, as a data set of two classes."""
    path = tmp_path_factory.mktemp("halves") / "halves.npz"
    arrays = {}
    for name, part in (("train", digits.train), ("test", digits.test)):
        kept = part.y < 2
        arrays |= {f"x_{name}": part.x[kept], f"y_{name}": part.y[kept]}
    np.savez(path, **arrays)
    return path


def trained_on(halves, path, sigmoid):
    """A model that tells them apart, with or without a sigmoid at its end."""
    from tinyml.models import files
    from tinyml.models.runtime import tensorflow

    keras = tensorflow(0).keras
    model = keras.Sequential(
        [
            keras.layers.Input((8, 8, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.Dense(1, activation="sigmoid" if sigmoid else None),
        ]
    )
    model.compile(
        keras.optimizers.Adam(0.02), keras.losses.BinaryCrossentropy(from_logits=not sigmoid)
    )
    given = np.load(halves)
    model.fit(given["x_train"], given["y_train"], epochs=10, verbose=0)
    files.save(model, path)
    return path


@pytest.mark.parametrize("precision", ["int8", "int16x8"])
@pytest.mark.parametrize("sigmoid", [True, False])
def test_accuracy_of_two_classes(halves, tmp_path, sigmoid, precision):
    model = trained_on(halves, tmp_path / "model.keras", sigmoid)
    small = tmp_path / "model.tflite"
    done = run(
        *("quantize", model, "--calibration", halves, "--data", halves, "--quantize", precision),
        *("-o", small, "--json"),
    )
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert min(said["accuracy_float"], said["accuracy_quantized"]) > 0.95
    done = run("validate", small, "--emulator", "host", "--data", halves, "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["accuracy"] == found["accuracy_judge"] == said["accuracy_quantized"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("distill", "dream", "--method", "noise", "--count", "4", "--teacher"),
        ("quantize", "--qat", "--data", "HALVES"),
    ],
)
def test_what_needs_a_score_a_class_says_so(halves, tmp_path, arguments):
    model = trained_on(halves, tmp_path / "model.keras", sigmoid=False)
    output = tmp_path / "made.tflite"
    given = [halves if a == "HALVES" else a for a in arguments]
    done = run(*given, model, "-o", output)
    assert isinstance(done.exception, InputError)
    assert "one score for two classes" in str(done.exception)
    assert not output.exists()


def test_other_data_is_refused(halves, tmp_path):
    model = trained_on(halves, tmp_path / "model.keras", sigmoid=True)
    done = run(
        *("quantize", model, "--calibration", halves, "--data", "digits"),
        *("-o", tmp_path / "m.tflite"),
    )
    assert isinstance(done.exception, InputError)
    assert "has 10 classes" in str(done.exception)


def test_thresholds():
    assert decisions.raw_threshold(1 / 256, -128, "int8") == 0
    assert decisions.raw_threshold(1 / 32768, 0, "int16") == 16384
    assert decisions.raw_threshold(0.1, -7, "int8") == -7
    scores = np.array([[-8], [-7], [-6]], np.int8)
    assert decisions.decide(scores, -7).tolist() == [0, 0, 1]
    assert decisions.decide(np.array([[3, 3, 1], [0, 1, 2]]), 0).tolist() == [0, 2]
