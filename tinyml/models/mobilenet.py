"""MobileNetV1: `mobilenetv1-0.25` has a quarter of the paper's channels (arXiv 1704.04861).

`mobilenetv1-0.25` on (96, 96, 3) is the person detector of MLPerf Tiny (visual wake words), apart
from its logits instead of a softmax. The paper halves the map five times, which takes samples from
33x33 up: on smaller ones the first halvings are left out, until the last map is 2x2 or larger (so
on CIFAR's 32x32 the stem keeps the resolution). ReLU as in MLPerf Tiny, not the paper's ReLU6.
"""

from __future__ import annotations

import math
import re
from typing import Any

from tinyml.errors import InputError
from tinyml.models import parts
from tinyml.models.runtime import tensorflow

PATTERN = re.compile(r"mobilenetv1-(?P<alpha>\d+(\.\d+)?)")
USAGE = "mobilenetv1-ALPHA, e.g. mobilenetv1-0.25 (alpha 0.125 to 2)"

_STEM = (32, 2)
_BLOCKS = (  # channels at alpha 1, stride
    (64, 1),
    *((128, 2), (128, 1)),
    *((256, 2), (256, 1)),
    *((512, 2), *[(512, 1)] * 5),
    *((1024, 2), (1024, 1)),
)
_SMALLEST_SIDE = 8
_ALPHAS = (0.125, 0.25, 0.375, 0.5, 0.75, 1)  # of `sizes`
_SMALLEST_MAP = 2


def sizes() -> list[tuple[str, ...]]:
    """One ladder of factors on the channels."""
    return [tuple(f"mobilenetv1-{alpha}" for alpha in _ALPHAS)]


def build(alpha: str, shape: tuple[int, ...], classes: int) -> Any:
    """A freshly initialised model, (N, *shape) float32 to (N, classes) float32 logits.

    Args:
        alpha: the factor on all channels, from 0.125 to 2; fractions of a channel are cut off.
        shape: (height, width, channels) of one sample.
        classes: number of classes.

    Raises:
        InputError: an alpha out of range, or a sample with a side below 8.
    """
    name, factor = f"mobilenetv1-{alpha}", float(alpha)
    if not 0.125 <= factor <= 2:
        raise InputError(name, "no such alpha", f"use {USAGE}")
    if min(shape[:2]) < _SMALLEST_SIDE:
        raise InputError(
            name,
            f"samples of shape {shape} are too small, it takes 8x8 and up",
            "use ds-cnn-16 or resnet-4-16",
        )
    keras = tensorflow().keras
    inputs = keras.Input(shape, name="image")
    (channels, stride), *blocks = _kept_strides(min(shape[:2]))
    x = parts.convolution(keras, inputs, int(channels * factor), 3, stride, "stem")
    x = keras.layers.ReLU(name="stem_relu")(x)
    for number, (channels, stride) in enumerate(blocks, 1):
        x = parts.separable(keras, x, int(channels * factor), stride, f"block{number}")
    return parts.classifier(keras, inputs, x, classes, name)


def _kept_strides(side: int) -> list[tuple[int, int]]:
    """Channels and strides of stem and blocks for samples whose shorter side is `side`."""
    layers = [_STEM, *_BLOCKS]
    halvings = sum(stride == 2 for _, stride in layers)
    while halvings and math.ceil(side / 2**halvings) < _SMALLEST_MAP:
        first = next(i for i, (_, stride) in enumerate(layers) if stride == 2)
        layers[first] = (layers[first][0], 1)
        halvings -= 1
    return layers
