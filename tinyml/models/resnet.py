"""Residual networks: `resnet-8-16` is 8 weighted layers deep and starts 16 channels wide.

The shape is that of ResNet-8 in MLPerf Tiny and of He et al. 2015 (arXiv 1512.03385, section 4.2):
a 3x3 stem that keeps the resolution (inputs here are small), then stages of residual blocks, each
stage after the first half the resolution and twice as wide. Made only of layers that export:
Conv2D with batch norm, ReLU, Add, AveragePooling2D over the whole map, Flatten, Dense logits.
"""

from __future__ import annotations

import re
from typing import Any

from tinyml.errors import InputError
from tinyml.models.runtime import tensorflow

PATTERN = re.compile(r"resnet-(?P<depth>\d+)-(?P<width>\d+)")
USAGE = "resnet-DEPTH-WIDTH, e.g. resnet-8-16 (depth 4, 6, 8, 10, 14, 20; width 4 or more)"

_STAGES = {4: (1,), 6: (1, 1), 8: (1, 1, 1), 10: (2, 2), 14: (2, 2, 2), 20: (3, 3, 3)}


def build(depth: str, width: str, shape: tuple[int, ...], classes: int) -> Any:
    """A freshly initialised model, (N, *shape) float32 to (N, classes) float32 logits.

    Args:
        depth: weighted layers on the longest path, one of `_STAGES`.
        width: channels of the first stage.
        shape: (height, width, channels) of one sample.
        classes: number of classes.

    Raises:
        InputError: a depth that does not exist, a width below 4, or a map too small for the stages.
    """
    name = f"resnet-{depth}-{width}"
    blocks, channels = _STAGES.get(int(depth)), int(width)
    if blocks is None or channels < 4:
        raise InputError(name, "no such depth or width", f"use {USAGE}")
    if min(shape[:2]) < 2 ** (len(blocks) - 1):
        raise InputError(name, f"samples of shape {shape} are too small", "use a smaller depth")
    keras = tensorflow().keras
    inputs = keras.Input(shape, name="image")
    x = stages(keras, stem(keras, inputs, channels), blocks, channels)
    return classifier(keras, inputs, x, classes, name)


def stem(keras: Any, inputs: Any, channels: int) -> Any:
    """A 3x3 convolution that keeps the resolution."""
    x = _conv(keras, inputs, channels, 3, 1, "stem")
    return keras.layers.ReLU(name="stem_relu")(x)


def stages(keras: Any, x: Any, blocks: tuple[int, ...], channels: int) -> Any:
    """Stages of so many residual blocks; each after the first halves the map and doubles channels."""
    for stage, count in enumerate(blocks):
        for block in range(count):
            stride = 2 if stage > 0 and block == 0 else 1
            x = _block(keras, x, channels << stage, stride, f"stage{stage + 1}_block{block + 1}")
    return x


def classifier(keras: Any, inputs: Any, x: Any, classes: int, name: str) -> Any:
    """Average over the whole map, then logits."""
    x = keras.layers.AveragePooling2D(tuple(x.shape[1:3]), name="pool")(x)
    x = keras.layers.Flatten(name="features")(x)
    return keras.Model(inputs, keras.layers.Dense(classes, name="logits")(x), name=name)


def _block(keras: Any, x: Any, channels: int, stride: int, name: str) -> Any:
    """Two 3x3 convolutions beside a shortcut: a 1x1 convolution where the shape changes."""
    shortcut = x
    if stride != 1 or x.shape[-1] != channels:
        shortcut = _conv(keras, x, channels, 1, stride, f"{name}_shortcut")
    x = _conv(keras, x, channels, 3, stride, f"{name}_conv1")
    x = keras.layers.ReLU(name=f"{name}_relu1")(x)
    x = _conv(keras, x, channels, 3, 1, f"{name}_conv2")
    x = keras.layers.Add(name=f"{name}_add")([shortcut, x])
    return keras.layers.ReLU(name=f"{name}_relu2")(x)


def _conv(keras: Any, x: Any, channels: int, size: int, stride: int, name: str) -> Any:
    """Convolution and batch norm, whose shift makes a bias of the convolution's own useless."""
    x = keras.layers.Conv2D(
        channels,
        size,
        stride,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=name,
    )(x)
    return keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-3, name=f"{name}_bn")(x)
