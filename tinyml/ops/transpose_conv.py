"""TRANSPOSE_CONV: transposed 2-D convolution."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml.ops import channels, conv_2d, schedules, windows
from tinyml.ops.base import Array, KernelCall, Operator, Rule
from tinyml.ops.rules import (
    activation_name,
    fused_activation,
    images,
    quantized_activations,
    symmetric_weights,
)

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView


@dataclass(frozen=True)
class Attributes:
    """Stride (height, width), padding (SAME or VALID) and fused activation."""

    stride: tuple[int, int]
    padding: str
    activation: str


def as_convolution(node: NodeView) -> NodeView:
    """The node with its inputs in the order of a convolution: data, weights, bias.

    The first, the output's shape, is left out: TFLM does not look at it, only at the output itself.
    """
    _, weights, data, *bias = node.inputs
    return replace(node, inputs=(data, weights, *bias))


def _of_convolution(rule: Rule) -> Rule:
    """A convolution's rule, for the inputs in their order here."""

    def same_rule(node: NodeView) -> str:
        return rule(as_convolution(node))

    same_rule.__doc__ = rule.__doc__
    return same_rule


def three_or_four_inputs(node: NodeView) -> str:
    """It has 3 or 4 inputs (output shape, weights, data, bias) and one output. Remedy: convert the model
    again.
    """
    right = 3 <= len(node.inputs) <= 4 and None not in node.inputs[:3] and len(node.outputs) == 1
    return "" if right else f"{len(node.inputs)} inputs and {len(node.outputs)} outputs"


def strides_positive(node: NodeView) -> str:
    """Strides are at least 1, and a convolution of the output would have the input's size. Remedy: convert
    the model again.
    """
    if min(node.attributes.stride) < 1:
        return f"strides {node.attributes.stride}"
    found = tuple(axis.output for axis in _backwards(node))
    return "" if found == node.input(2).shape[1:3] else f"{found} for {node.input(2).shape}"


def _backwards(node: NodeView) -> list[windows.Axis]:
    """Rows and columns of the convolution from the output to the input, whose padding is this one's."""
    a = node.attributes
    sizes = zip(node.output.shape[1:3], node.input(1).shape[1:3], a.stride)
    return [windows.slide(a.padding, *three) for three in sizes]


def window_of(node: NodeView) -> windows.Window:
    """From the input's places to the output's, with the padding cut off the output."""
    data, weights = node.input(2).shape, node.input(1).shape
    rows, columns = (
        windows.Axis(size, axis.input, axis.before)
        for size, axis in zip(data[1:3], _backwards(node))
    )
    return windows.Window(rows, columns, (weights[1], weights[2]), node.attributes.stride)


def _scatter(data: np.ndarray, weights: np.ndarray, window: windows.Window) -> np.ndarray:
    """What every input adds to the padded output, cut to the output, int64 (batches, height, width,
    channels).
    """
    (height, width), (down, right) = window.size, window.stride
    rows, columns = window.rows, window.columns
    reach = max((rows.input - 1) * down + height, rows.before + rows.output)
    span = max((columns.input - 1) * right + width, columns.before + columns.output)
    total = np.zeros((len(data), reach, span, len(weights)), np.int64)
    for y in range(height):
        for x in range(width):
            stop = (y + (rows.input - 1) * down + 1, x + (columns.input - 1) * right + 1)
            total[:, y : stop[0] : down, x : stop[1] : right] += data @ weights[:, y, x].T
    return total[:, rows.before :, columns.before :][:, : rows.output, : columns.output]


class TransposeConv(Operator):
    """Per-channel (reference_integer_ops::TransposeConv); ours gathers instead of scattering."""

    name = "TRANSPOSE_CONV"
    summary = "transposed 2-D convolution, with stride and SAME or VALID padding"
    rules = (
        three_or_four_inputs,
        *map(
            _of_convolution,
            (
                quantized_activations,
                images,
                symmetric_weights,
                conv_2d.weights_fit,
                channels.bias_of("int64", "int16"),
                channels.sums_fit,
                fused_activation,
            ),
        ),
        strides_positive,
    )

    def parse(self, options: Any) -> Attributes:
        from tflite.TransposeConvOptions import TransposeConvOptions

        stored = TransposeConvOptions()
        stored.Init(options.Bytes, options.Pos)
        return Attributes(
            (stored.StrideH(), stored.StrideW()),
            windows.PADDINGS[stored.Padding()],
            activation_name(stored.FusedActivationFunction()),
        )

    def output_shapes(self, node: NodeView) -> tuple[tuple[int, ...], ...]:
        shape = node.output.shape  # several sizes have the same input's size
        return ((node.input(2).shape[0], *shape[1:3], node.input(1).shape[0]),)

    def macs(self, node: NodeView) -> int:
        return node.input(2).elements * node.input(1).elements // node.input(1).shape[3]

    def reference(self, node: NodeView, inputs: list[np.ndarray]) -> list[np.ndarray]:
        data = inputs[2].astype(np.int64) - node.input(2).q.zero_point
        sums = _scatter(data, inputs[1].astype(np.int64), window_of(node))
        return [channels.requantized(as_convolution(node), sums)]

    def lower(self, node: NodeView) -> KernelCall:
        weights = node.input(1).data
        assert weights is not None
        turned = as_convolution(node)
        wide = node.output.dtype == "int16"
        return KernelCall(
            kernel="tinyml_transpose_conv_s16" if wide else "tinyml_transpose_conv_s8",
            params=(
                ("window", conv_2d.window_fields(turned, window_of(node))),
                ("weights", Array("weights", weights)),
                ("to", channels.fields_s16(turned) if wide else channels.fields(turned, False)),
            ),
            inputs=(2,),
            overlaps=(schedules.scattered(node, window_of(node), 2),),
        )


OPERATOR = TransposeConv()
