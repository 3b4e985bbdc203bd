"""LOGISTIC and TANH: fixed point for int8, an interpolated table of a sigmoid for int16."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from tinyml.ops import arithmetic, bands
from tinyml.ops.base import Array, KernelCall
from tinyml.ops.elementwise import quantized
from tinyml.ops.lookup import Lookup
from tinyml.ops.rules import input_count

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView

_INTEGER_BITS = 4  # of an int8 input's value, Q4.27
_LARGEST_SCALE = {
    "int8": 1 << 20,
    "int16": 2.66,
}  # of an input; TFLM's own arithmetic overflows above


def input_scale(node: NodeView) -> str:
    """The input's scale is at most 2^20, for int16 2.66. Remedy: quantize the model again."""
    scale = node.input(0).q.scale
    return "" if scale <= _LARGEST_SCALE[node.input(0).dtype] else f"{scale:g}"


@dataclass(frozen=True)
class Argument:
    """An int16 input times `multiplier`, shifted right and rounded, is in units of 1/(3 * 4096)."""

    multiplier: int
    shift: int

    def of(self, values: np.ndarray) -> np.ndarray:
        """The argument of each value, int64."""
        half = (1 << self.shift) >> 1
        return (values * self.multiplier + half) >> self.shift


def argument(scale: float, direct: tuple[int, ...]) -> Argument:
    """The argument of an int16 input.

    Args:
        scale: of the input.
        direct: when the scale is within 0.1% of 2^(d - 12) for one of these d, it counts as that.
    """
    # CheckedLog2 in float32
    exponent = np.log(np.float32(scale)) * (np.float32(1) / np.log(np.float32(2)))
    nearest = math.floor(float(exponent) + 0.5)
    if abs(float(exponent) - nearest) < 1e-3 and nearest + 12 in direct:
        return Argument(3 << (nearest + 12), 0)
    multiplier, shift = scale * 4096.0 * 3.0, 0
    while multiplier <= 32767.0 / 2.0 and shift <= 30:
        multiplier, shift = multiplier * 2.0, shift + 1
    return Argument(int(multiplier), shift)


@lru_cache(maxsize=1)
def half_sigmoid() -> np.ndarray:
    """2^16 * sigmoid(i / 24) - 2^15 for i < 256, int16.

    An entry is lowered by half of what interpolation would be off midway to the next. TFLM's last entry is
    the greatest number.
    """

    def sigmoid(x: float) -> float:
        return 65536 / (1 + math.exp(-x / 24))

    entries = [
        sigmoid(i) - ((sigmoid(i) + sigmoid(i + 1)) / 2 - sigmoid(i + 0.5)) / 2 for i in range(255)
    ]
    return np.array([math.floor(e + 0.5) - 32768 for e in entries] + [32767], np.int16)


def interpolated(arguments: np.ndarray, bits: int) -> np.ndarray:
    """The sigmoid less a half of |arguments| / 2^bits entries, in 2^(16 + bits), without saturation."""
    size = np.abs(arguments)
    table = half_sigmoid().astype(np.int64)
    place = np.minimum(size >> bits, 254)
    return (table[place] << bits) + (size & ((1 << bits) - 1)) * (table[place + 1] - table[place])


class Sigmoid(Lookup):
    """A function between -1 or 0 and 1 whose output has a standard scale and zero point."""

    function: Callable[[int], int]  # Q4.27 to Q0.31
    bits: int  # of the int8 output's fraction
    zero_point: int  # of the int8 output
    direct: tuple[int, ...]  # see `argument`
    kernel: str  # for int16

    def results(self, node: NodeView, values: np.ndarray) -> np.ndarray:
        if node.output.dtype == "int8":
            return np.array([self._narrow(node, int(x)) for x in values], np.int64)
        return self.wide(argument(node.input(0).q.scale, self.direct).of(values))

    @abstractmethod
    def wide(self, arguments: np.ndarray) -> np.ndarray:
        """The int16 outputs of arguments in units of 1/(3 * 4096)."""

    def _narrow(self, node: NodeView, value: int) -> int:
        fraction, shift = math.frexp(node.input(0).q.scale * (1 << (31 - _INTEGER_BITS)))
        largest = ((1 << _INTEGER_BITS) - 1) * 2.0 ** (31 - _INTEGER_BITS - shift)
        if value <= -math.floor(largest):
            return -128
        if value >= math.floor(largest):
            return 127
        multiplier = math.floor(fraction * (1 << 31) + 0.5)
        scaled = arithmetic.requantize(np.array(value, np.int64), multiplier, shift)
        result = np.array(type(self).function(int(scaled)), np.int64)
        rounded = int(arithmetic.rounding_shift(result, 31 - self.bits))
        return min(max(rounded + self.zero_point, -128), 127)

    def lower_wide(self, node: NodeView) -> KernelCall:
        factor = argument(node.input(0).q.scale, self.direct)
        return KernelCall(
            kernel=self.kernel,
            params=(
                ("elements", node.output.elements),
                ("multiplier", factor.multiplier),
                ("right_shift", factor.shift),
                ("table", Array("table", half_sigmoid())),
            ),
            inputs=(0,),
            in_place=(0,),
            band=bands.elements(node),
        )


COMMON_RULES = (input_count(1, 1), quantized("int8", "int16"), input_scale)


def has_scale(node: NodeView, scale: float, zero_point: int) -> str:
    """What is wrong with the output's scale or zero point, or nothing; int16's is 2^-15 and 0."""
    q = node.output.q
    if node.output.dtype == "int16":
        right = abs(math.log2(q.scale) + 15) < 9e-4 and q.zero_point == 0  # TFLM: 1e-3
    else:
        right = (q.scale, q.zero_point) == (scale, zero_point)
    return "" if right else f"scale {q.scale:g}, zero point {q.zero_point}"
