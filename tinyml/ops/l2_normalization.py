"""L2_NORMALIZATION: rows of length 1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml.ops import arithmetic, fixed_point
from tinyml.ops.base import KernelCall, Operator
from tinyml.ops.elementwise import quantized, same_shape
from tinyml.ops.rules import input_count
from tinyml.ops.sums import Attributes, parse_activation

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView

_MAX_CHANNELS = 1 << 15  # the sum of squares fits int32
_MAX_RANK = 4


def standard_output(node: NodeView) -> str:
    """The output has scale 1/128 and zero point 0. Remedy: quantize the model again."""
    q = node.output.q
    right = (q.scale, q.zero_point) == (1 / 128, 0)
    return "" if right else f"scale {q.scale:g}, zero point {q.zero_point}"


def no_activation(node: NodeView) -> str:
    """There is no fused activation. Remedy: make the activation a layer of its own before converting."""
    activation = node.attributes.activation
    return "" if activation == "NONE" else str(activation)


def rows_fit(node: NodeView) -> str:
    """The input has 1 to 4 dimensions, the last of at most 2^15 channels. Remedy: reshape the input."""
    shape = node.input(0).shape
    right = 1 <= len(shape) <= _MAX_RANK and shape[-1] <= _MAX_CHANNELS
    return "" if right else f"shape {shape}"


class L2Normalization(Operator):
    """Division by the root of the sum of squares (reference_integer_ops::L2Normalization)."""

    name = "L2_NORMALIZATION"
    summary = "vectors of length 1 along the last dimension"
    rules = (
        input_count(1, 1),
        quantized("int8"),
        standard_output,
        no_activation,
        rows_fit,
    )

    def parse(self, options: Any) -> Attributes:
        from tflite.L2NormOptions import L2NormOptions

        return parse_activation(L2NormOptions(), options)

    def output_shapes(self, node: NodeView) -> tuple[tuple[int, ...], ...]:
        return same_shape(node)

    def reference(self, node: NodeView, inputs: list[np.ndarray]) -> list[np.ndarray]:
        values = inputs[0].astype(np.int64) - node.input(0).q.zero_point
        rows = values.reshape(-1, values.shape[-1])
        results = []
        for row in rows:
            multiplier, shift = fixed_point.inverse_root(int((row * row).sum()))
            results.append(arithmetic.requantize(row, multiplier, shift + 7))  # to 1/128
        return [np.clip(results, -128, 127).astype(np.int8).reshape(node.output.shape)]

    def lower(self, node: NodeView) -> KernelCall:
        channels = node.output.shape[-1]
        return KernelCall(
            kernel="tinyml_l2_normalization_s8",
            params=(
                ("rows", node.output.elements // channels),
                ("channels", channels),
                ("input_zero_point", node.input(0).q.zero_point),
            ),
            inputs=(0,),
            in_place=(0,),
        )


OPERATOR = L2Normalization()
