"""A model with models inside and the same model flat: the same function, which more can be done with."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tinyml.models.flattening import flattened
from tinyml.models.folding import fold_batch_norm
from tinyml.models.runtime import tensorflow


@pytest.fixture(scope="module")
def tf() -> Any:
    return tensorflow(0)


def randomized(model: Any) -> Any:
    """The model, with weights drawn anew."""
    random = np.random.default_rng(0)
    model.set_weights([random.uniform(0.2, 1, x.shape) for x in model.get_weights()])
    return model


def backbone(tf: Any, name: str = "backbone") -> Any:
    """(8, 8, 3) to (6, 6, 4) and (4, 4, 3), with a batch norm."""
    layers = tf.keras.layers
    image = tf.keras.Input((8, 8, 3), name="image")
    x = layers.BatchNormalization(name="norm")(layers.Conv2D(4, 3, name="conv")(image))
    return tf.keras.Model(image, [x, layers.MaxPooling2D()(image)], name=name)


def head_twice(tf: Any) -> Any:
    """A backbone called with training=False, a Sequential called twice, operations between."""
    layers = tf.keras.layers
    block = tf.keras.Sequential(
        [layers.Conv2D(4, 1, name="conv", input_shape=(6, 6, 4)), layers.ReLU()], name="block"
    )
    image = tf.keras.Input((8, 8, 3), name="image")
    x, y = backbone(tf)(image / 255.0, training=False)
    x = block(block(x))
    x = 2.0 * x + x
    pooled = [layers.GlobalAveragePooling2D()(z) for z in (x, y)]
    return tf.keras.Model(image, layers.Dense(10)(tf.concat(pooled, 1)))


def in_sequence(tf: Any) -> Any:
    """A Sequential of models of models; one of them got its shape when it was called."""
    layers = tf.keras.layers
    deferred = tf.keras.Sequential([layers.RandomFlip(), layers.Conv2D(3, 1)], name="deferred")
    inner = tf.keras.Sequential([deferred, layers.BatchNormalization()], name="inner")
    return tf.keras.Sequential(
        [tf.keras.Input((8, 8, 3)), inner, layers.Flatten(), layers.Dense(2, name="conv")]
    )


def two_inputs(tf: Any) -> Any:
    """A model of two inputs inside, one of its outputs an input passed on."""
    a, b = tf.keras.Input((4,)), tf.keras.Input((4,))
    pair = tf.keras.Model([a, b], [tf.keras.layers.Dense(3)(a + b), b], name="pair")
    given = tf.keras.Input((4,))
    x, y = pair([given, 2.0 * given])
    z, _ = pair([y, given])
    return tf.keras.Model(given, tf.keras.layers.Concatenate()([x, y, z]))


@pytest.mark.parametrize("make", [head_twice, in_sequence, two_inputs])
def test_the_same_function_without_models_inside(tf: Any, make: Any) -> None:
    model = randomized(make(tf))
    flat = flattened(model)
    assert not any(isinstance(layer, tf.keras.Model) for layer in flat.layers)
    assert len({layer.name for layer in flat.layers}) == len(flat.layers)
    assert sorted(x.shape for x in flat.get_weights()) == sorted(
        x.shape for x in model.get_weights()
    )
    x = np.random.default_rng(1).uniform(0, 1, (3, *model.input_shape[1:])).astype(np.float32)
    assert np.ptp(model(x)) > 0.01
    wanted = model(x, training=False)
    np.testing.assert_allclose(flat(x, training=False), wanted, rtol=1e-6)
    assert tf.keras.Model.from_config(flat.get_config())(x).shape == wanted.shape


def test_names_are_kept_where_they_are_free(tf: Any) -> None:
    names = [layer.name for layer in flattened(head_twice(tf)).layers]
    assert {"conv", "norm", "block_conv"} <= set(names)


def test_a_frozen_backbone_stays_frozen(tf: Any) -> None:
    model = head_twice(tf)
    model.get_layer("backbone").trainable = False
    flat = flattened(randomized(model))
    assert not flat.get_layer("conv").trainable
    assert flat.get_layer("block_conv").trainable
    x = np.random.default_rng(1).uniform(0, 1, (3, 8, 8, 3)).astype(np.float32)
    np.testing.assert_allclose(
        flat(x, training=True), flat(x), rtol=1e-6
    )  # called with training=False


def test_what_has_no_model_inside_is_given_back(tf: Any) -> None:
    model = backbone(tf)
    assert flattened(model) is model
    masked = tf.keras.Input((4, 2))
    given = tf.keras.layers.Masking()(masked)
    inner = tf.keras.Sequential([tf.keras.layers.Dense(2, input_shape=(4, 2))])
    outer = tf.keras.Model(masked, inner(given, mask=masked[..., 0] > 0))
    assert flattened(outer) is outer


def test_batch_norms_of_a_backbone_can_be_folded(tf: Any) -> None:
    layers = tf.keras.layers
    image = tf.keras.Input((8, 8, 3))
    x, _ = backbone(tf)(image)
    model = randomized(tf.keras.Model(image, layers.GlobalAveragePooling2D()(layers.ReLU()(x))))
    folded = fold_batch_norm(flattened(model))
    x = np.random.default_rng(1).uniform(0, 1, (3, 8, 8, 3)).astype(np.float32)
    np.testing.assert_allclose(folded(x), model(x), rtol=1e-5)
    assert not any(isinstance(layer, layers.BatchNormalization) for layer in folded.layers)
