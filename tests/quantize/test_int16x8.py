"""int16 activations with int8 weights: exported models are exact, refusals are clear."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from tinyml import HostModel
from tinyml.cli import cli
from tinyml.errors import InputError
from tinyml.models import files, registry
from tinyml.models.runtime import tensorflow
from tinyml.quantize import tflm


def network(kind, classes=10):
    """A model of a family of ours or of a user's kind, its batch norms not the identity."""
    keras = tensorflow(0).keras
    layers = keras.layers
    if kind.startswith("resnet"):
        model = registry.build(kind, (8, 8, 1), classes)
    else:
        x = inputs = keras.Input((8, 8, 1))
        if kind == "ds-cnn":
            x = layers.Conv2D(8, (4, 3), 2, padding="same", use_bias=False)(x)
            x = layers.ReLU()(layers.BatchNormalization()(x))
            x = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
            x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
            x = layers.Conv2D(12, 1, activation="relu")(x)
            x = layers.GlobalAveragePooling2D()(x)
        elif kind == "dense":
            x = layers.Dense(16, activation="relu")(layers.Flatten()(x))
            x = layers.Dense(12, activation="tanh")(x)
        elif kind == "elu":
            x = layers.Flatten()(layers.ELU()(x))
        model = keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))
    rng = np.random.default_rng(1)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()])
    return model


def export(path, output, *options):
    arguments = ["export", path, "--target", "cortex-m4", "-o", output, *options]
    return CliRunner().invoke(cli, [str(a) for a in arguments])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["resnet-4-8", "resnet-8-8", "ds-cnn", "dense"])
def test_exported_models_are_exact_and_closer_to_float_than_int8(tmp_path, digits, kind):
    path, output = tmp_path / "m.keras", tmp_path / "project"
    model = network(kind)
    files.save(model, path)
    result = export(path, output, "--calibration", "digits", "--quantize", "int16x8")
    assert result.exit_code == 0, result.exception
    report = json.loads((output / "report.json").read_text())
    assert {port["dtype"] for port in report["inputs"] + report["outputs"]} == {"int16"}
    host, judge = HostModel(output), tflm.Tflm(output / "model.tflite")
    raw = host.ports.inputs[0].raw(digits.test.x[:40])
    found = host.predict(raw)
    assert found.dtype == np.int16
    np.testing.assert_array_equal(found, judge.predict(raw))
    exact = model.predict(digits.test.x[:40], verbose=0)
    plain = tmp_path / "int8"
    assert export(path, plain, "--calibration", "digits").exit_code == 0
    errors = [
        np.abs(m.predict(digits.test.x[:40]) - exact).mean() for m in (host, HostModel(plain))
    ]
    assert errors[0] < errors[1]


@pytest.mark.slow
def test_an_operator_without_int16_is_refused_in_one_line(tmp_path):
    path = tmp_path / "m.keras"
    files.save(network("elu"), path)
    with pytest.raises(InputError, match=r"int16x8 .*ELU.*or quantize to int8") as caught:
        raise export(
            path, tmp_path / "out", "--calibration", "digits", "--quantize", "int16x8"
        ).exception
    assert "\n" not in str(caught.value)
    assert [item.name for item in tmp_path.iterdir()] == ["m.keras"]


def test_a_tflite_has_its_precision_already(int8_file, tmp_path):
    with pytest.raises(InputError, match=r"--quantize: .* is quantized already"):
        raise export(int8_file, tmp_path / "out", "--quantize", "int16x8").exception
