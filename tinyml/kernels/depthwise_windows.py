"""Depthwise convolution of any window, channel by channel from a copy of each channel's plane.

Precondition: int8 activations, and a requantization of one of the two forms of `planes.form_of`. Windows of
3x3 elements have faster kernels (`depthwise_planar`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tinyml.kernels import planes
from tinyml.kernels.base import Candidate, Specialisation
from tinyml.kernels.depthwise_planar import is_3x3
from tinyml.kernels.planes import Form, Plane
from tinyml.ops import schedules
from tinyml.ops.base import KernelCall

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView
    from tinyml.targets import Core

_TOGETHER = 4  # neighbours that are computed at a time


class DepthwiseWindows(Specialisation):
    """Depthwise convolution of windows that have no kernel of their own."""

    name = "planar depthwise, any window"
    operators = ("DEPTHWISE_CONV_2D",)

    def candidates(self, node: NodeView, core: Core) -> list[Candidate]:
        takes = node.output.dtype == "int8" and not is_3x3(node)
        form = planes.form_of(node) if takes else None
        if form is None:
            return []
        found = [
            planes.candidate(
                self.name,
                plane,
                form,
                _call(node, plane, form),
                _instructions(node, plane, form, core),
            )
            for plane in planes.of_node(node)
        ]
        return sorted(found, key=lambda candidate: candidate.instructions)


def _pitch(plane: Plane) -> int:
    """Elements from line to line, even so that windows at stride 2 begin at words."""
    return plane.along.elements + plane.along.elements % 2


def _beyond(plane: Plane) -> int:
    """Elements that are read after the last line: by up to three windows, and for a whole word."""
    elements = (_TOGETHER - 1) * plane.along.stride + 2
    return elements + elements % 2


def _elements(plane: Plane) -> int:
    """Of all lines, and what is read beyond."""
    return plane.across.elements * _pitch(plane) + _beyond(plane)


def _call(node: NodeView, plane: Plane, form: Form) -> KernelCall:
    along, across, pitch = plane.along, plane.across, _pitch(plane)
    words = 4 * along.size * across.size  # bytes of the spread weights
    return KernelCall(
        kernel="tinyml_depthwise_windows_s8",
        params=(
            ("planar", planes.fields(node, plane, pitch, _elements(plane), form)),
            ("window_lines", across.size),
            ("window_length", along.size),
            ("window_line_step", across.dilation * pitch),
            ("window_step", along.dilation),
            ("line_stride", across.stride * pitch),
            ("stride", along.stride),
            ("exact", int(form.exact)),
        ),
        inputs=(0,),
        scratch_bytes=words + 2 * _elements(plane),
        has_scratch=True,
        overlaps=(schedules.planar(node),),
        band=planes.band(node, plane, pitch, words, _beyond(plane), "planar."),
    )


def _instructions(node: NodeView, plane: Plane, form: Form, core: Core) -> int:
    """For one inference, counted in the kernel's code."""
    images, depth, channels = node.output.shape[0], node.input(0).shape[-1], node.output.shape[-1]
    along, across, dsp = plane.along, plane.across, "dsp" in core.extensions
    words = -(-along.size // 2) if dsp and along.dilation == 1 else along.size
    if dsp and along.dilation <= 2 and along.stride <= 2:  # from word to word of the plane
        a_group = across.size * (9 * words + 7) + 65
    elif "unaligned" in core.extensions:
        a_group = across.size * (12 * words + 10) + (77 if dsp else 86)
    else:  # ARMv6-M
        a_group = across.size * (25 * words + 22) + 265
    a_line = -(-along.axis.output // _TOGETHER) * a_group + 25
    weights = across.size * (9 * along.size + 8)
    an_image = depth * (planes.copy_instructions(plane, core) + 40) + channels * (
        across.axis.output * a_line + weights + 70
    )
    return 80 + 3 * _elements(plane) + images * an_image


SPECIALISATION = DepthwiseWindows()
