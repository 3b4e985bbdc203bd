"""Convolutions that the tests of all their kernels share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import model_builder as mb
import numpy as np
import pytest

RELU: dict[str, Any] = {"zero_point": -128, "activation": "RELU"}

SHAPES: dict[str, tuple[tuple[int, int, int], int, dict[str, Any]]] = {
    "pointwise": ((5, 5, 8), 8, {"window": (1, 1)}),
    "one pixel": ((1, 1, 12), 6, {"window": (1, 1)}),
    "two pixels": ((2, 1, 12), 5, {"window": (1, 1)}),
    "three pixels, one channel": ((1, 3, 4), 1, {"window": (1, 1)}),
    "channels not by four": ((3, 3, 5), 3, {"window": (1, 1)}),
    "strided 1x1": ((7, 6, 8), 4, {"window": (1, 1), "stride": (2, 2)}),
    "3x3": ((9, 10, 4), 6, {}),
    "3x3 image": ((11, 9, 3), 8, {"stride": (2, 2)}),
    "3x3 valid": ((6, 8, 8), 4, {"padding": "VALID"}),
    "5x5 on a small image": ((3, 4, 4), 4, {"window": (5, 5)}),
    "speech": ((12, 10, 1), 8, {"window": (10, 4), "stride": (2, 2)}),
    "1x7": ((3, 12, 2), 4, {"window": (1, 7)}),
    "7x1": ((12, 3, 2), 4, {"window": (7, 1), "padding": "VALID"}),
    "dilated": ((12, 11, 4), 4, {"dilation": (2, 3)}),
    "dilated, gathered": ((9, 9, 3), 5, {"dilation": (3, 2), "window": (3, 2)}),
    "uneven strides": ((9, 12, 4), 4, {"stride": (3, 2), "window": (2, 3)}),
    "narrow": ((9, 1, 4), 4, {}),
    "long": ((2, 2, 64), 2, {}),
}
QUICK = {"pointwise", "two pixels", "3x3 image", "speech", "dilated, gathered"}
MATRIX = [
    pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow, id=name) for name in SHAPES
]
COUNTED: dict[str, tuple[tuple[int, int, int], int, dict[str, Any]]] = {
    "pointwise": ((9, 5, 32), 24, {"window": (1, 1)}),
    "strided 1x1": ((16, 16, 16), 32, {"window": (1, 1), "stride": (2, 2)}),
    "3x3": ((16, 16, 16), 16, {}),
    "3x3, stride 2, odd": ((15, 15, 16), 15, {"stride": (2, 2)}),
    "image": ((20, 20, 3), 16, {"stride": (2, 2)}),
    "speech": ((49, 10, 1), 32, {"window": (10, 4), "stride": (2, 2)}),
    "dilated": ((16, 16, 16), 16, {"dilation": (2, 2)}),
    "nine pixels": ((3, 3, 128), 32, {"window": (1, 1)}),
}


def layer(
    shape: tuple[int, int, int], channels: int, *, batches: int = 1, **options: Any
) -> Callable[[mb.ModelBuilder, np.random.Generator], tuple[int, int]]:
    """A builder of one convolution with an input zero point of 5."""

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        full = (batches, *shape)
        source = m.tensor(full, scale=0.05, zero_point=5)
        output, _ = mb.convolution(
            m, rng, source, full, channels, **{"output_scale": 0.5, **options}
        )
        return source, output

    return build


def extreme(first: int, second: int) -> Callable[[mb.ModelBuilder, np.random.Generator], Any]:
    """A builder of two channels, all weights of which are the same."""

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        source = m.tensor((1, 3, 3, 32), scale=0.05, zero_point=0)
        data = np.stack([np.full((3, 3, 32), value) for value in (first, second)])
        weights = m.tensor(data.shape, scale=[0.01, 0.02], data=data)
        output = m.tensor((1, 3, 3, 2), scale=30.0, zero_point=4)
        options = {"strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
        m.node("CONV_2D", [source, weights], output, kind="Conv2DOptions", **options)
        return source, output

    return build
