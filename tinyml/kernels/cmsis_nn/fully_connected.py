"""FULLY_CONNECTED."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tinyml.kernels.cmsis_nn.structs import NULL, activation, constant, dims, quantization
from tinyml.ops import arithmetic, channels
from tinyml.ops.base import Array, Fields, KernelCall

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView
    from tinyml.kernels.base import Options


def lower(node: NodeView, options: Options) -> KernelCall | str:
    """FULLY_CONNECTED."""
    return _wide(node) if node.output.dtype == "int16" else _narrow(node, options)


def _narrow(node: NodeView, options: Options) -> KernelCall:
    multiplier, shift = channels.full_multipliers(node)
    per_channel = node.input(1).q.per_channel
    count = len(multiplier) if per_channel else 1
    return KernelCall(
        kernel="tinyml_cmsis_fully_connected_s8",
        params=(
            ("layer", _layer(node)),
            *_sizes(node),
            ("weights", constant("weights", node.input(1))),
            ("bias", constant("bias", node.optional(2))),
            ("sums", _sums(node) if "mve" in options.core.extensions else NULL),
            ("to", quantization(multiplier[:count], shift[:count])),
            ("per_channel", per_channel),
        ),
        inputs=(0,),
    )


def _wide(node: NodeView) -> KernelCall | str:
    if node.input(1).q.per_channel:
        return "int16 with weights quantized per channel"
    if not channels.is_wide(node):
        return "int16 with sums of 32 bits"
    multiplier, shift = channels.full_multipliers(node)
    return KernelCall(
        kernel="tinyml_cmsis_fully_connected_s16",
        params=(
            ("layer", _layer(node)),
            *_sizes(node),
            ("weights", constant("weights", node.input(1))),
            ("bias", constant("bias", node.optional(2))),
            ("to", (("multiplier", int(multiplier[0])), ("shift", int(shift[0])))),
        ),
        inputs=(0,),
        has_scratch=True,
    )


def _layer(node: NodeView) -> Fields:
    return (
        ("input_offset", -node.input(0).q.zero_point),
        ("filter_offset", 0),
        ("output_offset", node.output.q.zero_point),
        activation(node),
    )


def _sizes(node: NodeView) -> Fields:
    """The filter is (inputs, 1, 1, outputs) for CMSIS-NN."""
    outputs, inputs = node.input(1).shape
    rows = node.input(0).elements // inputs
    return (
        ("input", dims((rows, 1, 1, inputs))),
        ("filter", dims((inputs, 1, 1, outputs))),
        ("bias_size", dims((outputs,))),
        ("output", dims((rows, 1, 1, outputs))),
    )


def _sums(node: NodeView) -> Array:
    """What arm_vector_sum_s8 computes at run time: the bias, with the input's zero point folded in."""
    weights = node.input(1).data
    assert weights is not None
    folded = node.input(0).q.zero_point * weights.astype(np.int64).sum(axis=1)
    sums = arithmetic.wrap_int32(channels.bias_values(node) - folded)
    return Array("sums", sums.astype(np.int32))
