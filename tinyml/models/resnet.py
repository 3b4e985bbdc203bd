"""Residual networks: `resnet-8-16` is 8 weighted layers deep and starts 16 channels wide.

The shape is that of He et al. 2015 (arXiv 1512.03385, section 4.2): a 3x3 stem that keeps the
resolution (inputs here are small), then stages of residual blocks, each stage after the first half
the resolution and twice as wide. Made only of layers that export: Conv2D with batch norm, ReLU, Add,
AveragePooling2D over the whole map, Flatten, Dense logits.

`resnet-8-16` on (32, 32, 3) is MLPerf Tiny's ResNet-8: the same layers, widths and strides, and
78,714 parameters to its 78,666. Differences: here the 1x1 convolutions of the shortcuts have a batch
norm, too (folded into them at export); convolutions before a batch norm have no bias; the answer are
logits, not a softmax; and pixels come in [0, 1], not 0 to 255.
"""

from __future__ import annotations

import re
from typing import Any

from tinyml.errors import InputError
from tinyml.models import parts
from tinyml.models.runtime import tensorflow

PATTERN = re.compile(r"resnet-(?P<depth>\d+)-(?P<width>\d+)")
USAGE = "resnet-DEPTH-WIDTH, e.g. resnet-8-16 (depth 4, 6, 8, 10, 14, 20; width 4 or more)"

_WIDTHS = (4, 6, 8, 12, 16, 20, 24, 32, 40, 48, 64)  # of `sizes`
_STAGES = {4: (1,), 6: (1, 1), 8: (1, 1, 1), 10: (2, 2), 14: (2, 2, 2), 20: (3, 3, 3)}


def sizes() -> list[tuple[str, ...]]:
    """A ladder of widths for each depth."""
    return [tuple(f"resnet-{depth}-{width}" for width in _WIDTHS) for depth in _STAGES]


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
    return parts.classifier(keras, inputs, x, classes, name)


def stem(keras: Any, inputs: Any, channels: int) -> Any:
    """A 3x3 convolution that keeps the resolution."""
    x = parts.convolution(keras, inputs, channels, 3, 1, "stem")
    return keras.layers.ReLU(name="stem_relu")(x)


def stages(keras: Any, x: Any, blocks: tuple[int, ...], channels: int) -> Any:
    """Stages of so many residual blocks; each after the first halves the map and doubles channels."""
    for stage, count in enumerate(blocks):
        for block in range(count):
            stride = 2 if stage > 0 and block == 0 else 1
            x = _block(keras, x, channels << stage, stride, f"stage{stage + 1}_block{block + 1}")
    return x


def _block(keras: Any, x: Any, channels: int, stride: int, name: str) -> Any:
    """Two 3x3 convolutions beside a shortcut: a 1x1 convolution where the shape changes."""
    shortcut = x
    if stride != 1 or x.shape[-1] != channels:
        shortcut = parts.convolution(keras, x, channels, 1, stride, f"{name}_shortcut")
    x = parts.convolution(keras, x, channels, 3, stride, f"{name}_conv1")
    x = keras.layers.ReLU(name=f"{name}_relu1")(x)
    x = parts.convolution(keras, x, channels, 3, 1, f"{name}_conv2")
    x = keras.layers.Add(name=f"{name}_add")([shortcut, x])
    return keras.layers.ReLU(name=f"{name}_relu2")(x)
