"""Models as Keras and `tinyml quantize` make them: numpy reference = compiled C = TFLM."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tflm_check import check_file

from tinyml.quantize import convert

pytestmark = pytest.mark.slow


def mobilenet_v2() -> Any:
    """With batch normalizations as after training: new ones would do nothing."""
    import tensorflow as tf

    model = tf.keras.applications.MobileNetV2((96, 96, 3), alpha=0.35, weights=None, classes=10)
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, tf.keras.layers.BatchNormalization):
            gamma, *_ = layer.get_weights()
            ranges = ((0.5, 1.5), (-0.5, 0.5), (-0.5, 0.5), (0.5, 1.5))
            layer.set_weights([rng.uniform(*ends, gamma.shape) for ends in ranges])
    return model


def autoencoder() -> Any:
    """MLPerf Tiny's anomaly detector."""
    import tensorflow as tf

    layers = [
        tf.keras.layers.Dense(size, activation="relu") for size in [128] * 4 + [8] + [128] * 4
    ]
    return tf.keras.Sequential([tf.keras.Input((640,)), *layers, tf.keras.layers.Dense(640)])


def segmenter() -> Any:
    """Down and up again, with padding, gates and joins between."""
    import tensorflow as tf

    layers = tf.keras.layers
    source = tf.keras.Input((24, 24, 3))
    half = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(source)
    low = layers.DepthwiseConv2D(3, strides=2)(layers.ZeroPadding2D(1)(half))
    seen = layers.Conv2DTranspose(8, 3, strides=2, padding="same", activation="relu6")(low)
    near = layers.UpSampling2D(2, interpolation="bilinear")(low)
    joined = layers.Concatenate()([half, seen, near])
    gate = layers.Conv2D(24, 1, activation="sigmoid")(joined)
    image = layers.SeparableConv2D(6, 3, activation="swish")(joined * gate)
    return tf.keras.Model(source, layers.Reshape((100, 6))(image))


MODELS = {
    ("mobilenet_v2", "int8"): mobilenet_v2,
    ("autoencoder", "int8"): autoencoder,
    ("autoencoder", "int16x8"): autoencoder,
    ("segmenter", "int8"): segmenter,
}


@pytest.mark.parametrize(("name", "precision"), MODELS)
def test_model(tmp_path: Path, name: str, precision: str) -> None:
    path = tmp_path / f"{name}.tflite"
    model = MODELS[name, precision]()
    noise = np.random.default_rng(0).uniform(-1, 1, (4, *model.input_shape[1:]))
    path.write_bytes(convert.quantized_tflite(model, noise.astype(np.float32), precision))
    (found,) = check_file(path, tmp_path, seed=1)
    assert len(np.unique(found)) > 2
