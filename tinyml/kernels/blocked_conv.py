"""CONV_2D in blocks of four pixels by two channels, for ARMv7-M without DSP instructions (Cortex-M3).

These cores have MLA, SMLAL, SSAT and registers for the eight sums of a block; ARMv6-M has none of them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from tinyml.kernels import packing, ranges
from tinyml.kernels.base import Candidate, Specialisation
from tinyml.kernels.packing import Packing, Stream
from tinyml.ops import bands, schedules
from tinyml.ops.base import Array, KernelCall
from tinyml.ops.conv_2d import window_fields, window_of

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView
    from tinyml.ops.windows import Window
    from tinyml.targets import Core

_PIXELS = 4  # of a block
_EXACT = 50  # instructions more for a pair that takes TFLM's arithmetic
_TURN = 8  # taps
_PACKING = Packing(packing.BYTES)


class BlockedConvolution(Specialisation):
    """One group, int8; every pair of channels proven or exact."""

    name = "blocked GEMM"
    operators = ("CONV_2D",)

    def candidates(self, node: NodeView, core: Core) -> list[Candidate]:
        """One, where the requantization of every channel has constants."""
        grouped = node.input(1).shape[-1] != node.input(0).shape[-1]
        fits = "unaligned" in core.extensions and "dsp" not in core.extensions
        if not fits or node.output.dtype != "int8" or grouped:
            return []
        stream = packing.stream(node, _filled(node), _PACKING)
        return [] if stream is None else [_candidate(node, stream)]


def _candidate(node: NodeView, stream: Stream) -> Candidate:
    window = window_of(node)
    taps = _taps(node)
    call = KernelCall(
        kernel="tinyml_conv_blocked_s8",
        params=(
            ("window", window_fields(node, window)),
            ("run_pixels", _run_pixels(window)),
            ("taps", taps),
            ("stream", Array("stream", stream.values)),
        ),
        inputs=(0,),
        scratch_bytes=(_PIXELS + 1) * taps,
        has_scratch=True,
        overlaps=(schedules.by_pixels(node, window, _PIXELS, across_rows=True),),
        band=bands.windows(window, "window."),
    )
    return Candidate("blocked GEMM", (call,), _instructions(node, stream), stream.why)


def _run_pixels(window: Window) -> int:
    return window.size[1] if window.dilation[1] == 1 else 1


def _taps(node: NodeView) -> int:
    """Of a window, rounded up to what the kernel takes in a turn."""
    weights = node.input(1)
    return -(-weights.elements // weights.shape[0] // _TURN) * _TURN


def _filled(node: NodeView) -> np.ndarray:
    """The weights with zeros for taps beyond the last, int64 (output channels, taps)."""
    weights = ranges.channel_weights(node)
    return np.pad(weights, ((0, 0), (0, _taps(node) - weights.shape[1])))


def _instructions(node: NodeView, stream: Stream) -> int:
    """The kernel's loops, counted; staging, about."""
    window, taps = window_of(node), _taps(node)
    pixels, channels = window.rows.output * window.columns.output, node.output.shape[-1]
    whole, rest = divmod(pixels, _PIXELS)
    block = 115 * taps // _TURN + 77
    alone = 26 * taps // 4 + 24
    odd = _PIXELS * alone if channels % 2 else 0
    blocks = channels // 2 * block + odd + _EXACT * (stream.pairs - stream.proven)
    groups = whole * (blocks + 100) + rest * stream.pairs * alone
    return node.input(0).shape[0] * (groups + _staged(node, window))


def _staged(node: NodeView, window: Window) -> int:
    """For the windows of an image, those at its border apart."""
    depth, taps = node.input(0).shape[-1], _taps(node)
    run = _run_pixels(window) * depth
    runs = window.size[0] * window.size[1] // _run_pixels(window)
    inside = math.prod(
        sum(0 <= place * stride - axis.before <= axis.input - reach for place in range(axis.output))
        for axis, stride, reach in zip((window.rows, window.columns), window.stride, window.reach)
    )
    border = window.rows.output * window.columns.output - inside
    copied = runs * (45 + run + 3 * (run % 4)) + (taps + 20 if run % 4 else 0)
    return inside * (80 + copied) + border * (100 + runs * (70 + 2 * run) + taps)


SPECIALISATION = BlockedConvolution()
