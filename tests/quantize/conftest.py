"""A small trained model."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def digits():
    from tinyml import data

    return data.load("digits")


@pytest.fixture(scope="session")
def trained(tmp_path_factory, digits):
    """Path of a small convolutional net with batch norm, trained on the digits to 80 % or more."""
    from tinyml.models import files
    from tinyml.models.runtime import tensorflow

    tf = tensorflow(0)
    layers = tf.keras.layers
    model = tf.keras.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(8, 3, use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dense(10),
        ]
    )
    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(tf.keras.optimizers.Adam(0.005), loss)
    model.fit(digits.train.x, digits.train.y, 32, epochs=3, verbose=0)
    path = tmp_path_factory.mktemp("trained") / "model.keras"
    files.save(model, path)
    return path


@pytest.fixture(scope="session")
def int8_file(tmp_path_factory, trained, digits):
    """The same model as an int8 .tflite."""
    from tinyml.models import files
    from tinyml.quantize.convert import quantized_tflite

    path = tmp_path_factory.mktemp("int8") / "model.tflite"
    path.write_bytes(quantized_tflite(files.load(trained), digits.train.x[:100]))
    return path


@pytest.fixture(scope="session")
def dreams_dir(tmp_path_factory, digits):
    """A dreams directory; what is in it is real, which no test here minds."""
    import numpy as np

    from tinyml import dreams

    directory = tmp_path_factory.mktemp("dreams")
    x, y = digits.train.x[:60], digits.train.y[:60]
    logits = np.eye(10, dtype=np.float32)[y]
    dreams.write_shard(directory, 0, dreams.Dreams(x[:40], y[:40], logits[:40]))
    dreams.write_shard(directory, 1, dreams.Dreams(x[40:], y[40:], logits[40:]))
    return directory
