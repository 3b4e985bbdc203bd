"""From `federate` to the emulator: what clients trained runs on the device, byte for byte."""

from __future__ import annotations

import json
import shutil

import pytest
from click.testing import CliRunner

from tinyml.cli import cli
from tinyml.models import files
from tinyml.models.runtime import tensorflow

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="QEMU is not installed"),
]


def network(norm):
    tf = tensorflow(0)
    layers, given = tf.keras.layers, tf.keras.Input((8, 8, 1))
    x = layers.Conv2D(8, 3, padding="same")(given)
    norms = {"batch norm": layers.BatchNormalization(), "group norm": layers.GroupNormalization(4)}
    x = layers.ReLU()(norms[norm](x))
    x = layers.Flatten()(layers.AveragePooling2D(4)(x))
    return tf.keras.Model(given, layers.Dense(10)(x))


def tinyml(*arguments):
    done = CliRunner().invoke(cli, [str(a) for a in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.mark.parametrize("norm", ["batch norm", "group norm"])
def test_a_federated_model_runs_on_the_device(norm, tmp_path):
    names = ("start.keras", "run", "model.tflite", "project")
    start, run, quantized, project = (tmp_path / name for name in names)
    files.save(network(norm), start)
    few = ("--clients", 3, "--partition", "emd:0.9", "--rounds", 3, "--lr", 0.1, "--batch", 8)
    made = tinyml("federate", "--model", start, "--data", "digits", *few, "-o", run, "--json")
    assert made["accuracy_after"] > made["accuracy_before"] + 0.1
    calibration = ("--calibration", "digits", "--data", "digits")
    tinyml("quantize", run / "model.keras", *calibration, "-o", quantized, "--json")
    tinyml("export", quantized, "--target", "cortex-m4", "-o", project, "--json")
    settings = ("--emulator", "qemu", "--data", "digits", "--samples", 20, "--json")
    verdict = tinyml("validate", project, *settings)
    assert verdict["samples"] == 20
    assert verdict["bytes_different"] == 0
