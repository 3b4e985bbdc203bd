"""The two CNNs of the federated averaging paper (McMahan et al. 2017, arXiv 1602.05629, section 3).

`fedavg-cnn-mnist`: 5x5 convolutions of 32 and 64 channels, each with a 2x2 maximum, 512 units, the
answer: 1,663,370 weights on 28x28x1, as the paper counts. `fedavg-cnn-cifar`: the CNN of TensorFlow's
old CIFAR-10 tutorial, which the paper takes: the middle 24x24 pixels, twice 5x5 convolutions of 64
channels and a 3x3 maximum of stride 2, 384 and 192 units: 1,068,298 weights on three channels. Its
local response normalisation is left out: it does not export. Both are those of arXiv 1806.00582.
"""

from __future__ import annotations

import re
from typing import Any

from tinyml.errors import InputError
from tinyml.models.runtime import tensorflow

PATTERN = re.compile(r"fedavg-cnn-(?P<kind>mnist|cifar)")
USAGE = "fedavg-cnn-mnist and fedavg-cnn-cifar (samples of 28x28 and 32x32 pixels in their paper)"

_CROP = 24  # pixels a side, in the tutorial


def build(kind: str, shape: tuple[int, ...], classes: int) -> Any:
    """A freshly initialised model, (N, *shape) float32 to (N, classes) float32 logits.

    Args:
        kind: mnist or cifar.
        shape: (height, width, channels) of one sample.
        classes: number of classes.

    Raises:
        InputError: samples smaller than the model's pools, or than the crop.
    """
    name, least = f"fedavg-cnn-{kind}", {"mnist": 4, "cifar": _CROP}[kind]
    if min(shape[:2]) < least:
        raise InputError(
            name, f"samples of shape {shape} are too small", f"{least} pixels at least"
        )
    keras = tensorflow().keras
    inputs = keras.Input(shape, name="image")
    x = (_mnist if kind == "mnist" else _cifar)(keras, inputs)
    return keras.Model(inputs, keras.layers.Dense(classes, name="logits")(x), name=name)


def _mnist(keras: Any, x: Any) -> Any:
    for number, channels in enumerate((32, 64), 1):
        x = _conv(keras, x, channels, number)
        x = keras.layers.MaxPooling2D(2, name=f"pool{number}")(x)
    x = keras.layers.Flatten(name="features")(x)
    return keras.layers.Dense(512, activation="relu", name="dense1")(x)


def _cifar(keras: Any, x: Any) -> Any:
    top, left = ((size - _CROP) // 2 for size in x.shape[1:3])
    bottom, right = (size - _CROP - cut for size, cut in zip(x.shape[1:3], (top, left)))
    if max(bottom, right) > 0:
        x = keras.layers.Cropping2D(((top, bottom), (left, right)), name="crop")(x)
    for number in (1, 2):
        x = _conv(keras, x, 64, number)
        x = keras.layers.MaxPooling2D(3, 2, padding="same", name=f"pool{number}")(x)
    x = keras.layers.Flatten(name="features")(x)
    for number, units in enumerate((384, 192), 1):
        x = keras.layers.Dense(units, activation="relu", name=f"dense{number}")(x)
    return x


def _conv(keras: Any, x: Any, channels: int, number: int) -> Any:
    return keras.layers.Conv2D(
        channels, 5, padding="same", activation="relu", name=f"conv{number}"
    )(x)
