"""AVERAGE_POOL_2D: the mean over a window, padding left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml.ops import arithmetic, bands, schedules, windows
from tinyml.ops.base import KernelCall, Operator
from tinyml.ops.rules import (
    activation_name,
    fused_activation,
    images,
    input_count,
    quantized_activations,
)

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView


@dataclass(frozen=True)
class Attributes:
    """Window and stride (height, width), padding (SAME or VALID) and fused activation."""

    size: tuple[int, int]
    stride: tuple[int, int]
    padding: str
    activation: str


def window_fits(node: NodeView) -> str:
    """Window and strides are at least 1, and the window fits into the input. Remedy: convert the model
    again.
    """
    a = node.attributes
    if min(*a.size, *a.stride) < 1:
        return f"window {a.size}, strides {a.stride}"
    window = window_of(node)
    fits = min(window.rows.output, window.columns.output) >= 1
    return "" if fits else f"window {a.size} on input {node.input(0).shape}"


def sums_fit(node: NodeView) -> str:
    """A window covers fewer than 2^15 elements. Remedy: pool in two steps."""
    a, image = node.attributes, node.input(0).shape
    covered = min(a.size[0], image[1]) * min(a.size[1], image[2])
    return "" if covered < 1 << 15 else f"{covered} elements"


def same_units(node: NodeView) -> str:
    """Input and output have the same zero point and, within 1e-6, scale. Remedy: convert again."""
    a, b = node.input(0).q, node.output.q
    same = a.zero_point == b.zero_point and abs(a.scale - b.scale) <= 1e-6
    return "" if same else f"{a.scale:g}, {a.zero_point} and {b.scale:g}, {b.zero_point}"


def parse_pool(options: Any) -> Attributes:
    """TFLite's Pool2DOptions."""
    from tflite.Pool2DOptions import Pool2DOptions

    stored = Pool2DOptions()
    stored.Init(options.Bytes, options.Pos)
    return Attributes(
        (stored.FilterHeight(), stored.FilterWidth()),
        (stored.StrideH(), stored.StrideW()),
        windows.PADDINGS[stored.Padding()],
        activation_name(stored.FusedActivationFunction()),
    )


def window_of(node: NodeView) -> windows.Window:
    """The window of a pool."""
    a, image = node.attributes, node.input(0).shape
    return windows.Window(
        windows.slide(a.padding, image[1], a.size[0], a.stride[0]),
        windows.slide(a.padding, image[2], a.size[1], a.stride[1]),
        a.size,
        a.stride,
    )


def pool_shapes(node: NodeView) -> tuple[tuple[int, ...], ...]:
    """The output shape of a pool."""
    window = window_of(node)
    batches, _, _, depth = node.input(0).shape
    return ((batches, window.rows.output, window.columns.output, depth),)


def pool_call(kernel: str, node: NodeView) -> KernelCall:
    """The call of a pooling kernel, whose name goes on with the type."""
    window = window_of(node)
    low, high = arithmetic.activation_range(node.attributes.activation, node.output)
    return KernelCall(
        kernel=f"{kernel}_{'s16' if node.output.dtype == 'int16' else 's8'}",
        params=(
            ("batches", node.input(0).shape[0]),
            ("input_height", window.rows.input),
            ("input_width", window.columns.input),
            ("channels", node.input(0).shape[3]),
            ("output_height", window.rows.output),
            ("output_width", window.columns.output),
            ("window_height", window.size[0]),
            ("window_width", window.size[1]),
            ("stride_height", window.stride[0]),
            ("stride_width", window.stride[1]),
            ("pad_top", window.rows.before),
            ("pad_left", window.columns.before),
            ("activation_min", low),
            ("activation_max", high),
        ),
        inputs=(0,),
        overlaps=(schedules.by_channels(node, window),),
        band=bands.windows(window),
    )


class AveragePool2D(Operator):
    """Average pooling (reference_integer_ops::AveragePool): raw values, scales are not used."""

    name = "AVERAGE_POOL_2D"
    summary = "average over a window"
    rules = (
        input_count(1, 1),
        quantized_activations,
        images,
        fused_activation,
        same_units,
        window_fits,
        sums_fit,
    )

    def parse(self, options: Any) -> Attributes:
        return parse_pool(options)

    def output_shapes(self, node: NodeView) -> tuple[tuple[int, ...], ...]:
        return pool_shapes(node)

    def reference(self, node: NodeView, inputs: list[np.ndarray]) -> list[np.ndarray]:
        window = window_of(node)
        total = windows.gather(inputs[0], 0, window).sum(axis=(3, 4))
        count = windows.inside_mask(window).sum(axis=(2, 3))[..., np.newaxis]
        # Rounds half away from zero: C's division truncates towards zero.
        mean = np.sign(total) * ((np.abs(total) + count // 2) // count)
        low, high = arithmetic.activation_range(node.attributes.activation, node.output)
        return [np.clip(mean, low, high).astype(node.output.dtype)]

    def lower(self, node: NodeView) -> KernelCall:
        return pool_call("tinyml_average_pool", node)


OPERATOR = AveragePool2D()
