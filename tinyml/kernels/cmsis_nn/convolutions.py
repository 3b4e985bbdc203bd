"""CONV_2D, DEPTHWISE_CONV_2D and TRANSPOSE_CONV."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml.kernels.cmsis_nn.structs import (
    NULL,
    activation,
    constant,
    dims,
    quantization,
    tile,
    too_large,
    too_old,
)
from tinyml.ops import channels, conv_2d, transpose_conv, windows
from tinyml.ops.base import Array, Fields, KernelCall

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView
    from tinyml.kernels.base import Options

_INT31 = 1 << 31
# Files of CMSIS-NN, and from which revision on they are right for what is said.
_GROUPS_FIXED = ("ConvolutionFunctions/arm_convolve_get_buffer_sizes_s8.c", (2, 2, 2))  # groups
_TURNED_FIXED = (
    ("ConvolutionFunctions/arm_transpose_conv_get_buffer_sizes_s8.c", (2, 1, 0)),  # with Helium
    ("ConvolutionFunctions/arm_transpose_conv_s8.c", (2, 0, 1)),  # padding at a stride
)
_LARGEST_WINDOW = (1 << 16) - 1  # weights of an output channel: CMSIS-NN counts them in 16 bits


def plain(node: NodeView, options: Options) -> KernelCall | str:
    """CONV_2D."""
    window, weights = conv_2d.window_of(node), node.input(1)
    fault = too_large(node) or _window_fault(node, window)
    if not fault and "mve" in options.core.extensions:
        fault = _row_fault(node, window)
    wide, in_groups = node.output.dtype == "int16", weights.shape[3] != node.input(0).shape[3]
    if not fault and in_groups:
        fault = "int16 in groups" if wide else too_old(options, *_GROUPS_FIXED)
    if fault:
        return fault
    if wide and channels.is_wide(node) and _largest_sum(node) >= _INT31:
        return "sums that may leave 32 bits, which is all CMSIS-NN has for int16"
    return KernelCall(
        kernel="tinyml_cmsis_conv_s16" if wide else "tinyml_cmsis_conv_s8",
        params=(
            ("window", (*_offsets(node), *_sliding(window), activation(node))),
            *_sizes(node),
            ("weights", constant("weights", weights)),
            ("bias", _wide_bias(node) if wide else _bias(node)),
            ("to", _quantization(node)),
        ),
        inputs=(0,),
        has_scratch=True,
    )


def depthwise(node: NodeView, options: Options) -> KernelCall | str:
    """DEPTHWISE_CONV_2D."""
    window = conv_2d.window_of(node)
    fault = too_large(node) or _window_fault(node, window)
    if fault:
        return fault
    wide = node.output.dtype == "int16"
    multiplier = node.output.shape[-1] // node.input(0).shape[-1]
    sliding = (("ch_mult", multiplier), *_sliding(window))
    return KernelCall(
        kernel="tinyml_cmsis_depthwise_conv_s16" if wide else "tinyml_cmsis_depthwise_conv_s8",
        params=(
            ("window", (*_offsets(node), *sliding, activation(node))),
            *_sizes(node),
            ("weights", constant("weights", node.input(1))),
            ("bias", constant("bias", node.optional(2)) if wide else _bias(node)),
            ("to", _quantization(node)),
        ),
        inputs=(0,),
        has_scratch=True,
    )


def transposed(node: NodeView, options: Options) -> KernelCall | str:
    """TRANSPOSE_CONV."""
    if node.output.dtype == "int16":
        return "int16"
    turned, window = transpose_conv.as_convolution(node), transpose_conv.window_of(node)
    fault = too_large(turned) or _turned_fault(window, options)
    if fault:
        return fault
    offsets = (("padding_offsets", tile((0, 0))),)
    return KernelCall(
        kernel="tinyml_cmsis_transpose_conv_s8",
        params=(
            ("window", (*_offsets(turned), *offsets, *_sliding(window), activation(turned))),
            *_sizes(turned),
            ("weights", constant("weights", turned.input(1))),
            ("bias", _bias(turned)),
            ("to", _quantization(turned)),
        ),
        inputs=(2,),
        has_scratch=True,
    )


def _turned_fault(window: windows.Window, options: Options) -> str:
    if window.stride[1] > max(window.size[1], window.stride[0]):
        return "strides for which CMSIS-NN asks for too little scratch"
    if any(axis.before >= size for axis, size in zip((window.rows, window.columns), window.size)):
        return "padding as wide as the window"
    for axis, size, stride in zip((window.rows, window.columns), window.size, window.stride):
        reached = (axis.input - 1) * stride + max(size, stride)
        if not axis.input * stride <= axis.before + axis.output <= reached:
            return "an output that the input does not fill, or fills beyond its end"
    return next((fault for fixed in _TURNED_FIXED if (fault := too_old(options, *fixed))), "")


def _window_fault(node: NodeView, window: windows.Window) -> str:
    taps = window.size[0] * window.size[1] * node.input(1).shape[3]
    if taps > _LARGEST_WINDOW:
        return f"a window of {taps} weights"
    return ""


def _row_fault(node: NodeView, window: windows.Window) -> str:
    """What Helium's arm_convolve_1_x_n_s8, which is for images of one row, would compute wrongly.

    It copies the row's end once and puts padding behind it, as if the first window that reaches into the
    padding saw one element of it, and fails, which shows in a status only, when elements are left over.
    """
    channels_in, stride = node.input(0).shape[3], window.stride[1]
    is_row = node.input(0).shape[1] == window.size[0] == 1 and window.dilation[1] == 1
    if not is_row or node.input(1).shape[3] != channels_in or stride * channels_in % 4:
        return ""
    columns, width = window.columns, window.size[1]
    before = columns.before
    total = (columns.output - 1) * stride + width - columns.input
    after = total - before
    if total == 0 or (width == 1 and before == 0):
        return ""
    left, right = -(-before // stride), -(-after // stride)
    if 0 <= after - before <= 1 and left + right > columns.output:
        return ""  # it leaves these to arm_convolve_s8
    one_by_one = after == (right - 1) * stride + 1 and after in (before, right)
    if 0 <= after - before <= 1 and one_by_one and width <= columns.input:
        return ""
    return f"one row with {before} and {after} elements of padding at stride {stride}"


def _offsets(node: NodeView) -> Fields:
    return (
        ("input_offset", -node.input(0).q.zero_point),
        ("output_offset", node.output.q.zero_point),
    )


def _sliding(window: windows.Window) -> Fields:
    return (
        ("stride", tile(window.stride)),
        ("padding", tile((window.rows.before, window.columns.before))),
        ("dilation", tile(window.dilation)),
    )


def _sizes(node: NodeView) -> Fields:
    return (
        ("input", dims(node.input(0).shape)),
        ("filter", dims(node.input(1).shape)),
        ("bias_size", dims(node.output.shape[-1:])),
        ("output", dims(node.output.shape)),
    )


def _quantization(node: NodeView) -> Fields:
    """CMSIS-NN reduces the multipliers of 64-bit sums itself."""
    return quantization(*channels.full_multipliers(node))


def _bias(node: NodeView) -> Any:
    """int32, zeros in groups without one: CMSIS-NN would step through NULL."""
    if node.input(1).shape[3] != node.input(0).shape[3]:
        return Array("bias", channels.bias_values(node).astype(np.int32))
    return constant("bias", node.optional(2))


def _wide_bias(node: NodeView) -> Fields:
    """cmsis_nn_bias_data."""
    bias = node.optional(2)
    return (
        ("data", NULL if bias is None else constant("bias", bias)),
        ("is_int32_bias", not channels.is_wide(node)),
    )


def _largest_sum(node: NodeView) -> int:
    """The greatest size that the products of any channel sum to."""
    weights = node.input(1).data
    assert weights is not None
    return int(np.abs(weights.astype(np.int64)).reshape(len(weights), -1).sum(axis=1).max()) << 15
