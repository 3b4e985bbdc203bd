"""Between real numbers and int8."""

from __future__ import annotations

import numpy as np
import pytest

from tinyml import affine


@pytest.mark.parametrize(
    ("real", "expected"),
    [(0.0, 0), (0.5, 1), (-0.5, -1), (1.5, 2), (2.5, 3), (-2.5, -3), (0.49999997, 0), (-0.4, 0)],
)
def test_halves_round_away_from_zero(real, expected):
    assert affine.quantize(np.float32([real]), 1.0, 0) == [expected]


def test_clamps_after_adding_the_zero_point():
    found = affine.quantize(np.float32([-1e30, -129, 126.4, 1e30]), 1.0, 1)
    assert found.tolist() == [-128, -128, 127, 127]
    assert found.dtype == np.int8


def test_divides_in_float32():
    # 0.3 / 0.2 is 1.4999999999999998 in float64 and 1.5 in float32, in which TFLM divides
    assert affine.quantize(np.array([0.3]), 0.2, 0) == [2]


@pytest.mark.parametrize(("scale", "zero_point"), [(1 / 255, -128), (0.06, -28), (3.0, 127)])
def test_every_int8_survives_the_way_there_and_back(scale, zero_point):
    every = np.arange(-128, 128).astype(np.int8)
    real = affine.dequantize(every, scale, zero_point)
    assert real.dtype == np.float32
    np.testing.assert_array_equal(affine.quantize(real, scale, zero_point), every)
