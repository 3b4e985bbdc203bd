"""Data, small models and the warnings that TensorFlow and TFF raise by themselves."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def digits():
    from tinyml import data

    return data.load("digits")


@pytest.fixture
def small_model():
    """Makes an 8x8x1 -> 10 residual net with batch norm, all of whose weights are random."""
    return make_small_model


def make_small_model(seed=0, width=4, activation=None):
    import numpy as np

    from tinyml.models.runtime import tensorflow

    tf = tensorflow(seed)
    layers = tf.keras.layers
    given = layers.Input((8, 8, 1))
    x = layers.Conv2D(width, 3, padding="same", use_bias=False)(given)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    y = layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2)(x)
    y = layers.ReLU()(layers.BatchNormalization(scale=False)(y))
    y = layers.BatchNormalization(center=False)(layers.Conv2D(width, 1)(y))
    x = layers.GlobalAveragePooling2D()(layers.ReLU()(layers.Add()([x, y])))
    x = layers.ReLU()(layers.BatchNormalization()(layers.Dense(8, use_bias=False)(x)))
    model = tf.keras.Model(given, layers.Dense(10, activation=activation)(x))
    random = np.random.default_rng(seed)
    for weight in model.weights:
        is_kernel = weight.name.split("/")[-1].startswith(("kernel", "depthwise_kernel"))
        low = -0.6 if is_kernel else 0.3  # batch norm's variances are above 0
        weight.assign(random.uniform(low, 1.0, weight.shape))
    return model


@pytest.fixture(scope="session")
def start(tmp_path_factory):
    """Path of the small model: where every run of these tests starts."""
    from tinyml.models import files

    path = tmp_path_factory.mktemp("start") / "start.keras"
    files.save(make_small_model(), path)
    return path
