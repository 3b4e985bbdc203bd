"""Wide residual networks: `wrn-16-2` is 16 layers deep and 2 times as wide (arXiv 1605.07146).

Depth is 6n + 4 (a stem, three stages of n blocks of two convolutions, three shortcuts); the stages
are 16k, 32k and 64k channels wide behind a stem of 16. One thing differs from the paper: batch norm
and ReLU follow each convolution instead of preceding it (He et al. 2015, arXiv 1512.03385), because
then every batch norm folds into a convolution and costs a microcontroller nothing.
"""

from __future__ import annotations

import re
from typing import Any

from tinyml.errors import InputError
from tinyml.models import parts, resnet
from tinyml.models.runtime import tensorflow

PATTERN = re.compile(r"wrn-(?P<depth>\d+)-(?P<widen>\d+)")
USAGE = "wrn-DEPTH-K, e.g. wrn-16-1 (depth 10, 16, 22, 28, 34, 40; K from 1)"

_STEM = 16
_SMALLEST_SIDE = 4  # halved twice


def sizes() -> list[tuple[str, ...]]:
    """A ladder of widening factors for each of the lesser depths."""
    return [tuple(f"wrn-{depth}-{k}" for k in range(1, 7)) for depth in (10, 16, 22)]


def build(depth: str, widen: str, shape: tuple[int, ...], classes: int) -> Any:
    """A freshly initialised model, (N, *shape) float32 to (N, classes) float32 logits.

    Args:
        depth: layers, 6n + 4 for n from 1 to 6.
        widen: k; stage i has 16 * k * 2**i channels.
        shape: (height, width, channels) of one sample.
        classes: number of classes.

    Raises:
        InputError: a depth or width that does not exist, or a sample too small for the stages.
    """
    name, k = f"wrn-{depth}-{widen}", int(widen)
    blocks, rest = divmod(int(depth) - 4, 6)
    if rest or not 1 <= blocks <= 6 or k < 1:
        raise InputError(name, "no such depth or width", f"use {USAGE}")
    if min(shape[:2]) < _SMALLEST_SIDE:
        raise InputError(name, f"samples of shape {shape} are too small", "use resnet-4-16")
    keras = tensorflow().keras
    inputs = keras.Input(shape, name="image")
    x = resnet.stem(keras, inputs, _STEM)
    x = resnet.stages(keras, x, (blocks,) * 3, _STEM * k)
    return parts.classifier(keras, inputs, x, classes, name)
