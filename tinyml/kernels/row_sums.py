"""Averages over a whole image that add up rows as they come: for regions, which then need not keep them.

Precondition: int8, one image; the pool's window is the image, or the mean is over its height and width.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tinyml.kernels.base import Candidate, Specialisation
from tinyml.ops import arithmetic, average_pool_2d, mean
from tinyml.ops.base import Band, BandField, Fields, KernelCall

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView
    from tinyml.targets import Core

_PER_ELEMENT = 6  # instructions, counted; and of each channel what follows
_PER_CHANNEL = 40


class RowSums(Specialisation):
    """AVERAGE_POOL_2D and MEAN over whole images."""

    name = "row sums"
    operators = ("AVERAGE_POOL_2D", "MEAN")

    def candidates(self, node: NodeView, core: Core) -> list[Candidate]:
        shape = node.input(0).shape
        if node.output.dtype != "int8" or len(shape) != 4 or shape[0] != 1:
            return []
        found = _mean(node) if node.node.operator == "MEAN" else _average(node)
        if found is None:
            return []
        kernel, fields = found
        _, height, width, channels = shape
        call = KernelCall(
            kernel=kernel,
            params=(("rows", _rows(height * width, channels)), *fields),
            inputs=(0,),
            scratch_bytes=4 * channels,
            has_scratch=True,
            band=_band(width),
        )
        instructions = _PER_ELEMENT * node.input(0).elements + _PER_CHANNEL * channels
        return [Candidate(self.name, (call,), instructions, "rows are added up as they come")]


def _rows(pixels: int, channels: int) -> Fields:
    """tinyml_row_sums of a whole image."""
    return (("pixels", pixels), ("channels", channels), ("begins", 1), ("ends", 1))


def _band(width: int) -> Band:
    fields = (
        BandField("rows.pixels", "rows", width),
        BandField("rows.begins", "begins"),
        BandField("rows.ends", "ends"),
    )
    return Band(fields, gathers=True)


def _average(node: NodeView) -> tuple[str, Fields] | None:
    _, height, width, _ = node.input(0).shape
    window = average_pool_2d.window_of(node)
    if (window.rows.output, window.columns.output, *window.size) != (1, 1, height, width):
        return None
    low, high = arithmetic.activation_range(node.attributes.activation, node.output)
    fields = (("count", height * width), ("activation_min", low), ("activation_max", high))
    return "tinyml_average_rows_s8", fields


def _mean(node: NodeView) -> tuple[str, Fields] | None:
    if mean.reduced_dimensions(node) != (1, 2):
        return None
    multiplier, shift = mean.rescale(node)
    fields = (
        ("offset", -node.input(0).q.zero_point * mean.count_of(node)),
        ("multiplier", multiplier),
        ("shift", shift),
        ("output_zero_point", node.output.q.zero_point),
    )
    return "tinyml_mean_rows_s8", fields


SPECIALISATION = RowSums()
