"""Between real numbers and int8, exactly as TFLM's QUANTIZE and DEQUANTIZE do it."""

from __future__ import annotations

import numpy as np

INT8_MIN, INT8_MAX = -128, 127


def quantize(values: np.ndarray, scale: float, zero_point: int) -> np.ndarray:
    """q = round(values / scale) + zero_point, clamped to int8.

    Args:
        values: real numbers, any shape, converted to float32 first.
        scale: the step, above 0; rounded to float32, in which TFLM divides.
        zero_point: the int8 value that stands for 0.0.

    Returns:
        int8, same shape. Halves are rounded away from zero (C's `round`, not numpy's).
    """
    ratio = np.asarray(values, np.float32) / np.float32(scale)
    whole = np.trunc(ratio)
    # |ratio| >= 2^23 has no fraction, so the difference is exact for every float32
    rounded = whole + np.where(np.abs(ratio - whole) >= 0.5, np.sign(ratio), np.float32(0))
    shifted = rounded.astype(np.float64) + zero_point
    return np.clip(shifted, INT8_MIN, INT8_MAX).astype(np.int8)


def dequantize(values: np.ndarray, scale: float, zero_point: int) -> np.ndarray:
    """scale * (values - zero_point) as float32, for int8 `values` of any shape."""
    difference = np.asarray(values).astype(np.int32) - zero_point
    return difference.astype(np.float32) * np.float32(scale)
