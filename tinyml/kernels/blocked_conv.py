"""CONV_2D in blocks of four pixels by two channels, for cores without DSP instructions.

ARMv7-M (Cortex-M3) has MLA, SMLAL and SSAT. ARMv6-M (Cortex-M0+) has a kernel of its own, as it only
multiplies within its eight low registers and loads no signed bytes from constant distances.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
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
_TURN = 8  # taps


@dataclass(frozen=True)
class _Kernel:
    """A kernel and what it costs, in instructions.

    Attributes:
        kernel: the C function.
        packing: of its weights.
        turn: for eight taps of a block.
        block: for a block besides; `exact` more where it takes TFLM's arithmetic.
        one: for four taps of two channels at a single pixel.
        pair: for these two channels besides.
        pixel: to stage a window; `run` for each of its runs, `outside` at the border.
        byte: of a run.
    """

    kernel: str
    packing: Packing
    turn: int
    block: int
    exact: int
    one: int
    pair: int
    pixel: int
    run: int
    outside: int
    byte: float


_V7M = _Kernel(
    "tinyml_conv_blocked_s8",
    Packing(packing.BYTES),
    turn=115,
    block=77,
    exact=50,
    one=26,
    pair=24,
    pixel=80,
    run=45,
    outside=70,
    byte=1,
)
_V6M = _Kernel(
    "tinyml_conv_blocked_v6m_s8",
    Packing(packing.BYTES, unsigned=True),
    turn=226,
    block=490,
    exact=42,
    one=48,
    pair=130,
    pixel=100,
    run=80,
    outside=60,
    byte=2.2,
)


def _kernel(core: Core) -> _Kernel | None:
    if "dsp" in core.extensions:
        return None
    return _V7M if "unaligned" in core.extensions else _V6M


class BlockedConvolution(Specialisation):
    """One group, int8; every pair of channels proven or exact."""

    name = "blocked GEMM"
    operators = ("CONV_2D",)

    def candidates(self, node: NodeView, core: Core) -> list[Candidate]:
        """One, where the requantization of every channel has constants."""
        grouped = node.input(1).shape[-1] != node.input(0).shape[-1]
        kernel = _kernel(core)
        if kernel is None or node.output.dtype != "int8" or grouped:
            return []
        stream = packing.stream(node, _filled(node), kernel.packing)
        return [] if stream is None else [_candidate(node, kernel, stream)]


def _candidate(node: NodeView, kernel: _Kernel, stream: Stream) -> Candidate:
    window = window_of(node)
    taps = _taps(node)
    call = KernelCall(
        kernel=kernel.kernel,
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
    return Candidate("blocked GEMM", (call,), _instructions(node, kernel, stream), stream.why)


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


def _instructions(node: NodeView, kernel: _Kernel, stream: Stream) -> int:
    """The kernel's loops, counted; staging, about."""
    window, taps = window_of(node), _taps(node)
    pixels, channels = window.rows.output * window.columns.output, node.output.shape[-1]
    whole, rest = divmod(pixels, _PIXELS)
    block = kernel.turn * taps // _TURN + kernel.block
    alone = kernel.one * taps // 4 + kernel.pair
    odd = _PIXELS * alone if channels % 2 else 0
    blocks = channels // 2 * block + odd + kernel.exact * (stream.pairs - stream.proven)
    groups = whole * (blocks + 100) + rest * stream.pairs * alone
    return round(node.input(0).shape[0] * (groups + _staged(node, kernel, window)))


def _staged(node: NodeView, kernel: _Kernel, window: Window) -> float:
    """For the windows of an image, those at its border apart."""
    depth, taps = node.input(0).shape[-1], _taps(node)
    run = _run_pixels(window) * depth
    runs = window.size[0] * window.size[1] // _run_pixels(window)
    inside = math.prod(
        sum(0 <= place * stride - axis.before <= axis.input - reach for place in range(axis.output))
        for axis, stride, reach in zip((window.rows, window.columns), window.stride, window.reach)
    )
    border = window.rows.output * window.columns.output - inside
    gathered = kernel.byte * taps + 20 if run % 4 else 0
    copied = runs * (kernel.run + kernel.byte * run + 3 * (run % 4)) + gathered
    outside = runs * (kernel.outside + 2 * kernel.byte * run) + kernel.byte * taps
    return inside * (kernel.pixel + copied) + border * (kernel.pixel + 20 + outside)


SPECIALISATION = BlockedConvolution()
