"""Quantization-aware training: learned ranges, better accuracy, clear refusals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from tinyml import run
from tinyml.cli.quantize import command
from tinyml.errors import InputError
from tinyml.models import files, training
from tinyml.models.runtime import tensorflow
from tinyml.quantize import aware, tflm


def invoke(*arguments):
    return CliRunner().invoke(command, [str(a) for a in arguments])


@pytest.mark.slow
def test_training_makes_a_half_trained_model_better_and_repeats_exactly(trained, digits, tmp_path):
    arguments = (trained, "--qat", "--data", "digits", "--epochs", 6, "--learning-rate", 0.003)
    first, again = tmp_path / "first.tflite", tmp_path / "again.tflite"
    result = invoke(*arguments, "-o", first, "--json")
    assert result.exit_code == 0, result.exception
    shown, record = json.loads(result.stdout), run.read_record(first)
    assert {**record["metrics"], "output": str(first)} == shown
    assert record["settings"]["epochs"] == 6
    assert record["settings"]["qat"] is True
    float_model = files.load(trained)
    assert shown["accuracy_float"] == training.accuracy(float_model, digits.test)
    assert shown["accuracy_validation_float"] == training.accuracy(float_model, digits.validation)
    assert shown["accuracy_validation"] > shown["accuracy_validation_float"]
    assert shown["accuracy_quantized"] > shown["accuracy_float"] + 0.01
    assert shown["accuracy_quantized"] > shown["accuracy_post_training"] + 0.01
    assert invoke(*arguments, "-o", again).exit_code == 0
    assert again.read_bytes() == first.read_bytes()
    other = invoke(*arguments, "--seed", 1, "--force", "-o", again)
    assert other.exit_code == 0
    assert again.read_bytes() != first.read_bytes()


def test_ranges_are_those_of_the_float_model(trained, digits):
    """Not tfmot's -6 to 6, which would leave images in [0, 1] a twelfth of the levels."""
    tf = tensorflow(0)
    model, samples = files.load(trained), digits.train.x[:300]
    ranges = [
        v
        for v in aware.aware_model(model, samples).variables
        if v.shape == () and "kernel" not in v.name
    ]
    low, high = ([float(v) for v in ranges if end in v.name] for end in ("_min:", "_max:"))
    relu = tf.keras.Model(model.inputs, model.layers[2].output).predict(samples, verbose=0)
    sums = model.predict(samples, verbose=0)
    # In the order of the layers; weights are rounded already, which moves sums a little.
    assert low == pytest.approx([0, 0, sums.min()], rel=0.05)
    assert high == pytest.approx([1, relu.max(), sums.max()], rel=0.05)


def test_fake_quantization_is_itself_again_after_the_ranges_are_known(trained, digits):
    tensorflow(0)
    made = aware.aware_model(files.load(trained), digits.train.x[:100])
    exact = files.load(trained).predict(digits.test.x[:20], verbose=0)
    inexact = made(digits.test.x[:20], training=False).numpy() - exact
    assert 0 < inexact.std() < 0.05 * exact.std()


def network(kind):
    keras = tensorflow(0).keras
    layers = keras.layers
    x = inputs = keras.Input((8, 8, 1))
    if kind == "separable":
        x = layers.Conv2D(6, 3, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        x = layers.ReLU(6.0)(x)
        x = layers.DepthwiseConv2D(3, use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        x = layers.ReLU()(x)
        x = layers.Conv2D(8, 1, activation="relu")(x)
        x = layers.GlobalAveragePooling2D()(x)
        return keras.Model(inputs, layers.Dense(10, activation="softmax")(x))
    if kind == "group norm":
        x = layers.GroupNormalization(1, name="norm")(layers.Conv2D(4, 3)(x))
    x = layers.Flatten()(x)
    end = {"sigmoid": "sigmoid"}.get(kind)
    return keras.Model(inputs, layers.Dense(10, activation=end)(x))


@pytest.mark.slow
def test_a_separable_network_with_a_softmax_is_exact_after_export(digits, tmp_path):
    from tinyml import targets
    from tinyml.codegen import program, project
    from tinyml.emulate import ports, validation

    path, output = tmp_path / "ds.keras", tmp_path / "ds.tflite"
    files.save(network("separable"), path)
    result = invoke(path, "--qat", "--data", "digits", "--epochs", 1, "-o", output)
    assert result.exit_code == 0, result.exception
    directory = tmp_path / "project"
    directory.mkdir()
    compiled = program.compile_model(output)
    project.write(directory, compiled, targets.find("cortex-m4"), output, "0" * 64, "ds")
    batch = ports.of_project(directory).inputs[0].raw(digits.test.x[:50])
    found = validation.execute(directory, [batch], "host", 30).outputs[0]
    np.testing.assert_array_equal(found, tflm.Tflm(output).predict(batch))


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (
            "group norm",
            r"m\.keras: cannot be trained .*\(Layer norm:.*GroupNormalization.*; replace",
        ),
        ("sigmoid", r"m\.keras: ends in sigmoid"),
    ],
)
def test_refuses_what_it_cannot_train_in_one_line(tmp_path, kind, message):
    path = tmp_path / "m.keras"
    files.save(network(kind), path)
    result = invoke(path, "--qat", "--data", "digits", "-o", tmp_path / "m.tflite")
    with pytest.raises(InputError, match=message) as caught:
        raise result.exception
    assert "\n" not in str(caught.value)
    assert [item.name for item in tmp_path.iterdir()] == ["m.keras"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--qat", "--data", "digits", "--calibration", "digits"], "leave one of the two out"),
        (["--qat", "--data", "digits", "--quantize", "int16x8"], "--qat trains for int8"),
        (["--qat"], "nothing to train on"),
        (["--calibration", "digits", "--epochs", "2"], "--epochs: is for quantization-aware"),
        ([], "add --calibration .*or --qat"),
    ],
)
def test_options_that_do_not_fit(options, message):
    result = invoke(Path("m.keras"), *options, "-o", "m.tflite")
    with pytest.raises(InputError, match=message):
        raise result.exception
