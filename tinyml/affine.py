"""Between real numbers and int8 or int16, exactly as TFLM's QUANTIZE and DEQUANTIZE do it."""

from __future__ import annotations

import numpy as np


def quantize(values: np.ndarray, scale: float, zero_point: int, dtype: str = "int8") -> np.ndarray:
    """q = round(values / scale) + zero_point, clamped to the type's range.

    Args:
        values: real numbers, any shape, converted to float32 first.
        scale: the step, above 0; rounded to float32, in which TFLM divides.
        zero_point: the value that stands for 0.0.
        dtype: int8 or int16.

    Returns:
        `dtype`, same shape. Halves are rounded away from zero (C's `round`, not numpy's).
    """
    ratio = np.asarray(values, np.float32) / np.float32(scale)
    whole = np.trunc(ratio)
    # |ratio| >= 2^23 has no fraction, so the difference is exact for every float32
    rounded = whole + np.where(np.abs(ratio - whole) >= 0.5, np.sign(ratio), np.float32(0))
    shifted = rounded.astype(np.float64) + zero_point
    limits = np.iinfo(dtype)
    return np.clip(shifted, limits.min, limits.max).astype(dtype)


def dequantize(values: np.ndarray, scale: float, zero_point: int) -> np.ndarray:
    """scale * (values - zero_point) as float32, for integer `values` of any shape."""
    difference = np.asarray(values).astype(np.int32) - zero_point
    return difference.astype(np.float32) * np.float32(scale)
