"""FULLY_CONNECTED: a matrix times a vector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml.ops import channels
from tinyml.ops.base import Array, KernelCall, Operator
from tinyml.ops.rules import (
    activation_name,
    fused_activation,
    input_count,
    quantized_activations,
    symmetric_weights,
)

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView


@dataclass(frozen=True)
class Attributes:
    """Fused activation, and whether the output keeps the input's leading dimensions.

    `narrow_without_bias`: see `channels`.
    """

    activation: str
    keep_dimensions: bool
    narrow_without_bias: bool = False


def plain_layout(node: NodeView) -> str:
    """Weights are a plain (outputs, inputs) matrix whose width divides the input. Remedy: convert the
    model again without weight shuffling.
    """
    weights = node.input(1).shape
    fits = len(weights) == 2 and node.input(0).elements % weights[1] == 0
    return "" if fits else f"weights {weights} on input {node.input(0).shape}"


def last_dimension(node: NodeView) -> str:
    """With keep_num_dims, the input's last dimension is the matrix width. Remedy: convert again."""
    wrong = node.attributes.keep_dimensions and node.input(0).shape[-1:] != node.input(1).shape[1:]
    return f"input {node.input(0).shape}, weights {node.input(1).shape}" if wrong else ""


class FullyConnected(Operator):
    """A fully connected layer, per-tensor or per-channel (reference_integer_ops::FullyConnected)."""

    name = "FULLY_CONNECTED"
    summary = "fully connected layer, weights per tensor or per channel"
    rules = (
        input_count(2, 3),
        quantized_activations,
        symmetric_weights,
        plain_layout,
        last_dimension,
        channels.bias_of("int64", "int32"),
        channels.sums_fit,
        fused_activation,
    )

    def parse(self, options: Any) -> Attributes:
        from tflite.FullyConnectedOptions import FullyConnectedOptions

        stored = FullyConnectedOptions()
        stored.Init(options.Bytes, options.Pos)
        if stored.WeightsFormat() != 0:
            raise ValueError(f"fully connected weights format {stored.WeightsFormat()}")
        return Attributes(
            activation_name(stored.FusedActivationFunction()),
            bool(stored.KeepNumDims()),
            channels.narrow_without_bias(stored),
        )

    def output_shapes(self, node: NodeView) -> tuple[tuple[int, ...], ...]:
        outputs, width = node.input(1).shape
        if node.attributes.keep_dimensions:
            return ((*node.input(0).shape[:-1], outputs),)
        return ((node.input(0).elements // width, outputs),)

    def macs(self, node: NodeView) -> int:
        return node.output.elements * node.input(1).shape[1]

    def reference(self, node: NodeView, inputs: list[np.ndarray]) -> list[np.ndarray]:
        rows = inputs[0].astype(np.int64).reshape(-1, inputs[1].shape[1])
        sums = (rows - node.input(0).q.zero_point) @ inputs[1].astype(np.int64).T
        return [channels.requantized(node, sums).reshape(node.output.shape)]

    def lower(self, node: NodeView) -> KernelCall:
        weights = node.input(1).data
        assert weights is not None
        wide = node.output.dtype == "int16"
        return KernelCall(
            kernel="tinyml_fully_connected_s16" if wide else "tinyml_fully_connected_s8",
            params=(
                ("rows", node.input(0).elements // weights.shape[1]),
                ("input_channels", weights.shape[1]),
                ("output_channels", weights.shape[0]),
                ("weights", Array("weights", weights)),
                (
                    "to",
                    channels.fields_s16(node) if wide else channels.fields(node, fold_offset=True),
                ),
            ),
            inputs=(0,),
        )


OPERATOR = FullyConnected()
