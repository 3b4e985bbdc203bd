"""Several images in one inference: numpy reference = compiled C = TFLM."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import model_builder as mb
import numpy as np
import pytest
from tflm_check import check

SHAPE = (3, 7, 6, 4)
TYPES = {
    "int8": {"bias_type": "int32", "zero_point": 5},
    "int16": {"bias_type": "int64", "zero_point": 0},
}
SCALE = 0.05


def _source(m: mb.ModelBuilder, dtype: str) -> int:
    return m.tensor(SHAPE, dtype, SCALE, TYPES[dtype]["zero_point"])


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize(
    "settings",
    [
        {"stride": (2, 1)},
        {"window": (1, 1)},
        {"groups": 2, "dilation": (2, 2)},
        {"depthwise": True, "activation": "RELU"},
    ],
)
def test_convolutions(tmp_path: Path, settings: dict[str, Any], dtype: str) -> None:
    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        source = _source(m, dtype)
        options = {**settings, **TYPES[dtype], "dtype": dtype, "input_scale": SCALE}
        return source, mb.convolution(m, rng, source, SHAPE, 8, **options)[0]

    check(tmp_path, build, seed=1, qemu="depthwise" in settings)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("kind", ["AVERAGE", "MAX"])
def test_pools(tmp_path: Path, kind: str, dtype: str) -> None:
    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        source, zero_point = _source(m, dtype), TYPES[dtype]["zero_point"]
        settings = {"scale": SCALE, "zero_point": zero_point, "dtype": dtype, "padding": "SAME"}
        return source, mb.pool(m, source, SHAPE, kind=kind, window=(3, 2), **settings)[0]

    check(tmp_path, build, seed=2)


@pytest.mark.parametrize("dtype", TYPES)
def test_transposed_convolution(tmp_path: Path, dtype: str) -> None:
    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        source, shape = _source(m, dtype), (3, 14, 12, 5)
        values = rng.integers(-127, 128, (5, 3, 3, 4))
        weights = m.tensor(values.shape, scale=[0.01] * 5, data=values)
        output = m.tensor(shape, dtype, 0.2, TYPES[dtype]["zero_point"])
        inputs = [m.tensor((4,), "int32", data=np.array(shape)), weights, source]
        options = {"kind": "TransposeConvOptions", "strideH": 2, "strideW": 2}
        return source, m.node("TRANSPOSE_CONV", inputs, output, **options)

    check(tmp_path, build, seed=3)
