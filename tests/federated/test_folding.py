"""Batch norm folded away: the same function without it."""

from __future__ import annotations

import numpy as np
import pytest

from tinyml.errors import InputError
from tinyml.models.folding import fold_batch_norm
from tinyml.models.runtime import tensorflow


def norms(model):
    return [layer for layer in model.layers if type(layer).__name__ == "BatchNormalization"]


def assert_same(model, folded, shape):
    x = np.random.default_rng(1).uniform(0, 1, (16, *shape)).astype(np.float32)
    expected = model.predict(x, verbose=0)
    assert np.abs(expected).max() > 0.01
    np.testing.assert_allclose(folded.predict(x, verbose=0), expected, rtol=1e-5, atol=1e-5)


def test_residual_net_with_depthwise_and_dense(small_model, tmp_path):
    from tinyml.models import files

    model = small_model()
    before = [w.copy() for w in model.get_weights()]
    folded = fold_batch_norm(model)
    assert len(norms(model)) == 4
    assert not norms(folded)
    assert_same(model, folded, (8, 8, 1))
    for now, then in zip(model.get_weights(), before):
        np.testing.assert_array_equal(now, then)
    files.save(folded, tmp_path / "folded.keras")
    assert_same(model, files.load(tmp_path / "folded.keras"), (8, 8, 1))


def test_sequential_and_norm_as_output():
    tf = tensorflow(0)
    layers = tf.keras.layers
    model = tf.keras.Sequential(
        [layers.Conv2D(3, 3, strides=2, input_shape=(9, 7, 2)), layers.BatchNormalization()]
    )
    model.set_weights([np.abs(w) + 0.1 for w in model.get_weights()])
    assert_same(model, fold_batch_norm(model), (9, 7, 2))


def test_a_model_without_norms_keeps_its_weights():
    tf = tensorflow(0)
    model = tf.keras.Sequential([tf.keras.layers.Dense(3, input_shape=(4,))])
    assert_same(model, fold_batch_norm(model), (4,))


def unfoldable():
    tf = tensorflow(0)
    layers, given = tf.keras.layers, tf.keras.Input((8, 8, 2))

    def model(output):
        return tf.keras.Model(given, output)

    conv = layers.Conv2D(2, 1, name="shared")(given)
    normed = layers.BatchNormalization()(conv)
    yield model(layers.BatchNormalization()(given)), "after a InputLayer"
    yield model(layers.BatchNormalization()(layers.MaxPooling2D()(given))), "after a MaxPooling2D"
    active = layers.Conv2D(2, 1, activation="relu")(given)
    yield model(layers.BatchNormalization()(active)), "after the activation relu"
    yield model(layers.Add()([conv, normed])), "'shared' before it feeds other layers too"
    yield tf.keras.Model(given, [conv, normed]), "'shared' before it feeds other layers too"
    yield tf.keras.Sequential([tf.keras.Input((8, 8, 2)), model(normed)]), "inside it"
    yield tf.keras.Sequential([layers.Dense(2)]), "not a built functional or Sequential"


def test_refuses_what_cannot_be_folded():
    for model, message in unfoldable():
        with pytest.raises(InputError, match=message):
            fold_batch_norm(model)
