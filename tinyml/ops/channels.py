"""What convolutions and fully connected layers share: a sum of products a channel, made into bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tinyml.ops import arithmetic
from tinyml.ops.base import Array, Fields

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView


def multipliers(node: NodeView) -> tuple[np.ndarray, np.ndarray]:
    """Multipliers and shifts of the output channels, int64; a single scale is repeated."""
    weights, output = node.input(1), node.output
    if node.node.operator == "FULLY_CONNECTED" and not weights.q.per_channel:
        # TFLite multiplies these two scales in float32, unlike everywhere else.
        product = np.float32(node.input(0).q.scale) * np.float32(weights.q.scale)
        pairs = [arithmetic.quantize_multiplier(float(product) / output.q.scale)]
    else:
        pairs = arithmetic.channel_multipliers(node.input(0), weights, output)
    pairs = pairs * output.shape[-1] if len(pairs) == 1 else pairs
    return np.array([p[0] for p in pairs], np.int64), np.array([p[1] for p in pairs], np.int64)


def bias_values(node: NodeView) -> np.ndarray:
    """The bias, int64 (output channels,); zeros when there is none."""
    bias = node.optional(2)
    if bias is None or bias.data is None:
        return np.zeros(node.output.shape[-1], np.int64)
    return bias.data.astype(np.int64)


def fields(node: NodeView, fold_offset: bool) -> Fields:
    """The kernels' tinyml_channels: bias, requantization and clamp.

    With `fold_offset` the bias takes up -zero_point * sum(weights) of its channel, so that the kernel
    multiplies raw input bytes; padding must then be filled with the zero point.
    """
    bias = bias_values(node)
    if fold_offset:
        weights = node.input(1).data
        assert weights is not None
        sums = weights.astype(np.int64).reshape(weights.shape[0], -1).sum(axis=1)
        bias = bias - node.input(0).q.zero_point * sums
    multiplier, shift = multipliers(node)
    low, high = arithmetic.activation_range(node.attributes.activation, node.output)
    return (
        ("bias", Array("bias", arithmetic.wrap_int32(bias).astype(np.int32))),
        ("multipliers", Array("multipliers", multiplier.astype(np.int32))),
        ("shifts", Array("shifts", shift.astype(np.int8))),
        ("output_zero_point", node.output.q.zero_point),
        ("activation_min", low),
        ("activation_max", high),
    )


def requantized(node: NodeView, sums: np.ndarray) -> np.ndarray:
    """Sums of products, int64 (..., channels) -> int8 outputs: bias, requantize, zero point, clamp."""
    sums = arithmetic.wrap_int32(sums + bias_values(node))
    low, high = arithmetic.activation_range(node.attributes.activation, node.output)
    scaled = arithmetic.requantize(sums, *multipliers(node))
    return np.clip(scaled + node.output.q.zero_point, low, high).astype(np.int8)
