"""HARD_SWISH: x * relu6(x + 3) / 6."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tinyml.ops.arithmetic import quantize_multiplier
from tinyml.ops.elementwise import quantized
from tinyml.ops.lookup import Lookup
from tinyml.ops.rules import input_count

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView

_LARGEST_SCALE = 1 << 20


def swish_scales(node: NodeView) -> str:
    """The input's scale is below 128 times the output's, and at most 2^20. Remedy: quantize the model
    again.
    """
    scale = node.input(0).q.scale
    right = _factor(scale / 128, node.output.q.scale)[1] <= 0 and scale <= _LARGEST_SCALE
    return "" if right else f"{scale:g} and {node.output.q.scale:g}"


def _factor(a: float, b: float) -> tuple[int, int]:
    """a / b as (multiplier of 15 bits, exponent). TFLM divided in float32 until 2026; now in double."""
    multiplier, exponent = quantize_multiplier(a / b)
    return min((multiplier + (1 << 15)) >> 16, 32767), exponent


def _wrap(x: np.ndarray) -> np.ndarray:
    """What int16 would hold, as int64."""
    return ((x + (1 << 15)) & 0xFFFF) - (1 << 15)


def _saturate(x: np.ndarray) -> np.ndarray:
    return np.clip(x, -32768, 32767)


def _rounding_shift(x: np.ndarray, exponent: int) -> np.ndarray:
    """gemmlowp's RoundingDivideByPOT in int16, whose mask wraps for exponents from 16 on."""
    mask = _wrap(np.array((1 << exponent) - 1, np.int64))
    threshold = (mask >> 1) + (x < 0)
    return _wrap((x >> exponent) + ((x & mask) > threshold))


def _rounding_mul(x: np.ndarray, multiplier: int) -> np.ndarray:
    """round(x * multiplier / 2^15), halves upwards; multiplier >= 0."""
    return (x * multiplier + (1 << 14)) >> 15


class HardSwish(Lookup):
    """In 16-bit fixed point (reference_ops::HardSwish)."""

    name = "HARD_SWISH"
    summary = "x * relu6(x + 3) / 6"
    rules = (input_count(1, 1), quantized("int8"), swish_scales)

    def results(self, node: NodeView, values: np.ndarray) -> np.ndarray:
        fine = values << 7
        scale = node.input(0).q.scale / 128
        multiplier, exponent = _factor(scale, node.output.q.scale)
        gate = _gate(fine, *_factor(scale, 3.0 / 32768.0))
        product = gate * _rounding_mul(fine, multiplier)
        towards_zero = np.sign(product) * (np.abs(product) >> 15)
        raw = _wrap(_rounding_shift(towards_zero, -exponent) + node.output.q.zero_point)
        return np.clip(raw, -128, 127)


def _gate(fine: np.ndarray, multiplier: int, exponent: int) -> np.ndarray:
    """relu6(x + 3) / 6 in Q0.15, from inputs times 128."""
    # All but one bit of a left shift comes before the multiplication, each saturating
    left = max(exponent, 0)
    x = _saturate(fine << max(left - 1, 0))
    x = _rounding_mul(x, multiplier)
    x = _saturate(x << min(left, 1))
    x = _rounding_shift(x, max(-exponent, 0))
    return (x + (1 << 15)) >> 1


OPERATOR = HardSwish()
