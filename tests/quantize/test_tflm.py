"""TFLM as a judge: loads, runs and refuses without TensorFlow."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from tinyml import affine
from tinyml.errors import InputError
from tinyml.quantize import tflm


def test_reads_the_boundary(int8_file):
    inputs, outputs = tflm.boundary(int8_file.read_bytes())
    assert [t.shape for t in inputs + outputs] == [(1, 8, 8, 1), (1, 10)]
    assert {t.dtype for t in inputs + outputs} == {np.dtype(np.int8)}
    assert inputs[0].scale == pytest.approx(1 / 255, rel=1e-6)
    assert inputs[0].zero_point == -128


def test_predicts_sample_by_sample(int8_file, digits):
    model = tflm.Tflm(int8_file)
    taken = model.inputs[0]
    batch = affine.quantize(digits.test.x[:5], taken.scale, taken.zero_point)
    found = model.predict(batch)
    assert found.shape == (5, 10)
    assert found.dtype == np.int8
    np.testing.assert_array_equal(found[3], model.invoke([batch[3:4]])[0][0])
    assert model.predict(batch[:0]).shape == (0, 10)


@pytest.mark.parametrize(
    "batch", [np.zeros((2, 8, 8, 2), np.int8), np.zeros((2, 8, 8, 1), np.float32)]
)
def test_refuses_a_wrong_batch(int8_file, batch):
    with pytest.raises(InputError, match=r"takes .*\(1, 8, 8, 1\).*int8.* given"):
        tflm.Tflm(int8_file).predict(batch)


@pytest.mark.parametrize("keep", [0, 6, 200, 5000])
def test_refuses_a_truncated_model(int8_file, tmp_path, keep, capfd):
    path = tmp_path / "cut.tflite"
    path.write_bytes(int8_file.read_bytes()[:keep])
    with pytest.raises(InputError, match=r"cut\.tflite: TFLM cannot load it"):
        tflm.Tflm(path)
    assert capfd.readouterr() == ("", "")


def test_refuses_a_missing_model(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        tflm.Tflm(tmp_path / "none.tflite")


def test_says_how_to_get_tflite_micro(monkeypatch, int8_file):
    monkeypatch.setitem(sys.modules, "tflite_micro.python.tflite_micro", None)
    with pytest.raises(InputError, match="tflite-micro: not installed; pip install"):
        tflm.Tflm(int8_file)


def test_needs_no_tensorflow(int8_file):
    code = (
        "import sys, pathlib, numpy; from tinyml.quantize.tflm import Tflm;"
        f"Tflm(pathlib.Path({str(int8_file)!r})).predict(numpy.zeros((1, 8, 8, 1), numpy.int8));"
        "sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
