"""GroupNormalization on its way to int8: the same function, with operators that int8 has."""

from __future__ import annotations

import numpy as np
import pytest
from tflm_check import check_file

from tinyml import data
from tinyml.data import Dataset
from tinyml.models import training
from tinyml.models.runtime import tensorflow
from tinyml.models.settings import TrainSettings
from tinyml.quantize import accuracy
from tinyml.quantize.convert import quantized_tflite
from tinyml.quantize.group_norm import exportable
from tinyml.quantize.tflm import Tflm

pytestmark = pytest.mark.slow  # TensorFlow converts in every test


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return data.load("digits")


def network(shape=(8, 8, 1), **norm):
    tf = tensorflow(0)
    layers, given = tf.keras.layers, tf.keras.Input(shape)
    x = layers.Conv2D(12, 3, padding="same")(given)
    x = layers.ReLU()(layers.GroupNormalization(**norm)(x))
    x = layers.Conv2D(12, 3, 2, padding="same")(x)
    x = layers.ReLU()(layers.GroupNormalization(**norm)(x))
    x = layers.Flatten()(layers.AveragePooling2D(x.shape[1:3])(x))
    return tf.keras.Model(given, layers.Dense(10)(x))


def shaken(model):
    random = np.random.default_rng(1)
    model.set_weights([w + random.uniform(-0.3, 0.3, w.shape) for w in model.get_weights()])
    return model


@pytest.mark.parametrize(
    "norm",
    [
        {"groups": 4},
        {"groups": 1},
        {"groups": -1},
        {"groups": 3, "epsilon": 0.1},
        {"groups": 4, "center": False},
        {"groups": 6, "scale": False, "axis": 3},
    ],
)
def test_written_out_it_is_the_same_function(norm):
    model = shaken(network((9, 6, 2), **norm))
    x = np.random.default_rng(0).uniform(0, 1, (5, 9, 6, 2)).astype(np.float32)
    expected = model.predict(x, verbose=0)
    found = exportable(model)
    assert found is not model
    np.testing.assert_allclose(found.predict(x, verbose=0), expected, rtol=1e-4, atol=1e-5)


def test_models_without_it_are_left_alone():
    tf = tensorflow(0)
    model = tf.keras.Sequential([tf.keras.layers.Dense(3, input_shape=(4,))])
    assert exportable(model) is model


@pytest.mark.parametrize("groups", [1, 4, 12])
def test_it_exports_to_code_that_equals_tflm(tmp_path, groups):
    path = tmp_path / "model.tflite"
    samples = np.random.default_rng(0).random((20, 8, 8, 1), np.float32)
    path.write_bytes(quantized_tflite(shaken(network(groups=groups)), samples))
    (found,) = check_file(path, tmp_path, seed=1)
    assert len(np.unique(found)) > 2


def test_int8_keeps_a_trained_models_accuracy(digits, tmp_path):
    model = network(groups=4)
    settings = TrainSettings(epochs=20, batch_size=32, learning_rate=1e-2, augment=False)
    training.train(model, digits.train, settings, seed=0, from_logits=True)
    path = tmp_path / "model.tflite"
    path.write_bytes(quantized_tflite(model, digits.train.x[:200]))
    before = accuracy.of_float(model, digits.test)
    assert before > 0.9
    assert accuracy.of_quantized(Tflm(path), digits.test) > before - 0.03
