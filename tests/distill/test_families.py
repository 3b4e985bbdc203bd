"""The families of MLPerf Tiny: their shapes, and the way of each to firmware that equals TFLM."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tflm_check import check_file

from tinyml.distill.channels import inherit
from tinyml.distill.teacher import Teacher
from tinyml.errors import InputError
from tinyml.models import files, registry, runtime
from tinyml.quantize.convert import quantized_tflite


def multiplications(model):
    """Multiply-accumulates of one sample, from the shapes of weights and maps."""
    weights = {
        "Conv2D": lambda layer: layer.kernel,
        "DepthwiseConv2D": lambda layer: layer.depthwise_kernel,
        "Dense": lambda layer: layer.kernel,
    }
    total = 0
    for layer in model.layers:
        kind = type(layer).__name__
        if kind in weights:
            total += int(np.prod(weights[kind](layer).shape) * np.prod(layer.output_shape[1:-1]))
    return total


@pytest.mark.parametrize(
    ("name", "shape", "classes", "expected"),
    [
        ("ds-cnn-64", (49, 10, 1), 12, 2_656_768),  # as `tinyml inspect` counts the reference's
        ("resnet-8-16", (32, 32, 3), 10, 12_501_632),
        ("mobilenetv1-0.25", (96, 96, 3), 2, 7_489_664),
        ("autoencoder-128", (5, 128, 1), 0, 264_192),
    ],
)
def test_multiplications_are_those_of_mlperf_tiny(name, shape, classes, expected):
    assert multiplications(registry.build(name, shape, classes)) == expected


def test_mobilenet_is_keras_own():
    own = registry.build("mobilenetv1-0.25", (96, 96, 3), 2)
    keras = runtime.tensorflow().keras
    theirs = keras.applications.MobileNet((96, 96, 3), alpha=0.25, weights=None, classes=2)
    assert own.count_params() == theirs.count_params()


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 28, 1), (32, 32, 3), (49, 10, 1), (40, 61, 1)])
@pytest.mark.parametrize("name", ["ds-cnn-8", "mobilenetv1-0.125"])
def test_features_are_found_on_samples_of_any_size(name, shape):
    teacher = Teacher(registry.build(name, shape, 3))
    assert teacher.layer == "features"
    pooled = teacher.model.get_layer("pool").input_shape[1:3]
    assert min(pooled) >= 2
    assert teacher.features(np.zeros((2, *shape), np.float32)).shape[0] == 2


@pytest.mark.parametrize(
    ("name", "shape", "said"),
    [
        ("ds-cnn-3", (8, 8, 1), "ds-cnn-WIDTH"),
        ("ds-cnn-8", (3, 8, 1), "too small"),
        ("mobilenetv1-0.1", (32, 32, 1), "mobilenetv1-ALPHA"),
        ("mobilenetv1-3", (32, 32, 1), "mobilenetv1-ALPHA"),
        ("mobilenetv1-0.25", (7, 32, 1), "too small"),
        ("autoencoder-7", (8, 8, 1), "autoencoder-WIDTH"),
        ("mobilenetv1-.25", (32, 32, 1), "no such model"),
    ],
)
def test_what_does_not_exist_is_refused_in_one_line(name, shape, said):
    with pytest.raises(InputError, match=said) as caught:
        registry.build(name, shape, 10)
    assert "\n" not in str(caught.value)


def unsettled(name, shape, classes, rng):
    """A model whose batch norms are not the identity, as after training."""
    model = registry.build(name, shape, classes)
    for layer in model.layers:
        if type(layer).__name__ == "BatchNormalization":
            layer.set_weights([rng.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()])
    return model


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("resnet-4-4", (8, 8, 1)),
        ("wrn-10-1", (8, 8, 1)),
        ("ds-cnn-8", (8, 8, 1)),
        ("ds-cnn-5", (25, 10, 1)),
        ("ds-cnn-12-gn", (8, 8, 1)),
        ("mobilenetv1-0.125", (8, 8, 3)),
        ("autoencoder-16", (8, 8, 1)),
    ],
)
def test_family_exports_to_code_that_equals_tflm(tmp_path, rng, name, shape):
    model = unsettled(name, shape, 10, rng)
    path = tmp_path / "model.tflite"
    samples = rng.random((20, *shape), np.float32)
    path.write_bytes(quantized_tflite(model, samples))
    (found,) = check_file(path, tmp_path, seed=1)
    assert len(np.unique(found)) > 2


@pytest.mark.parametrize(
    ("wide", "narrow"), [("ds-cnn-8", "ds-cnn-4"), ("mobilenetv1-0.25", "mobilenetv1-0.125")]
)
def test_a_narrower_one_takes_the_channels_of_the_wider(rng, wide, narrow):
    teacher = unsettled(wide, (8, 8, 1), 10, rng)
    student = registry.build(narrow, (8, 8, 1), 10)
    inherit(student, teacher)
    gamma, whole = (m.get_layer("stem_bn").gamma.numpy() for m in (student, teacher))
    assert len(gamma) == len(whole) // 2
    assert set(gamma) < set(whole)


@pytest.mark.slow
def test_autoencoder_trains_to_reconstruct(tinyml, tmp_path, digits):
    output = tmp_path / "a.keras"
    model = ("--model", "autoencoder-64", "--epochs", 30, "--no-augment")
    tinyml("train", "--data", "digits", *model, "-o", output)
    metrics = json.loads((tmp_path / "a.keras.run.json").read_text())["metrics"]
    assert set(metrics) == {
        *("classes", "loss", "parameters", "training_seconds"),
        *("error_validation", "error_test"),
    }
    mean = digits.train.x.mean(0)
    assert metrics["error_test"] < 0.8 * float(np.square(digits.test.x - mean).mean())


def test_autoencoder_is_refused_where_classes_are_needed(tinyml, tmp_path, digits, teacher_path):
    path = tmp_path / "a.keras"
    files.save(registry.build("autoencoder-8", digits.shape, 0), path)
    dreams = ("distill", "dream", "--teacher", path, "--count", 10, "-o", tmp_path / "dreams")
    student = ("--student", "autoencoder-8", "--count", 10, "-o", tmp_path / "out")
    with pytest.raises(InputError, match="use a classifier"):
        tinyml(*dreams, "--method", "activation")
    with pytest.raises(InputError, match="not with one score a class"):
        tinyml("distill", "run", "--teacher", teacher_path, "--dream-steps", 1, *student)
    quantize = ("quantize", path, "--calibration", "digits", "--data", "digits")
    with pytest.raises(InputError, match="not with one score a class"):
        tinyml(*quantize, "-o", tmp_path / "a.tflite")
    assert [item.name for item in tmp_path.iterdir()] == ["a.keras"]


@pytest.mark.slow
def test_validation_of_an_autoencoder_speaks_of_no_accuracy(tinyml, tmp_path, digits):
    path, project = tmp_path / "a.keras", tmp_path / "project"
    files.save(registry.build("autoencoder-8", digits.shape, 0), path)
    tinyml("export", path, "--calibration", "digits", "--target", "cortex-m4", "-o", project)
    tested = ("validate", project, "--emulator", "host", "--data", "digits", "--samples", 40)
    tinyml(*tested, "-o", tmp_path / "verdict.json")
    verdict = json.loads((tmp_path / "verdict.json").read_text())
    assert verdict["exact"]
    assert verdict["accuracy"] is verdict["accuracy_judge"] is None
