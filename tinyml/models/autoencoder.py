"""A dense autoencoder: `autoencoder-128` has hidden layers of 128 around a code of 8.

`autoencoder-128` on samples of 640 values (five frames of 128 mel bins: (5, 128, 1)) is the anomaly
detector of MLPerf Tiny. It is no classifier: it answers with the sample itself, as well as a code of
8 values can hold it, and is trained for the least squared error. A sample that it answers badly is
unlike those it was trained on. So `train`, `quantize` and `export` take it; `distill` and `federate`,
which are about classes, do not.
"""

from __future__ import annotations

import math
import re
from typing import Any

from tinyml.errors import InputError
from tinyml.models import parts
from tinyml.models.runtime import tensorflow

PATTERN = re.compile(r"autoencoder-(?P<width>\d+)")
USAGE = "autoencoder-WIDTH, e.g. autoencoder-128 (width 8 or more; no classifier)"

_CODE = 8
_DEPTH = 4  # hidden layers on either side of the code


def build(width: str, shape: tuple[int, ...], classes: int) -> Any:
    """A freshly initialised model, (N, *shape) float32 to (N, *shape) float32.

    Args:
        width: neurons of each hidden layer.
        shape: (height, width, channels) of one sample.
        classes: not used; an autoencoder has none.

    Raises:
        InputError: a width below that of the code.
    """
    del classes
    name, neurons = f"autoencoder-{width}", int(width)
    if neurons < _CODE:
        raise InputError(name, "no such width", f"use {USAGE}")
    keras = tensorflow().keras
    inputs = keras.Input(shape, name="image")
    x = keras.layers.Flatten(name="values")(inputs)
    sizes = [neurons] * _DEPTH
    for part, units in enumerate([*sizes, _CODE, *sizes], 1):
        label = "code" if part == _DEPTH + 1 else f"dense{part}"
        x = keras.layers.Dense(units, use_bias=False, name=label)(x)
        x = keras.layers.ReLU(name=f"{label}_relu")(parts.norm(keras, x, label))
    x = keras.layers.Dense(math.prod(shape), name="answer")(x)
    return keras.Model(inputs, keras.layers.Reshape(shape, name="sample")(x), name=name)


def reconstructs(model: Any) -> bool:
    """True when a model's outputs have the shape of its inputs: an autoencoder, no classifier."""
    shapes: list[Any] = [getattr(model, name, None) for name in ("input_shape", "output_shape")]
    return shapes[0] is not None and shapes[0] == shapes[1] and len(shapes[0]) > 2
