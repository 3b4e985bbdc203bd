"""QUANTIZE: float32, or integers of another scale, to integers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml.ops import arithmetic
from tinyml.ops.base import Array, KernelCall, Operator
from tinyml.ops.elementwise import quantization_fault, same_shape, scale_ratio
from tinyml.ops.integers import CODES
from tinyml.ops.lookup import every_input, lookup_call
from tinyml.ops.rules import input_count

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView

_OUTPUTS = {  # what TFLM has
    "float32": ("int8", "int16"),
    "int32": ("int8", "int16"),
    "int16": ("int8", "int16", "int32"),
    "int8": ("int8", "uint8", "int16", "int32"),
    "uint8": ("int8",),
}
_LARGEST_QUOTIENT = 1 << 30  # beyond it every output is at an end of its range


def pair_of_types(node: NodeView) -> str:
    """From float32 or int32 to int8 or int16; from int16 to int8, int16 or int32; from int8 to int8,
    uint8, int16 or int32; from uint8 to int8. Remedy: quantize the model to int8.
    """
    found = (node.input(0).dtype, node.output.dtype)
    return "" if found[1] in _OUTPUTS.get(found[0], ()) else " to ".join(found)


def single_scales(node: NodeView) -> str:
    """Input (unless it is float32) and output have one scale and zero point each; of int32 the zero point is
    0. Remedy: quantize the model again.
    """
    tensors = [t for t in (node.input(0), node.output) if t.dtype != "float32"]
    for tensor in tensors:
        found = quantization_fault(tensor, (tensor.dtype,), symmetric=False)
        if found:
            return found
        if tensor.dtype == "int32" and tensor.q.zero_point:
            return f"'{tensor.name}' has zero point {tensor.q.zero_point}"
    return ""


def ratio_in_range(node: NodeView) -> str:
    """The input's scale is below 2^15 times the output's, unless it is float32. Remedy: quantize the model
    again.
    """
    return "" if node.input(0).dtype == "float32" else scale_ratio(node)


def _factor(node: NodeView) -> tuple[int, int]:
    """(multiplier, shift) from the input's to the output's units; in double, as in TFLM."""
    return arithmetic.quantize_multiplier(node.input(0).q.scale / node.output.q.scale)


def _requantized(node: NodeView, values: np.ndarray) -> np.ndarray:
    """Outputs of integers less their zero point; a large int32 wraps as in TFLM."""
    scaled = arithmetic.requantize(values, *_factor(node)) + node.output.q.zero_point
    return np.clip(arithmetic.wrap_int32(scaled), *arithmetic.LIMITS[node.output.dtype])


def _from_float(node: NodeView, values: np.ndarray) -> np.ndarray:
    """Outputs of float32: divided in float32, rounded half away from zero."""
    with np.errstate(over="ignore"):
        quotient = (values / np.float32(node.output.q.scale)).astype(np.float64)
    bounded = np.clip(
        np.nan_to_num(quotient, nan=-_LARGEST_QUOTIENT), -_LARGEST_QUOTIENT, _LARGEST_QUOTIENT
    )
    rounded = np.copysign(np.floor(np.abs(bounded) + 0.5), bounded).astype(np.int64)
    return np.clip(rounded + node.output.q.zero_point, *arithmetic.LIMITS[node.output.dtype])


class Quantize(Operator):
    """To another scale and type (reference_ops::AffineQuantize and Requantize)."""

    name = "QUANTIZE"
    summary = "float32, or integers of another scale or type, to integers"
    elementwise = True
    rules = (input_count(1, 1), pair_of_types, single_scales, ratio_in_range)

    def parse(self, options: Any) -> None:
        return None

    def output_shapes(self, node: NodeView) -> tuple[tuple[int, ...], ...]:
        return same_shape(node)

    def reference(self, node: NodeView, inputs: list[np.ndarray]) -> list[np.ndarray]:
        if node.input(0).dtype == "float32":
            results = _from_float(node, inputs[0])
        else:
            values = inputs[0].astype(np.int64) - node.input(0).q.zero_point
            results = _requantized(node, values)
        return [results.astype(node.output.dtype)]

    def lower(self, node: NodeView) -> KernelCall:
        source, target = node.input(0).dtype, node.output.dtype
        if source == "float32":
            return _float_call(node)
        if (source, target) == ("int8", "int8"):
            return lookup_call(node, _requantized(node, every_input(node)))
        return _integer_call(node)


def _float_call(node: NodeView) -> KernelCall:
    low, high = arithmetic.LIMITS[node.output.dtype]
    return KernelCall(
        kernel="tinyml_quantize_float",
        params=(
            ("elements", node.output.elements),
            ("output_type", CODES[node.output.dtype]),
            ("zero_point", node.output.q.zero_point),
            ("low", low),
            ("high", high),
            ("scale", Array("scale", np.array([node.output.q.scale], np.float32))),
        ),
        inputs=(0,),
    )


def _integer_call(node: NodeView) -> KernelCall:
    multiplier, shift = _factor(node)
    low, high = arithmetic.LIMITS[node.output.dtype]
    return KernelCall(
        kernel="tinyml_quantize_integer",
        params=(
            ("elements", node.output.elements),
            ("input_type", CODES[node.input(0).dtype]),
            ("output_type", CODES[node.output.dtype]),
            ("input_zero_point", node.input(0).q.zero_point),
            ("output_zero_point", node.output.q.zero_point),
            ("multiplier", multiplier),
            ("shift", shift),
            ("low", low),
            ("high", high),
        ),
        inputs=(0,),
        in_place=(0,) if node.input(0).nbytes == node.output.nbytes else (),
    )


OPERATOR = Quantize()
