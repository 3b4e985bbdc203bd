"""Depthwise 3x3 convolution, channel by channel from a copy of each channel's plane.

Precondition: int8 activations, windows of 3x3 elements at stride 1 or 2 both ways without
dilation, and a requantization that is one of two forms. Proven: for every output channel `requantize` found
constants, for the weights times some power of two, that give TFLM's output for every sum in reach. Exact: the
activation does not clamp, and the effective scales are below 1/2; then the kernel rounds twice as TFLM does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tinyml.kernels import planes
from tinyml.kernels.base import Candidate, Specialisation
from tinyml.kernels.planes import Form, Plane
from tinyml.ops import schedules
from tinyml.ops.base import KernelCall

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView
    from tinyml.targets import Core

_WINDOW = 3
_CONSTANTS = 80  # TINYML_PLANAR_CONSTANTS, bytes
# Instructions of a line of a strip, by (DSP extension, stride) and the strip's outputs.
_A_LINE = {
    (True, 1): {4: 48, 2: 31, 1: 21},
    (True, 2): {4: 47, 2: 31, 1: 21},
    (False, 1): {4: 87, 2: 53, 1: 36},
    (False, 2): {4: 96, 2: 56, 1: 36},
}
_A_STRIP = {(True, 1): 8, (True, 2): 19, (False, 1): 8, (False, 2): 8}  # to begin one


class DepthwisePlanar(Specialisation):
    """Depthwise convolution of 3x3 windows."""

    name = "planar depthwise"
    operators = ("DEPTHWISE_CONV_2D",)

    def candidates(self, node: NodeView, core: Core) -> list[Candidate]:
        form = planes.form_of(node) if is_3x3(node) else None
        if form is None:
            return []
        found = [
            _candidate(node, plane, form, core, together)
            for plane in planes.of_node(node)
            for together in (1, 2)
            if together == 1 or _can_be_paired(node, form, core)
        ]
        return sorted(found, key=lambda candidate: candidate.instructions)


def _can_be_paired(node: NodeView, form: Form, core: Core) -> bool:
    """Whether there is a kernel that copies two input channels together."""
    depth = node.input(0).shape[-1]
    even = depth % 2 == 0 and depth == node.output.shape[-1]
    return even and not form.exact and "dsp" in core.extensions


def _candidate(node: NodeView, plane: Plane, form: Form, core: Core, together: int) -> Candidate:
    """With planes for one or two channels."""
    call = _call(node, plane, form, together)
    instructions = _instructions(node, plane, form, core, together)
    return planes.candidate(
        DepthwisePlanar.name, plane, form, call, instructions, roomy=together == 2
    )


def is_3x3(node: NodeView) -> bool:
    """Whether the kernels of this file take the window of a depthwise convolution."""
    a, weights = node.attributes, node.input(1)
    return (
        node.output.dtype == "int8"
        and weights.shape[1:3] == (_WINDOW, _WINDOW)
        and a.stride in ((1, 1), (2, 2))
        and a.dilation == (1, 1)
    )


def _strips(plane: Plane) -> list[int]:
    """The outputs that each strip takes of a line."""
    whole, rest = divmod(plane.along.axis.output, 4)
    return [4] * whole + [width for width in (2, 1) if rest & width]


def _pitch(plane: Plane) -> int:
    """Elements from line to line; strips read whole words."""
    stride, strips = plane.along.stride, _strips(plane)
    reads = {1: {4: 6, 2: 4, 1: 4}, 2: {4: 10, 2: 6, 1: 4}}[stride]
    ends = np.cumsum(strips) - strips
    reach = max(int(end) * stride + reads[width] for end, width in zip(ends, strips))
    longest = max(reach, plane.along.axis.before + plane.along.seen)
    return longest + longest % 2


def _elements(plane: Plane) -> int:
    """Of all lines, with those of padding."""
    return plane.across.elements * _pitch(plane)


def _second(plane: Plane) -> int:
    """Elements from the first of two planes to the second: lines of padding may be in both."""
    axis = plane.across
    after = axis.elements - axis.axis.before - axis.seen
    return (axis.elements - min(axis.axis.before, after)) * _pitch(plane)


def _call(node: NodeView, plane: Plane, form: Form, together: int) -> KernelCall:
    kind = "_pairs" if together == 2 else ""
    kind += "_stride_2" if plane.along.stride == 2 else ""
    kind += "_exact" if form.exact else ""
    pitch, second = _pitch(plane), _second(plane) if together == 2 else 0
    elements = second + _elements(plane)
    return KernelCall(
        kernel=f"tinyml_depthwise_3x3{kind}_s8",
        params=planes.fields(node, plane, pitch, elements, form, second),
        inputs=(0,),
        scratch_bytes=_CONSTANTS + 2 * elements,
        has_scratch=True,
        overlaps=(schedules.planar(node),),
        band=None if second else planes.band(node, plane, pitch, _CONSTANTS),
    )


def _instructions(node: NodeView, plane: Plane, form: Form, core: Core, together: int) -> int:
    """For one inference, counted in the kernels' code."""
    images, depth, channels = node.output.shape[0], node.input(0).shape[-1], node.output.shape[-1]
    if "unaligned" not in core.extensions:
        return _plain(node, plane, form)
    dsp = "dsp" in core.extensions
    a_line = _A_LINE[dsp, plane.along.stride]
    if form.exact:
        a_line = {
            width: count + (3 + 2 * width if dsp else 1 + width) for width, count in a_line.items()
        }
    begin = _A_STRIP[dsp, plane.along.stride]
    made = sum(plane.across.axis.output * a_line[width] + begin for width in _strips(plane))
    a_copy = planes.copy_instructions(plane, core)
    if together == 2:
        a_copy = planes.copy_both_instructions(plane) // 2
    an_image = depth * (a_copy + 25) + channels * (made + (65 if dsp else 60))
    return 80 + 3 * together * _elements(plane) + images * an_image


def _plain(node: NodeView, plane: Plane, form: Form) -> int:
    """On ARMv6-M, in C but for the products of four outputs at stride 1; fitted to counts."""
    images, depth, channels = node.output.shape[0], node.input(0).shape[-1], node.output.shape[-1]
    fours, rest = divmod(plane.along.axis.output, 4)
    four = {1: 356, 2: 445}[plane.along.stride]
    line = four * fours + 160 * rest + 30 + (2 * plane.along.axis.output if form.exact else 0)
    copied = plane.across.seen * (7 * plane.along.seen + 30)
    return images * (depth * (copied + 30) + channels * (plane.across.axis.output * line + 180))


SPECIALISATION = DepthwisePlanar()
