"""DEPTHWISE_CONV_2D: every input channel convolved on its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml.ops import bands, channels, conv_2d, schedules, windows
from tinyml.ops.base import Array, KernelCall, Operator
from tinyml.ops.rules import (
    fused_activation,
    images,
    input_count,
    quantized_activations,
    symmetric_weights,
)

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView


def weights_fit(node: NodeView) -> str:
    """Weights are (1, height, width, input channels x multiplier). Remedy: convert the model again."""
    weights, depth = node.input(1), node.input(0).shape[-1]
    fits = len(weights.shape) == 4 and weights.shape[0] == 1 and weights.shape[3] % depth == 0
    return "" if fits else f"weights {weights.shape} on {depth} input channels"


class DepthwiseConv2D(Operator):
    """Per-channel depthwise convolution (reference_integer_ops::DepthwiseConvPerChannel)."""

    name = "DEPTHWISE_CONV_2D"
    summary = "depthwise convolution, with channel multiplier, stride, dilation and padding"
    rules = (
        input_count(2, 3),
        quantized_activations,
        images,
        symmetric_weights,
        weights_fit,
        channels.bias_of("int64"),
        channels.sums_fit,
        fused_activation,
        conv_2d.strides_positive,
    )

    def parse(self, options: Any) -> conv_2d.Attributes:
        from tflite.DepthwiseConv2DOptions import DepthwiseConv2DOptions

        stored = DepthwiseConv2DOptions()
        stored.Init(options.Bytes, options.Pos)
        return conv_2d.attributes_of(stored)

    def output_shapes(self, node: NodeView) -> tuple[tuple[int, ...], ...]:
        batches, channels_out = node.input(0).shape[0], node.input(1).shape[3]
        window = conv_2d.window_of(node)
        return ((batches, window.rows.output, window.columns.output, channels_out),)

    def macs(self, node: NodeView) -> int:
        _, height, width, _ = node.input(1).shape
        return node.output.elements * height * width

    def reference(self, node: NodeView, inputs: list[np.ndarray]) -> list[np.ndarray]:
        taps = windows.gather(inputs[0], node.input(0).q.zero_point, conv_2d.window_of(node))
        multiplier = node.output.shape[-1] // node.input(0).shape[-1]
        # Output channel c reads input channel c // multiplier.
        acc = np.einsum(
            "nyxhwc,hwc->nyxc", np.repeat(taps, multiplier, axis=-1), inputs[1][0].astype(np.int64)
        )
        return [channels.requantized(node, acc)]

    def lower(self, node: NodeView) -> KernelCall:
        weights = node.input(1)
        assert weights.data is not None
        wide = node.output.dtype == "int16"
        return KernelCall(
            kernel="tinyml_depthwise_conv_s16" if wide else "tinyml_depthwise_conv_s8",
            params=(
                ("window", conv_2d.window_fields(node, conv_2d.window_of(node))),
                ("channel_multiplier", node.output.shape[-1] // node.input(0).shape[-1]),
                ("weights", Array("weights", weights.data)),
                (
                    "to",
                    channels.fields_s16(node) if wide else channels.fields(node, fold_offset=False),
                ),
            ),
            inputs=(0,),
            overlaps=(schedules.by_channels(node, conv_2d.window_of(node)),),
            band=bands.windows(conv_2d.window_of(node), "window."),
        )


OPERATOR = DepthwiseConv2D()
