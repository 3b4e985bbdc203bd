"""The MLPerf Tiny reference models, where they are at hand: exact on the host, in part on the device."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tinyml import data, targets
from tinyml.codegen import program, project
from tinyml.emulate import ports, validation
from tinyml.quantize.tflm import Tflm

MODELS = Path(__file__).resolve().parents[3] / "shared" / "models"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not MODELS.is_dir(), reason="the reference models are not beside the checkout"
    ),
]


def exported(directory: Path, name: str) -> Path:
    path = MODELS / name
    compiled = program.compile_model(path)
    project.write(directory, compiled, targets.find("cortex-m4"), path, "0" * 64, "model")
    return path


def test_keyword_spotting_on_its_real_test_set(tmp_path: Path) -> None:
    path = exported(tmp_path, "kws_ref_model.tflite")
    split = data.load_test(str(MODELS / "kws01_test.npz"))
    (found,) = validation.execute(tmp_path, [split.x], "host", 60).outputs
    np.testing.assert_array_equal(found, Tflm(path).predict(split.x))
    accuracy = float((found.argmax(axis=1) == split.y).mean())
    print(f"accuracy of the deployed program on {len(split)} real inputs: {accuracy:.2%}")
    assert accuracy == 0.901  # of TFLM, whose every byte it is


@pytest.mark.parametrize("name", ["kws_ref_model.tflite", "pretrainedResnet_quant.tflite"])
def test_random_inputs_on_the_device(tmp_path: Path, name: str) -> None:
    path = exported(tmp_path, name)
    batches = ports.of_project(tmp_path).random_inputs(6, 0)
    expected = Tflm(path).predict_all(batches)
    for emulator in ("host", "qemu"):
        found = validation.execute(tmp_path, batches, emulator, 60).outputs
        np.testing.assert_array_equal(found[0], expected[0], err_msg=emulator)


def test_image_classification_on_a_thousand_inputs(tmp_path: Path) -> None:
    path = exported(tmp_path, "pretrainedResnet_quant.tflite")
    batches = ports.of_project(tmp_path).random_inputs(1000, 1)
    # Random bytes all look alike to this network: smoother ones reach more of its outputs.
    batches[0][::2] = np.sort(batches[0][::2].reshape(500, -1), axis=1).reshape(500, 32, 32, 3)
    batches[0][::3] //= 4
    found = validation.execute(tmp_path, batches, "host", 60).outputs
    np.testing.assert_array_equal(found[0], Tflm(path).predict(batches[0]))
    assert len(np.unique(found[0].argmax(axis=1))) > 2
