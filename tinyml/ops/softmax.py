"""SOFTMAX over the last dimension."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml.ops import arithmetic, fixed_point
from tinyml.ops.base import Array, KernelCall, Operator
from tinyml.ops.elementwise import LARGEST_RATIO, quantization_fault, same_shape
from tinyml.ops.rules import input_count

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView

_INTEGER_BITS = 5  # of the scaled difference to the row's maximum, Q5.26
_TYPES = (("int8", "int8"), ("int8", "int16"), ("int16", "int16"))
_MAX_CLASSES = {"int8": (1 << 12) - 1, "int16": (1 << 16) - 1}  # their sum fits int32


@dataclass(frozen=True)
class Attributes:
    """The factor on the logits."""

    beta: float


def types(node: NodeView) -> str:
    """int8 to int8 or int16, or int16 (zero point 0) to int16, at least one dimension, with one scale and
    zero point each. Remedy: quantize the model first, e.g. `tinyml quantize MODEL --calibration DATA -o
    model.tflite`.
    """
    found = (node.input(0).dtype, node.output.dtype)
    if found not in _TYPES:
        return " to ".join(found)
    if not node.input(0).shape:
        return "a scalar"
    return quantization_fault(node.input(0), found[:1]) or quantization_fault(
        node.output, found[1:], symmetric=False
    )


def standard_output(node: NodeView) -> str:
    """The output has scale 1/256 and zero point -128; as int16 1/65536 and -32768, from an int16 input
    1/32768 and 0. Remedy: quantize the model again.
    """
    q = node.output.q
    if node.output.dtype == "int8":
        right = (q.scale, q.zero_point) == (1 / 256, -128)
    else:
        wide = node.input(0).dtype == "int16"
        scale, zero_point = (1 / 32768, 0) if wide else (1 / 65536, -32768)
        right = abs(q.scale / scale - 1) < 9e-4 and q.zero_point == zero_point  # TFLM: 1e-3
    return "" if right else f"scale {q.scale:g}, zero point {q.zero_point}"


def scale_in_range(node: NodeView) -> str:
    """beta times the input's scale is above 2^-26; for int16 it is positive and below 5. Remedy: quantize
    the model again.
    """
    product = node.attributes.beta * node.input(0).q.scale
    if node.input(0).dtype == "int16":
        right = product > 0 and _wide_ratio(node) < LARGEST_RATIO
    else:
        right = product * (1 << (31 - _INTEGER_BITS)) > 1
    return "" if right else f"{product:g}"


def classes_fit(node: NodeView) -> str:
    """There are at most 4095 classes, for int16 65535. Remedy: split the last dimension."""
    classes = node.input(0).shape[-1] if node.input(0).shape else 0
    return "" if 1 <= classes <= _MAX_CLASSES[node.input(0).dtype] else f"{classes} classes"


def scaling(node: NodeView) -> tuple[int, int, int]:
    """(multiplier, left shift, least difference that counts), TFLM's CalculateSoftmaxParams."""
    real = node.attributes.beta * node.input(0).q.scale * (1 << (31 - _INTEGER_BITS))
    multiplier, shift = arithmetic.quantize_multiplier(min(real, (1 << 31) - 1.0))
    radius = ((1 << _INTEGER_BITS) - 1) * (1 << (31 - _INTEGER_BITS)) / (1 << shift)
    return multiplier, shift, -math.floor(radius)


def wide_scaling(node: NodeView) -> tuple[int, int]:
    """(multiplier, shift) of an int16 row's differences to its maximum."""
    return arithmetic.quantize_multiplier(_wide_ratio(node))


def _wide_ratio(node: NodeView) -> float:
    """From differences of int16 to units in which -65535 stands for -10."""
    return node.input(0).q.scale * node.attributes.beta / (10.0 / 65535.0)


class Softmax(Operator):
    """Softmax in fixed point (reference_ops::Softmax) or, for int16, by tables (SoftmaxInt16)."""

    name = "SOFTMAX"
    summary = "softmax over the last dimension"
    rules = (input_count(1, 1), types, standard_output, scale_in_range, classes_fit)

    def parse(self, options: Any) -> Attributes:
        from tflite.SoftmaxOptions import SoftmaxOptions

        stored = SoftmaxOptions()
        stored.Init(options.Bytes, options.Pos)
        return Attributes(float(stored.Beta()))

    def output_shapes(self, node: NodeView) -> tuple[tuple[int, ...], ...]:
        return same_shape(node)

    def reference(self, node: NodeView, inputs: list[np.ndarray]) -> list[np.ndarray]:
        rows = inputs[0].astype(np.int64).reshape(-1, inputs[0].shape[-1])
        results = _narrow(node, rows) if inputs[0].dtype == np.int8 else _wide(node, rows)
        return [results.astype(node.output.dtype).reshape(node.output.shape)]

    def lower(self, node: NodeView) -> KernelCall:
        return _narrow_call(node) if node.input(0).dtype == "int8" else _wide_call(node)


def _narrow(node: NodeView, rows: np.ndarray) -> np.ndarray:
    multiplier, shift, least = scaling(node)
    difference = rows - rows.max(axis=1, keepdims=True)
    counts = difference >= least
    scaled = arithmetic.doubling_high_mul(
        arithmetic.wrap_int32(np.where(counts, difference, 0) << shift), multiplier
    )
    exponential = fixed_point.exp_on_negative(scaled)
    # Q0.31 to Q12.19, each rounded, then summed
    total = np.where(counts, arithmetic.rounding_shift(exponential, 12), 0).sum(axis=1)
    low, high = arithmetic.LIMITS[node.output.dtype]
    out = np.full(rows.shape, low, np.int64)
    places = 8 if node.output.dtype == "int8" else 16
    for row, value in enumerate(total):
        reciprocal, bits = fixed_point.reciprocal(int(value))
        share = arithmetic.doubling_high_mul(exponential[row], reciprocal)
        # From a sum of 2^9 on the shift is beyond 31, where TFLM aborts; here the share rounds to 0.
        out[row] = np.clip(arithmetic.rounding_shift(share, bits + 31 - places) + low, low, high)
    return np.where(counts, out, low)


def _narrow_call(node: NodeView) -> KernelCall:
    multiplier, shift, least = scaling(node)
    narrow = node.output.dtype == "int8"
    return KernelCall(
        kernel="tinyml_softmax_s8" if narrow else "tinyml_softmax_s8_s16",
        params=(
            ("rows", node.output.elements // node.output.shape[-1]),
            ("classes", node.output.shape[-1]),
            ("multiplier", multiplier),
            ("left_shift", min(shift, 30)),  # with 31 only the difference 0 counts
            ("least_difference", max(least, -256)),
        ),
        inputs=(0,),
        in_place=(0,) if narrow else (),
    )


def _wide(node: NodeView, rows: np.ndarray) -> np.ndarray:
    difference = rows - rows.max(axis=1, keepdims=True)
    factor = wide_scaling(node)
    exponential = _look_up(_exponentials(), arithmetic.requantize(difference, *factor) + 32767)
    results = np.empty_like(rows)
    for row, total in enumerate(exponential.sum(axis=1)):
        bits = int(total).bit_length() - 1
        mantissa = ((int(total) << (30 - bits)) + (1 << 13)) >> 14
        # The table's argument is the mantissa less 1, centred
        place = np.array(mantissa - (1 << 15) - (1 << 16), np.int64)
        share = exponential[row] * _look_up(_reciprocals(), place) + (1 << (bits - 1))
        results[row] = np.clip(share >> bits, 0, 32767)
    return results


def _wide_call(node: NodeView) -> KernelCall:
    multiplier, shift = wide_scaling(node)
    return KernelCall(
        kernel="tinyml_softmax_s16",
        params=(
            ("rows", node.output.elements // node.output.shape[-1]),
            ("classes", node.output.shape[-1]),
            ("multiplier", multiplier),
            ("shift", shift),
            ("exponential", Array("exponential", _exponentials())),
            ("reciprocal", Array("reciprocal", _reciprocals())),
        ),
        inputs=(0,),
        in_place=(0,),
    )


def _look_up(table: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The table's value at x, clamped to int16 and interpolated (LUTLookup)."""
    within = np.clip(x, -32768, 32767)
    base = table.astype(np.int64)
    place = 256 + (within >> 7)
    slope = base[place + 1] - base[place]
    return base[place] + ((slope * (within & 0x7F) + 64) >> 7)


def tables() -> tuple[np.ndarray, np.ndarray]:
    """What int16 looks up: exponentials and reciprocals, int16 (513,)."""
    return _exponentials(), _reciprocals()


@lru_cache(maxsize=1)
def _exponentials() -> np.ndarray:
    """exp(x) in Q0.15 for x from -10 to 0, int16 (513,)."""
    return _table(10.0, 32767, lambda x: np.exp(x.astype(np.float64)).astype(np.float32))


@lru_cache(maxsize=1)
def _reciprocals() -> np.ndarray:
    """1 / (1 + x) in Q0.15 for x from 0 to 1, int16 (513,)."""
    return _table(1.0, -32768, lambda x: np.float32(1) / (np.float32(1) + x))


def _table(
    length: float, zero_point: int, function: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """513 samples of a function, each lowered by half of what interpolation is off midway (LUTPopulateInt16).

    Args:
        length: of the interval, whose place follows from the zero point.
        zero_point: the int16 value that stands for 0.
        function: of float32, and all of this is computed in float32.
    """
    f32 = np.float32
    scale = f32(length) / f32(65535)
    first = scale * f32(-32768 - zero_point)
    last = scale * f32(32767 - zero_point)
    step = (last - first) / f32(512)
    out_scale = f32(2.0) / f32(65535)
    inverse = f32(65536) / (out_scale * f32(32767) - out_scale * f32(-32768))
    i = np.arange(512).astype(f32)
    here = function(first + i * step) * inverse
    middle = function(first + i * step + step / f32(2)) * inverse
    beyond = function(first + (i + f32(1)) * step) * inverse
    between = _round((beyond + _round(here)) / f32(2))
    bias = _round((between - _round(middle)) / f32(2))
    end = _round(function(np.array([last], f32)) * inverse)
    return np.clip(np.append(_round(here) - bias, end), -32768, 32767).astype(np.int16)


def _round(x: np.ndarray) -> np.ndarray:
    """To the nearest integer, halves away from zero; float32."""
    wide = x.astype(np.float64)
    return np.copysign(np.floor(np.abs(wide) + 0.5), wide).astype(np.float32)


OPERATOR = Softmax()
