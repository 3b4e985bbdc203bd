"""What convolutions and fully connected layers share: a sum of products a channel, requantized.

int8 has 32-bit sums. int16 has 64-bit sums, which TFLM requantizes with a multiplier of 15 bits; where its
kernels take an int32 bias, one makes them use 32-bit sums and the full multiplier.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml.ops import arithmetic
from tinyml.ops.base import Array, Fields

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView
    from tinyml.ops.base import Rule

_INT32 = 2  # TFLite's TensorType


def bias_of(*int16_types: str) -> Rule:
    """A rule on the bias: int32, and next to int16 activations one of `int16_types`."""

    def rule(node: NodeView) -> str:
        bias = node.optional(2)
        if bias is None:
            return ""
        allowed = int16_types if node.output.dtype == "int16" else ("int32",)
        if bias.data is None or bias.dtype not in allowed:
            return f"a bias that is {'not constant' if bias.data is None else bias.dtype}"
        channels = node.output.shape[-1]
        return (
            "" if bias.shape == (channels,) else f"bias shape {bias.shape} for {channels} channels"
        )

    rule.__doc__ = (
        "A bias is constant int32, next to int16 activations "
        f"{' or '.join(int16_types)}, one value an output channel. Remedy: convert the model again."
    )
    return rule


def sums_fit(node: NodeView) -> str:
    """The effective scale, input times weights over output, is below 2^30, for 64-bit sums 2^7, and these
    are below 2^47. Remedy: quantize the model again.
    """
    wide = is_wide(node)
    largest = node.input(0).q.scale * max(node.input(1).q.scales) / node.output.q.scale
    if largest >= (1 << 7 if wide else 1 << 30):
        return f"effective scale {largest:g}"
    weights = node.input(1).data
    assert weights is not None
    # Of any channel: the largest bias, and as many products as there are weights.
    sums = float(np.abs(bias_values(node).astype(np.float64)).max()) + weights.size * 2.0**22
    return f"sums up to {sums:g}" if wide and sums >= 2.0**47 else ""


def narrow_without_bias(stored: Any) -> bool:
    """What TFLite's options say of int16 without a bias: True for 32-bit sums; older schemas cannot say."""
    read = getattr(stored, "QuantizedBiasType", None)
    return read is not None and read() == _INT32


def is_wide(node: NodeView) -> bool:
    """True for 64-bit sums and the multiplier of 15 bits."""
    if node.output.dtype != "int16":
        return False
    bias = node.optional(2)
    if bias is None:
        return not getattr(node.attributes, "narrow_without_bias", False)
    return bias.dtype != "int32"


def multipliers(node: NodeView) -> tuple[np.ndarray, np.ndarray]:
    """As `full_multipliers`, but reduced for 64-bit sums."""
    multiplier, shift = full_multipliers(node)
    return arithmetic.reduced_multiplier(multiplier) if is_wide(node) else multiplier, shift


def full_multipliers(node: NodeView) -> tuple[np.ndarray, np.ndarray]:
    """Multipliers and shifts of the output channels, int64; a single scale is repeated."""
    weights, output = node.input(1), node.output
    if node.node.operator == "FULLY_CONNECTED" and not weights.q.per_channel:
        # TFLite multiplies these two scales in float32, unlike everywhere else.
        product = np.float32(node.input(0).q.scale) * np.float32(weights.q.scale)
        pairs = [arithmetic.quantize_multiplier(float(product) / output.q.scale)]
    else:
        pairs = arithmetic.channel_multipliers(node.input(0), weights, output)
    pairs = pairs * output.shape[-1] if len(pairs) == 1 else pairs
    multiplier, shift = np.array(pairs, np.int64).T
    return multiplier, shift


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


def fields_s16(node: NodeView) -> Fields:
    """The int16 kernels' tinyml_channels_s16."""
    multiplier, shift = multipliers(node)
    low, high = arithmetic.activation_range(node.attributes.activation, node.output)
    return (
        ("bias", Array("bias", bias_values(node))),
        ("multipliers", Array("multipliers", multiplier.astype(np.int32))),
        ("shifts", Array("shifts", shift.astype(np.int8))),
        ("wide", is_wide(node)),
        ("activation_min", low),
        ("activation_max", high),
    )


def requantized(node: NodeView, sums: np.ndarray) -> np.ndarray:
    """Sums of products, int64 (..., channels) -> outputs: bias, requantize, zero point, clamp."""
    sums = sums + bias_values(node)
    low, high = arithmetic.activation_range(node.attributes.activation, node.output)
    if is_wide(node):
        scaled = arithmetic.requantize_wide(sums, *multipliers(node))
    else:
        scaled = arithmetic.requantize(arithmetic.wrap_int32(sums), *multipliers(node))
    return np.clip(scaled + node.output.q.zero_point, low, high).astype(node.output.dtype)
