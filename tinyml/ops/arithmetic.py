"""TFLite's integer arithmetic, as TFLM computes it.

Source: gemmlowp's fixed-point routines in the double-rounding form that TFLM is built with, and the
TFLite 8-bit quantization specification. All functions are exact on the ranges they state.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tinyml.graph.ir import Tensor

LIMITS = {
    "int8": (-128, 127),
    "uint8": (0, 255),
    "int16": (-32768, 32767),
    "int32": (-(1 << 31), (1 << 31) - 1),
}


def quantize_multiplier(real: float) -> tuple[int, int]:
    """A positive real factor as (multiplier in [2^30, 2^31), shift): real ~ multiplier * 2^(shift - 31).

    Factors below about 2^-32 become (0, 0), as in TFLite's QuantizeMultiplier.
    """
    if real == 0.0:
        return 0, 0
    fraction, exponent = math.frexp(real)
    multiplier = math.floor(fraction * (1 << 31) + 0.5)
    if multiplier == 1 << 31:
        multiplier //= 2
        exponent += 1
    if exponent < -31:
        return 0, 0
    return multiplier, exponent


def wrap_int32(x: np.ndarray) -> np.ndarray:
    """int64 -> the value that 32-bit two's complement would hold, as int64."""
    return ((x + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)


def doubling_high_mul(x: np.ndarray, multiplier: np.ndarray | int) -> np.ndarray:
    """round(x * multiplier / 2^31), halves upwards; int64 arrays holding int32 values, multiplier >= 0."""
    return (x * multiplier + (1 << 30)) >> 31


def rounding_shift(x: np.ndarray, exponent: np.ndarray | int) -> np.ndarray:
    """x / 2^exponent rounded to nearest, halves away from zero; int64 arrays, 0 <= exponent <= 31."""
    mask = (np.int64(1) << exponent) - 1
    remainder = x & mask
    threshold = (mask >> 1) + (x < 0)
    return (x >> exponent) + (remainder > threshold)


def requantize(x: np.ndarray, multiplier: np.ndarray | int, shift: np.ndarray | int) -> np.ndarray:
    """MultiplyByQuantizedMultiplier: int64 array of int32 values -> int64 array of int32 values."""
    left = np.maximum(shift, 0)
    right = np.maximum(np.negative(shift), 0)
    return rounding_shift(doubling_high_mul(wrap_int32(x << left), multiplier), right)


def reduced_multiplier(multiplier: np.ndarray) -> np.ndarray:
    """Multipliers as TFLM uses them for 64-bit sums: 15 bits, rounded, saturated."""
    return np.where(multiplier < 0x7FFF0000, (multiplier + (1 << 15)) >> 16, 0x7FFF)


def requantize_wide(x: np.ndarray, multiplier: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """MultiplyByQuantizedMultiplier of 64-bit sums: x * multiplier * 2^(shift - 15), halves upwards, wrapped.

    Args:
        x: int64, below 2^47 in size.
        multiplier: of `reduced_multiplier`.
        shift: -31 to 7.
    """
    right = 15 - shift
    return wrap_int32((x * multiplier + (np.int64(1) << (right - 1))) >> right)


def activation_range(activation: str, output: Tensor) -> tuple[int, int]:
    """The clamp of a fused activation in the output's quantized units (CalculateActivationRangeQuantized)."""
    low, high = LIMITS[output.dtype]

    def quantized(real: float) -> int:
        # float32 division and rounding half away from zero, as TfLiteRound does
        scaled = float(np.float32(real) / np.float32(output.q.scale))
        return output.q.zero_point + int(math.copysign(math.floor(abs(scaled) + 0.5), scaled))

    if activation == "RELU":
        return max(low, quantized(0.0)), high
    if activation == "RELU6":
        return max(low, quantized(0.0)), min(high, quantized(6.0))
    if activation == "RELU_N1_TO_1":
        return max(low, quantized(-1.0)), min(high, quantized(1.0))
    return low, high


def channel_multipliers(input_: Tensor, weights: Tensor, output: Tensor) -> list[tuple[int, int]]:
    """(multiplier, shift) for each scale of the weights (PopulateConvolutionQuantizationParams)."""
    return [
        quantize_multiplier(input_.q.scale * scale / output.q.scale) for scale in weights.q.scales
    ]
