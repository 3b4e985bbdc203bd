"""What planar depthwise kernels share: a channel's plane in scratch memory, and how outputs are requantized.

See cmsis_glue/tinyml_depthwise_planar.h.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tinyml.kernels import ranges
from tinyml.kernels.base import Candidate
from tinyml.kernels.requantize import Channels, Step, solve
from tinyml.ops import arithmetic, bands, conv_2d
from tinyml.ops.base import Array, Band, BandField, Fields, KernelCall

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView
    from tinyml.ops.windows import Axis
    from tinyml.targets import Core

_SHIFT = 6  # TINYML_PLANAR_SHIFT
_BITS = (3, 4, 2, 5, 1, 6, 0, 7, 8)  # powers of two for the weights, the best first
_MOST_SHIFT = 23  # of the exact form: zero point and rounding are shifted left by it


@dataclass(frozen=True)
class Side:
    """One axis of the image and of the window.

    Attributes:
        axis: sizes and padding.
        size, stride, dilation: of the window, in elements.
    """

    axis: Axis
    size: int
    stride: int
    dilation: int

    @property
    def reach(self) -> int:
        """Elements from the first that a window covers to the last."""
        return (self.size - 1) * self.dilation + 1

    @property
    def seen(self) -> int:
        """How many of the input's elements windows see."""
        return min(self.axis.input, self.covered - self.axis.before)

    @property
    def covered(self) -> int:
        """Elements from the first window's first to the last one's last."""
        return (self.axis.output - 1) * self.stride + self.reach

    @property
    def elements(self) -> int:
        """Room for all that windows cover and all that is copied."""
        return max(self.covered, self.axis.before + self.seen)


@dataclass(frozen=True)
class Plane:
    """A channel's plane in scratch, in elements; `along` and `across` are the image's axes."""

    along: Side
    across: Side
    turned: bool  # lines are the image's columns

    @property
    def is_seen(self) -> bool:
        """Whether windows see any of the input."""
        return self.along.seen > 0 and self.across.seen > 0


def of_node(node: NodeView) -> list[Plane]:
    """The ways to lay out the planes of a depthwise convolution: by rows, and by columns."""
    window = conv_2d.window_of(node)
    sides = zip((window.rows, window.columns), window.size, window.stride, window.dilation)
    rows, columns = (Side(*side) for side in sides)
    both = [Plane(columns, rows, False), Plane(rows, columns, True)]
    return [plane for plane in both if plane.is_seen]


@dataclass(frozen=True)
class Form:
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

    @property
    def why(self) -> str:
        """For the report."""
        return "rounded twice as TFLM does" if self.exact else "every step of every channel proven"


def form_of(node: NodeView) -> Form | None:
    """The cheaper form that fits, if any."""
    sums = ranges.channel_sums(node)
    return _proven(sums, node) or _exact(sums, node)


def _proven(sums: Channels, node: NodeView) -> Form | None:
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
    return Form(False, bits, start, multipliers, offsets)


def _is_short(value: int) -> bool:
    return -(1 << 15) <= value < 1 << 15


def _exact(sums: Channels, node: NodeView) -> Form | None:
    """Doubled sums, so that the rounding high multiply is TFLM's doubling one; then one rounding shift."""
    right = np.where(sums.multipliers == 0, 1, -sums.shifts)
    largest = int(np.maximum(-sums.low, sums.high).max())
    whole = (sums.least, sums.most) == arithmetic.LIMITS["int8"]
    if not whole or right.min() < 1 or right.max() > _MOST_SHIFT or largest >= 1 << 30:
        return None
    bits = np.ones(len(right), np.int64)
    return Form(True, bits, ranges.folded_bias(node) << 1, sums.multipliers, right)


def fields(
    node: NodeView, plane: Plane, pitch: int, elements: int, form: Form, second: int = 0
) -> Fields:
    """The C struct tinyml_depthwise_planar.

    Args:
        node: the depthwise convolution.
        plane, form: how it is computed.
        pitch: elements from line to line.
        elements: of the plane, or of both.
        second: elements from the first plane to the second, 0 for none.
    """
    depth, channels = node.input(0).shape[-1], node.output.shape[-1]
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
        ("input_lines", plane.across.seen),
        ("input_length", plane.along.seen),
        ("input_line_step", steps[0][0]),
        ("input_step", steps[0][1]),
        ("output_lines", plane.across.axis.output),
        ("output_length", plane.along.axis.output),
        ("output_line_step", steps[1][0]),
        ("output_step", steps[1][1]),
        ("before", plane.across.axis.before * pitch + plane.along.axis.before),
        ("pitch", pitch),
        ("plane", elements),
        ("second", second),
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


def _packed(node: NodeView, turned: bool, form: Form) -> np.ndarray:
    """int8 (output channels, window + 1): the weights along the lines, then their power of two."""
    weights = ranges.channel_weights(node).reshape(-1, *node.input(1).shape[1:3])
    along = weights.transpose(0, 2, 1) if turned else weights
    rows = along.reshape(len(weights), -1)
    return np.concatenate([rows, form.bits[:, np.newaxis]], 1).astype(np.int8)


def band(
    node: NodeView, plane: Plane, pitch: int, scratch: int, beyond: int = 0, prefix: str = ""
) -> Band | None:
    """Fewer lines; None where lines are columns, which a band would cut too short to be worth it.

    Args:
        node: the depthwise convolution.
        plane: as its kernel has it, `pitch` elements from line to line and `beyond` after the last.
        pitch, beyond: see there.
        scratch: bytes before the plane.
        prefix: of the fields of tinyml_depthwise_planar in the kernel's parameters.
    """
    window = conv_2d.window_of(node)
    if plane.turned or max(window.pads[0]) >= window.reach[0]:  # of some rows nothing is seen
        return None
    stride = plane.across.stride
    # The last output line sees some lines besides those of its stride.
    plus = (plane.across.reach - stride) * pitch + beyond
    elements = BandField(f"{prefix}plane", "rows", stride * pitch, plus)
    fields = (
        BandField(f"{prefix}input_lines", "input_rows"),
        BandField(f"{prefix}output_lines", "rows"),
        BandField(f"{prefix}before", "pad_top", pitch, plane.along.axis.before),
        elements,
    )
    return bands.by_fields(
        window, fields, lambda rows: scratch + 2 * (elements.factor * rows + elements.plus)
    )


def copy_instructions(plane: Plane, core: Core) -> int:
    """To copy a channel into its plane, counted in the kernels' code."""
    dsp, odd = "dsp" in core.extensions, plane.along.axis.before % 2
    eights, rest = divmod(plane.along.seen - odd, 8)
    a_line = (
        12
        + (5 if rest else 0)
        + 3 * odd
        + (16 if dsp else 20) * eights
        + (8 if dsp else 9) * (rest // 4)
        + 3 * (rest % 4)
    )
    return plane.across.seen * a_line


def copy_both_instructions(plane: Plane) -> int:
    """The same for two channels together, on cores with DSP instructions."""
    odd = plane.along.axis.before % 2
    eights, rest = divmod(plane.along.seen - odd, 8)
    a_line = 7 + (5 if rest else 0) + 6 * odd + 24 * eights + 13 * (rest // 4) + 6 * (rest % 4)
    return plane.across.seen * a_line


def candidate(
    name: str, plane: Plane, form: Form, call: KernelCall, instructions: int, roomy: bool = False
) -> Candidate:
    """A planar kernel as it is offered; `instructions` are its estimate."""
    lines = "columns" if plane.turned else "rows"
    return Candidate(
        name, (call,), instructions, f"lines are {lines}; requantization {form.why}", roomy
    )
