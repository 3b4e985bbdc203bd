"""Depthwise 3x3 convolution, channel by channel from a copy of each channel's plane.

Precondition: int8 activations, windows of 3x3 elements at stride 1 or 2 both ways without
dilation, and a requantization that is one of two forms. Proven: for every output channel `requantize` found
constants, for the weights times some power of two, that give TFLM's output for every sum in reach. Exact: the
activation does not clamp, and the effective scales are below 1/2; then the kernel rounds twice as TFLM does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tinyml.kernels import ranges
from tinyml.kernels.base import Candidate, Specialisation
from tinyml.kernels.requantize import Channels, Step, solve
from tinyml.ops import arithmetic, bands, conv_2d, schedules
from tinyml.ops.base import Array, Band, BandField, Fields, KernelCall

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView
    from tinyml.ops.windows import Axis
    from tinyml.targets import Core

_WINDOW = 3
_SHIFT = 6  # TINYML_PLANAR_SHIFT
_CONSTANTS = 80  # TINYML_PLANAR_CONSTANTS, bytes
_BITS = (3, 4, 2, 5, 1, 6, 0, 7, 8)  # powers of two for the weights, the best first
# Instructions of a line of a strip, by (DSP extension, stride) and the strip's outputs.
_A_LINE = {
    (True, 1): {4: 49, 2: 31, 1: 21},
    (True, 2): {4: 52, 2: 31, 1: 21},
    (False, 1): {4: 88, 2: 53, 1: 36},
    (False, 2): {4: 97, 2: 56, 1: 36},
}
_MOST_SHIFT = 23  # of the exact form: zero point and rounding are shifted left by it


@dataclass(frozen=True)
class _Plane:
    """A channel's plane in scratch, in elements; `along` and `across` are the image's axes."""

    along: Axis
    across: Axis
    stride: int
    turned: bool  # lines are the image's columns

    @property
    def seen(self) -> tuple[int, int]:
        """How much of the input windows see: elements of a line, lines."""
        along, across = (
            min(axis.input, (axis.output - 1) * self.stride + _WINDOW - axis.before)
            for axis in (self.along, self.across)
        )
        return along, across

    @property
    def strips(self) -> list[int]:
        """The outputs that each strip takes of a line."""
        whole, rest = divmod(self.along.output, 4)
        return [4] * whole + [width for width in (2, 1) if rest & width]

    @property
    def pitch(self) -> int:
        """Elements from line to line; strips read whole words."""
        reads = {1: {4: 6, 2: 4, 1: 4}, 2: {4: 10, 2: 6, 1: 4}}[self.stride]
        ends = np.cumsum(self.strips) - self.strips
        reach = max(int(end) * self.stride + reads[width] for end, width in zip(ends, self.strips))
        longest = max(reach, self.along.before + self.seen[0])
        return longest + longest % 2

    @property
    def lines(self) -> int:
        """Lines, with those of padding."""
        least = (self.across.output - 1) * self.stride + _WINDOW
        return max(least, self.across.before + self.seen[1])

    @property
    def elements(self) -> int:
        """Of all lines."""
        return self.lines * self.pitch


@dataclass(frozen=True)
class _Form:
    """How the outputs are requantized.

    Attributes:
        bits: int64 (channels,): the power of two of each channel's weights.
        start: int64 (channels,): the bias of the scaled sums.
        multiplier: int64 (channels,).
        last: int64 (channels,): the proven offset, or the exact form's shift.
    """

    exact: bool
    bits: np.ndarray
    start: np.ndarray
    multiplier: np.ndarray
    last: np.ndarray


class DepthwisePlanar(Specialisation):
    """Depthwise convolution of 3x3 windows."""

    name = "planar depthwise"
    operators = ("DEPTHWISE_CONV_2D",)

    def candidates(self, node: NodeView, core: Core) -> list[Candidate]:
        if not _shape_fits(node):
            return []
        form = _form(ranges.channel_sums(node), node)
        if form is None:
            return []
        planes = [plane for plane in _planes(node) if min(plane.seen) >= 1]
        planes.sort(key=lambda plane: _instructions(node, plane, form, core))
        kind = "rounded twice as TFLM does" if form.exact else "every step of every channel proven"
        return [
            Candidate(
                self.name,
                (_call(node, plane, form),),
                _instructions(node, plane, form, core),
                f"lines are {'columns' if plane.turned else 'rows'}; requantization {kind}",
            )
            for plane in planes
        ]


def _shape_fits(node: NodeView) -> bool:
    a, weights = node.attributes, node.input(1)
    return (
        node.output.dtype == "int8"
        and weights.shape[1:3] == (_WINDOW, _WINDOW)
        and a.stride in ((1, 1), (2, 2))
        and a.dilation == (1, 1)
    )


def _planes(node: NodeView) -> tuple[_Plane, _Plane]:
    window = conv_2d.window_of(node)
    rows, columns, stride = window.rows, window.columns, window.stride[0]
    return _Plane(columns, rows, stride, False), _Plane(rows, columns, stride, True)


def _form(sums: Channels, node: NodeView) -> _Form | None:
    """The cheaper form that fits, if any."""
    return _proven(sums, node) or _exact(sums, node)


def _proven(sums: Channels, node: NodeView) -> _Form | None:
    found: list[Step] = []
    for channel in range(len(sums.low)):
        steps = (solve(sums, channel, bits, _SHIFT) for bits in _BITS)
        step = next((step for step in steps if step is not None and _is_short(step.offset)), None)
        if step is None:
            return None
        found.append(step)
    bits, deltas, multipliers, offsets = np.array(
        [(step.bits, step.delta, step.multiplier, step.offset) for step in found], np.int64
    ).T
    start = (ranges.folded_bias(node) << bits) + deltas
    return _Form(False, bits, start, multipliers, offsets)


def _is_short(value: int) -> bool:
    return -(1 << 15) <= value < 1 << 15


def _exact(sums: Channels, node: NodeView) -> _Form | None:
    """Doubled sums, so that the rounding high multiply is TFLM's doubling one; then one rounding shift."""
    right = np.where(sums.multipliers == 0, 1, -sums.shifts)
    largest = int(np.maximum(-sums.low, sums.high).max())
    whole = (sums.least, sums.most) == arithmetic.LIMITS["int8"]
    if not whole or right.min() < 1 or right.max() > _MOST_SHIFT or largest >= 1 << 30:
        return None
    bits = np.ones(len(right), np.int64)
    return _Form(True, bits, ranges.folded_bias(node) << 1, sums.multipliers, right)


def _call(node: NodeView, plane: _Plane, form: _Form) -> KernelCall:
    stride = "_stride_2" if plane.stride == 2 else ""
    return KernelCall(
        kernel=f"tinyml_depthwise_3x3{stride}{'_exact' if form.exact else ''}_s8",
        params=_fields(node, plane, form),
        inputs=(0,),
        scratch_bytes=_CONSTANTS + 2 * plane.elements,
        has_scratch=True,
        overlaps=(schedules.planar(node),),
        band=_band(node, plane),
    )


def _band(node: NodeView, plane: _Plane) -> Band | None:
    """Fewer lines; none where lines are columns, which a band would cut too short to be worth it."""
    if plane.turned:
        return None
    more = (
        _WINDOW - plane.stride
    ) * plane.pitch  # elements of the lines that the last one sees besides
    elements = BandField("plane", "rows", plane.stride * plane.pitch, more)
    fields = (
        BandField("input_lines", "input_rows"),
        BandField("output_lines", "rows"),
        BandField("before", "pad_top", plane.pitch, plane.along.before),
        elements,
    )
    return bands.by_fields(
        conv_2d.window_of(node),
        fields,
        lambda rows: _CONSTANTS + 2 * (elements.factor * rows + elements.plus),
    )


def _fields(node: NodeView, plane: _Plane, form: _Form) -> Fields:
    """The kernels' tinyml_depthwise_planar."""
    depth, channels = node.input(0).shape[-1], node.output.shape[-1]
    length, lines = plane.seen
    steps = [
        _steps(node.input(0).shape, plane.turned),
        _steps(node.output.shape, plane.turned),
    ]
    images = node.output.shape[0]
    return (
        ("images", images),
        ("input_image", node.input(0).elements // images),
        ("output_image", node.output.elements // images),
        ("channels", depth),
        ("multiplier", channels // depth),
        ("input_lines", lines),
        ("input_length", length),
        ("input_line_step", steps[0][0]),
        ("input_step", steps[0][1]),
        ("output_lines", plane.across.output),
        ("output_length", plane.along.output),
        ("output_line_step", steps[1][0]),
        ("output_step", steps[1][1]),
        ("before", plane.across.before * plane.pitch + plane.along.before),
        ("pitch", plane.pitch),
        ("plane", plane.elements),
        ("zero_point", node.input(0).q.zero_point),
        ("output_zero", node.output.q.zero_point),
        ("weights", Array("weights", _packed(node, plane.turned, form))),
        ("offsets", Array("offsets", form.last.astype(np.int16))),
        ("sums", Array("sums", np.stack([form.start, form.multiplier], 1).astype(np.int32))),
    )


def _steps(shape: tuple[int, ...], turned: bool) -> tuple[int, int]:
    """From line to line, and along a line."""
    _, _, width, depth = shape
    return (depth, width * depth) if turned else (width * depth, depth)


def _packed(node: NodeView, turned: bool, form: _Form) -> np.ndarray:
    """int8 (output channels, 10): the weights along the lines, then their power of two."""
    weights = ranges.channel_weights(node).reshape(-1, _WINDOW, _WINDOW)
    along = weights.transpose(0, 2, 1) if turned else weights
    rows = along.reshape(len(weights), -1)
    return np.concatenate([rows, form.bits[:, np.newaxis]], 1).astype(np.int8)


def _instructions(node: NodeView, plane: _Plane, form: _Form, core: Core) -> int:
    """For one inference, counted in the kernels' code."""
    images, depth, channels = node.output.shape[0], node.input(0).shape[-1], node.output.shape[-1]
    if "unaligned" not in core.extensions:
        return _plain(node, plane, form)
    dsp = "dsp" in core.extensions
    length, lines = plane.seen
    odd = plane.along.before % 2
    eights, rest = divmod(length - odd, 8)
    four = 8 if dsp else 9
    a_copy = (
        12
        + (5 if rest else 0)
        + 3 * odd
        + (16 if dsp else 20) * eights
        + four * (rest // 4)
        + 3 * (rest % 4)
    )
    a_line = _A_LINE[dsp, plane.stride]
    if form.exact:
        a_line = {
            width: count + (3 + 2 * width if dsp else 1 + width) for width, count in a_line.items()
        }
    made = sum(plane.across.output * a_line[width] + 8 for width in plane.strips)
    an_image = depth * (lines * a_copy + 30) + channels * (made + (100 if dsp else 78))
    return 80 + 3 * plane.elements + images * an_image


def _plain(node: NodeView, plane: _Plane, form: _Form) -> int:
    """On ARMv6-M, in C but for the products of four outputs at stride 1; fitted to counts."""
    images, depth, channels = node.output.shape[0], node.input(0).shape[-1], node.output.shape[-1]
    fours, rest = divmod(plane.along.output, 4)
    four = {1: 350, 2: 445}[plane.stride]
    line = four * fours + 160 * rest + 30 + (4 * plane.along.output if form.exact else 0)
    copied = plane.seen[1] * (7 * plane.seen[0] + 30)
    return images * (depth * (copied + 30) + channels * (plane.across.output * line + 180))


SPECIALISATION = DepthwisePlanar()
