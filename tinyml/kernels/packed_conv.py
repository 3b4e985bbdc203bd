"""CONV_2D as a matrix product in blocks of four pixels by two channels, for cores with DSP instructions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tinyml.kernels import packing, ranges
from tinyml.kernels.base import Candidate, Specialisation
from tinyml.kernels.packing import Packing, Stream
from tinyml.ops import bands, schedules
from tinyml.ops.base import Array, Band, Fields, KernelCall
from tinyml.ops.conv_2d import window_fields, window_of
from tinyml.ops.windows import Axis, Window

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView
    from tinyml.targets import Core

_PIXELS = 4  # of a block
_PLACE = 20  # TINYML_PACKED_PLACE, bytes
_SHORT = 8  # bytes; shorter runs are faster copied together than staged one by one


@dataclass(frozen=True)
class _Kernel:
    """A kernel and what it costs, in instructions.

    Attributes:
        name: as the report shows it.
        kernel: the C function.
        packing: of its weights.
        word: for two taps of a block.
        turn: for a turn over taps, two of them `unrolled` times.
        only: for the only turn of a block without exact pairs.
        pair: for a block besides its taps, with its requantization in one multiplication.
        pixel_word: for two taps of a single pixel and a pair of channels.
    """

    name: str
    kernel: str
    packing: Packing
    word: int
    unrolled: int
    turn: int
    only: int
    pair: int
    pixel_word: float


_KERNELS = (
    _Kernel(
        "packed GEMM", "tinyml_conv_packed_s8", Packing(packing.CARRIED), 12, 16, 3, 4, 36, 5.5
    ),
    _Kernel(
        "halfword GEMM", "tinyml_conv_halves_s8", Packing(packing.HALVES), 11, 32, 4, 1, 32, 4.5
    ),
)
_EXACT = 34  # how much more TFLM's own arithmetic takes, of a pair
_CALL = 80  # of four pixels
_PART = 70  # of a pair of channels that does not go to four pixels
_PIXEL = 35  # of a pair of channels at a single pixel


@dataclass(frozen=True)
class _Staging:
    """tinyml_stage: how windows are brought together.

    Attributes:
        window: the layer's, or one row of all pixels where the shape of the image does not matter.
        channels: of the input.
        run_pixels: neighbours in memory.
        taps: rounded up to a multiple of 4.
        gathers: a run is not a multiple of 4.
    """

    window: Window
    channels: int
    run_pixels: int
    taps: int
    gathers: bool

    @property
    def pixels(self) -> int:
        """Of an output image."""
        return self.window.rows.output * self.window.columns.output

    @property
    def groups_inside(self) -> int:
        """Groups of four pixels of one row that see nothing outside the image."""
        first = np.arange(0, self.pixels - _PIXELS + 1, _PIXELS)
        rows, columns = np.divmod(first, self.window.columns.output)
        in_row = columns + _PIXELS <= self.window.columns.output
        last = columns + _PIXELS - 1
        return int(
            (
                in_row & _sees(self.window, 0, rows, rows) & _sees(self.window, 1, columns, last)
            ).sum()
        )

    @property
    def is_flat(self) -> bool:
        """Windows are single pixels in their order, and not gathered."""
        return _is_flat(self.window) and not self.gathers

    @property
    def scratch_bytes(self) -> int:
        """Staged halfwords, and room for runs or windows that cannot be read in place."""
        outside = self.window.pads != ((0, 0), (0, 0))
        spare = self.run_pixels * self.channels if outside else 0
        if self.gathers:
            spare = self.taps
        return 8 * self.taps + _PLACE + _PIXELS * spare

    def fields(self, node: NodeView) -> Fields:
        """The C struct."""
        return (
            ("window", window_fields(node, self.window)),
            ("run_pixels", self.run_pixels),
            ("taps", self.taps),
            ("gathers", self.gathers),
            ("flat", self.is_flat),
        )


def _sees(window: Window, dimension: int, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Whether the windows from `first` to `last` along a dimension lie inside: bool, as `first`."""
    axis = (window.rows, window.columns)[dimension]
    stride, reach = (
        window.stride[dimension],
        (window.size[dimension] - 1) * window.dilation[dimension],
    )
    begin, end = first * stride - axis.before, last * stride - axis.before + reach
    inside: np.ndarray = (begin >= 0) & (end < axis.input)
    return inside


def _staging(node: NodeView) -> _Staging:
    window, channels = window_of(node), node.input(0).shape[-1]
    if _is_flat(window):
        window = _flattened(window)
    run_pixels = window.size[1] if window.dilation[1] == 1 else 1
    taps = window.size[0] * window.size[1] * channels
    run = run_pixels * channels
    gathers = run % 4 != 0 or run < _SHORT
    return _Staging(window, channels, run_pixels, -(-taps // 4) * 4, gathers)


def _in_runs(node: NodeView, staging: _Staging) -> np.ndarray:
    """The weights in the order in which taps are staged, int64 (output channels, taps)."""
    weights, (height, width) = ranges.channel_weights(node), staging.window.size
    runs = weights.reshape(len(weights), height, width // staging.run_pixels, -1)
    return runs.transpose(0, 2, 1, 3).reshape(len(weights), -1)


def _is_flat(window: Window) -> bool:
    """Whether the shape of the image does not matter."""
    return window.size == (1, 1) and window.stride == (1, 1)


def _flattened(window: Window) -> Window:
    """A 1x1 window over an image as one over a single row of its pixels: no group of four is cut."""
    pixels = window.rows.output * window.columns.output
    return Window(Axis(1, 1, 0), Axis(pixels, pixels, 0), (1, 1), (1, 1))


class PackedConvolution(Specialisation):
    """One group, int8, on a core with DSP instructions; every pair of channels proven or exact."""

    name = "packed GEMM"
    operators = ("CONV_2D",)

    def candidates(self, node: NodeView, core: Core) -> list[Candidate]:
        """One for each kernel that the layer's weights allow."""
        grouped = node.input(1).shape[-1] != node.input(0).shape[-1]
        if "dsp" not in core.extensions or node.output.dtype != "int8" or grouped:
            return []
        staging = _staging(node)
        weights = _in_runs(node, staging)
        found = [(kernel, packing.stream(node, weights, kernel.packing)) for kernel in _KERNELS]
        return [
            _candidate(node, kernel, staging, stream)
            for kernel, stream in found
            if stream is not None
        ]


def _candidate(node: NodeView, kernel: _Kernel, staging: _Staging, stream: Stream) -> Candidate:
    window = window_of(node)
    call = KernelCall(
        kernel=kernel.kernel,
        params=(
            ("stage", staging.fields(node)),
            ("exact", stream.proven < stream.pairs),
            ("stream", Array("stream", stream.values)),
        ),
        inputs=(0,),
        scratch_bytes=staging.scratch_bytes,
        has_scratch=True,
        overlaps=(schedules.by_pixels(node, window, _PIXELS, across_rows=True),),
        band=_band(window),
    )
    return Candidate(kernel.name, (call,), _instructions(node, kernel, staging, stream), stream.why)


def _band(window: Window) -> Band:
    make = bands.pixels if _is_flat(window) else bands.windows
    return make(window, "stage.window.")


def _instructions(node: NodeView, kernel: _Kernel, staging: _Staging, stream: Stream) -> int:
    """An estimate: the loops as they are written, staging by what it was counted to take."""
    words, channels = staging.taps // 2, node.output.shape[-1]
    exact, turns = stream.pairs - stream.proven, -(-(words - 1) // kernel.unrolled)
    looped = kernel.turn * turns + 1 if exact or turns > 1 else kernel.only
    block = kernel.word * words + looped + kernel.pair
    blocks = stream.pairs * block + exact * _EXACT
    full, rest = divmod(staging.pixels, _PIXELS)
    work = full * (blocks + _CALL + (_PART if channels % 2 else 0))
    if rest == 1:
        work += round(stream.pairs * (kernel.pixel_word * words + _PIXEL))
    elif rest:
        work += blocks + stream.pairs * _PART
    return node.input(0).shape[0] * (work + _staged(staging))


def _staged(staging: _Staging) -> int:
    """Instructions to stage all windows of an image; fitted to counts."""
    groups, inside = -(-staging.pixels // _PIXELS), staging.groups_inside
    edges, run = groups - inside, staging.run_pixels * staging.channels
    spread = groups * staging.taps // 4 * 15
    rows, across = staging.window.size[0], staging.window.size[1] // staging.run_pixels
    if staging.is_flat:
        return spread + 35 * groups + 400 * edges
    if staging.gathers:
        piece = 6 if run == 4 else 10 if run <= 12 else 20 + 5 * run // 4
        windows = groups * (45 + rows * piece) + 80 * edges
        return spread + 135 * groups + 4 * across * windows
    edge = 120 + 4 * rows * (25 + 6 * run // 5)
    return spread + 80 * groups + across * (groups * (67 + 11 * rows) + edges * edge)


SPECIALISATION = PackedConvolution()
