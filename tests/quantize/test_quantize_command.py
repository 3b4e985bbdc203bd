"""`tinyml quantize` from the command line."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from tinyml import run
from tinyml.cli.quantize import command
from tinyml.errors import InputError


def invoke(*arguments):
    return CliRunner().invoke(command, [str(a) for a in arguments])


def test_writes_model_and_record(trained, tmp_path):
    output = tmp_path / "model.tflite"
    arguments = (trained, "--calibration", "digits", "--calibration-samples", 50, "-o", output)
    result = invoke(*arguments, "--data", "digits", "--json")
    assert result.exit_code == 0
    shown, record = json.loads(result.stdout), run.read_record(output)
    assert {**record["metrics"], "output": str(output)} == shown
    assert record["command"] == "quantize"
    assert record["seed"] == 0
    assert record["settings"]["calibration_samples"] == 50
    assert set(record["inputs"]) == {"model"}
    assert isinstance(invoke(*arguments).exception, InputError)  # exists
    first = output.read_bytes()
    assert invoke(*arguments, "--force").exit_code == 0
    assert output.read_bytes() == first
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.tflite", "model.tflite.run.json"]


@pytest.mark.parametrize(
    ("calibration", "message"),
    [("nothing", "not a data set"), ("none.npz", "no such file"), ("dreams:none", "no such file")],
)
def test_refuses_unknown_calibration_and_leaves_nothing(trained, tmp_path, calibration, message):
    result = invoke(trained, "--calibration", calibration, "-o", tmp_path / "m.tflite")
    assert isinstance(result.exception, InputError)
    assert message in str(result.exception)
    assert not list(tmp_path.iterdir())


def test_verbose_shows_the_converter_on_stderr_only(trained, tmp_path):
    result = invoke(trained, "--calibration", "digits", "-v", "-o", tmp_path / "m.tflite")
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 1
