"""Layers of a deployed model against the Keras model that it came from."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from tinyml.cli import cli


def run(*arguments):
    done = CliRunner().invoke(cli, [str(a) for a in arguments], catch_exceptions=False)
    assert done.exit_code == 0
    return done


def noise(project, *options):
    """SQNR in dB by layer over 100 digits."""
    arguments = ("--data", "digits", "--samples", 100, "--emulator", "host", "--json")
    found = json.loads(run("validate", project, "--layers", *arguments, *options).stdout)["layers"]
    assert found["first_mismatch"] is None
    return [row["sqnr_db"] for row in found["layers"]]


@pytest.mark.slow
def test_a_keras_model_is_converted_and_matched(trained, tmp_path):
    """The rounding of the weights comes on top; int16 activations are finer."""
    projects = {}
    for precision in ("int8", "int16x8"):
        projects[precision] = tmp_path / precision
        arguments = ("--calibration", "digits", "--quantize", precision, "--target", "cortex-m4")
        run("export", trained, *arguments, "-o", projects[precision])
    whole = noise(projects["int8"], "--float", trained)
    activations = noise(projects["int8"])
    fine = noise(projects["int16x8"])
    assert len(whole) == len(activations) == len(fine) == 2  # convolution, fully connected
    assert all(25 < a < b for a, b in zip(whole, activations))
    assert fine[0] > activations[0] + 20
    assert fine[1] > activations[1]  # a few test samples leave the range that calibration saw
