"""DS-CNN, a network of depthwise separable convolutions: `ds-cnn-64` is 64 channels wide.

`ds-cnn-64` on (49, 10, 1) and 12 classes is the keyword spotter of MLPerf Tiny, weight for weight,
itself the small DS-CNN of Zhang et al. 2017 (arXiv 1711.07128): a stem of 10x4 and stride 2, then
four blocks of a 3x3 depthwise and a 1x1 convolution. Differences: logits instead of a softmax, no
dropout, and no biases that a batch norm would take away again. On smaller samples the stem's window
is cut to half a sample's side, but not below 3.

`ds-cnn-64-gn` has group norms in place of its batch norms, whose statistics federated training does
not keep: without any norm so deep a network hardly learns.
"""

from __future__ import annotations

import re
from typing import Any

from tinyml.errors import InputError
from tinyml.models import parts
from tinyml.models.runtime import tensorflow

PATTERN = re.compile(r"ds-cnn-(?P<width>\d+)(?P<norm>-gn)?")
USAGE = "ds-cnn-WIDTH[-gn], e.g. ds-cnn-64 (width 4 or more; gn: with group norms)"

_BLOCKS = 4
_WINDOW = (10, 4)
_SMALLEST_SIDE = 4
_WIDTHS = (4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 172, 256)  # of `sizes`


def sizes() -> list[tuple[str, ...]]:
    """One ladder of widths."""
    return [tuple(f"ds-cnn-{width}" for width in _WIDTHS)]


def build(width: str, norm: str | None, shape: tuple[int, ...], classes: int) -> Any:
    """A freshly initialised model, (N, *shape) float32 to (N, classes) float32 logits.

    Args:
        width: channels of every convolution.
        norm: "-gn" for group norms; otherwise they are batch norms.
        shape: (height, width, channels) of one sample; of audio, (frames, bins, 1).
        classes: number of classes.

    Raises:
        InputError: a width below 4, or a sample with a side below 4.
    """
    name, channels = f"ds-cnn-{width}{norm or ''}", int(width)
    kind = parts.group_norm if norm else parts.norm
    if channels < 4:
        raise InputError(name, "no such width", f"use {USAGE}")
    if min(shape[:2]) < _SMALLEST_SIDE:
        raise InputError(name, f"samples of shape {shape} are too small", "it takes 4x4 and up")
    keras = tensorflow().keras
    inputs = keras.Input(shape, name="image")
    window = tuple(min(full, max(3, side // 2)) for full, side in zip(_WINDOW, shape))
    x = parts.convolution(keras, inputs, channels, window, 2, "stem", kind)
    x = keras.layers.ReLU(name="stem_relu")(x)
    for block in range(1, _BLOCKS + 1):
        x = parts.separable(keras, x, channels, 1, f"block{block}", kind)
    return parts.classifier(keras, inputs, x, classes, name)
