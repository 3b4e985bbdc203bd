"""CONV_2D: 2-D convolution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml.ops import bands, channels, schedules, windows
from tinyml.ops.base import Array, Fields, KernelCall, Operator
from tinyml.ops.rules import (
    activation_name,
    fused_activation,
    images,
    input_count,
    quantized_activations,
    symmetric_weights,
)

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView


@dataclass(frozen=True)
class Attributes:
    """Strides, dilations (height, width), padding and fused activation.

    `narrow_without_bias`: see `channels`.
    """

    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: windows.Padding
    activation: str
    narrow_without_bias: bool = False


def attributes_of(stored: Any, narrow_without_bias: bool = False) -> Attributes:
    """The attributes in TFLite's options of a plain or depthwise convolution."""
    return Attributes(
        (stored.StrideH(), stored.StrideW()),
        (stored.DilationHFactor(), stored.DilationWFactor()),
        windows.PADDINGS[stored.Padding()],
        activation_name(stored.FusedActivationFunction()),
        narrow_without_bias,
    )


def weights_fit(node: NodeView) -> str:
    """Weights are (output channels, height, width, input channels). Remedy: convert the model again."""
    weights, depth = node.input(1), node.input(0).shape[-1]
    fits = len(weights.shape) == 4 and weights.shape[3] == depth
    return "" if fits else f"weights {weights.shape} on {depth} input channels"


def groups_fit(node: NodeView) -> str:
    """Weights are (output channels, height, width, input channels of a group), with both kinds of channels
    a multiple of the groups. Remedy: convert the model again.
    """
    weights, depth = node.input(1).shape, node.input(0).shape[-1]
    fits = len(weights) == 4 and depth % weights[3] == 0 and weights[0] % (depth // weights[3]) == 0
    return "" if fits else f"weights {weights} on {depth} input channels"


def _groups(node: NodeView) -> int:
    return node.input(0).shape[-1] // node.input(1).shape[3]


def strides_positive(node: NodeView) -> str:
    """Strides and dilations are at least 1, and the window fits into the input. Remedy: convert the model
    again.
    """
    a = node.attributes
    if min(*a.stride, *a.dilation) < 1:
        return f"strides {a.stride}, dilations {a.dilation}"
    axes = _axes(node)
    return "" if min(axis.output for axis in axes) >= 1 else f"input {node.input(0).shape}"


def _axes(node: NodeView) -> tuple[windows.Axis, windows.Axis]:
    a, image, weights = node.attributes, node.input(0).shape, node.input(1).shape
    rows, columns = (a.padding, a.padding) if isinstance(a.padding, str) else a.padding
    return (
        windows.slide(rows, image[1], weights[1], a.stride[0], a.dilation[0]),
        windows.slide(columns, image[2], weights[2], a.stride[1], a.dilation[1]),
    )


class Conv2D(Operator):
    """Per-channel convolution (TFLite's reference_integer_ops::ConvPerChannel)."""

    name = "CONV_2D"
    summary = "2-D convolution, with stride, dilation, groups and SAME or VALID padding"
    rules = (
        input_count(2, 3),
        quantized_activations,
        images,
        symmetric_weights,
        groups_fit,
        channels.bias_of("int64", "int32"),
        channels.sums_fit,
        fused_activation,
        strides_positive,
    )

    def parse(self, options: Any) -> Attributes:
        from tflite.Conv2DOptions import Conv2DOptions

        stored = Conv2DOptions()
        stored.Init(options.Bytes, options.Pos)
        return attributes_of(stored, channels.narrow_without_bias(stored))

    def output_shapes(self, node: NodeView) -> tuple[tuple[int, ...], ...]:
        rows, columns = _axes(node)
        return ((node.input(0).shape[0], rows.output, columns.output, node.input(1).shape[0]),)

    def macs(self, node: NodeView) -> int:
        return node.output.elements * node.input(1).elements // node.input(1).shape[0]

    def reference(self, node: NodeView, inputs: list[np.ndarray]) -> list[np.ndarray]:
        taps = windows.gather(inputs[0], node.input(0).q.zero_point, window_of(node))
        parts = zip(np.split(taps, _groups(node), -1), np.split(inputs[1], _groups(node)))
        acc = np.concatenate([_products(*part) for part in parts], -1)
        return [channels.requantized(node, acc)]

    def lower(self, node: NodeView) -> KernelCall:
        if node.output.dtype == "int16":
            return _generic("tinyml_conv_s16", node, channels.fields_s16(node))
        if _groups(node) > 1:
            return _generic(
                "tinyml_grouped_conv_s8", node, channels.fields(node, fold_offset=False)
            )
        weights = node.input(1)
        assert weights.data is not None
        window = window_of(node)
        taps = weights.elements // weights.shape[0]
        return KernelCall(
            kernel="tinyml_conv_s8",
            params=(
                ("window", window_fields(node, window)),
                ("weights", Array("weights", weights.data)),
                ("to", channels.fields(node, fold_offset=True)),
            ),
            inputs=(0,),
            scratch_bytes=taps,
            has_scratch=True,
            overlaps=(schedules.by_pixels(node, window),),
            band=bands.windows(window, "window."),
        )


def _products(taps: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The sums of one group, int64 (batches, output height, output width, output channels)."""
    rows = weights.astype(np.int64).reshape(len(weights), -1)
    sums: np.ndarray = taps.reshape(*taps.shape[:3], -1) @ rows.T
    return sums


def _generic(kernel: str, node: NodeView, to: Fields) -> KernelCall:
    """The call of a kernel that takes groups."""
    weights = node.input(1).data
    assert weights is not None
    return KernelCall(
        kernel=kernel,
        params=(
            ("window", window_fields(node, window_of(node))),
            ("groups", _groups(node)),
            ("weights", Array("weights", weights)),
            ("to", to),
        ),
        inputs=(0,),
        overlaps=(schedules.by_pixels(node, window_of(node), staged=False),),
        band=bands.windows(window_of(node), "window."),
    )


def window_of(node: NodeView) -> windows.Window:
    """The window of a convolution; its weights have (height, width) in the middle."""
    a, weights = node.attributes, node.input(1).shape
    return windows.Window(*_axes(node), (weights[1], weights[2]), a.stride, a.dilation)


def window_fields(node: NodeView, window: windows.Window) -> Fields:
    """The kernels' tinyml_window."""
    return (
        ("batches", node.input(0).shape[0]),
        ("input_height", window.rows.input),
        ("input_width", window.columns.input),
        ("input_channels", node.input(0).shape[-1]),
        ("output_height", window.rows.output),
        ("output_width", window.columns.output),
        ("output_channels", node.output.shape[-1]),
        ("window_height", window.size[0]),
        ("window_width", window.size[1]),
        ("stride_height", window.stride[0]),
        ("stride_width", window.stride[1]),
        ("dilation_height", window.dilation[0]),
        ("dilation_width", window.dilation[1]),
        ("pad_top", window.rows.before),
        ("pad_left", window.columns.before),
        ("input_zero_point", node.input(0).q.zero_point),
    )


OPERATOR = Conv2D()
