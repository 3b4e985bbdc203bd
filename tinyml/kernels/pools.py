"""Pools and means of four neighbouring channels at a time.

Precondition: int8; the channels, of a mean what follows the reduced dimensions, are a multiple of 4. A sum
of halfwords takes at most 256 bytes: so many pixels a window or mean may cover. What is computed from the
sums is the general kernels' arithmetic.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING

from tinyml import ops
from tinyml.kernels.base import Candidate, Specialisation
from tinyml.ops import average_pool_2d, mean, windows
from tinyml.ops.base import KernelCall

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView
    from tinyml.targets import Core

_MOST = 256  # TINYML_MOST_FOURS


class Pools(Specialisation):
    """AVERAGE_POOL_2D, MAX_POOL_2D and MEAN."""

    name = "four channels at a time"
    operators = ("AVERAGE_POOL_2D", "MAX_POOL_2D", "MEAN")

    def candidates(self, node: NodeView, core: Core) -> list[Candidate]:
        if node.output.dtype != "int8":
            return []
        dsp = "dsp" in core.extensions
        return _of_mean(node, dsp) if node.node.operator == "MEAN" else _of_pool(node, dsp)


def _of_pool(node: NodeView, dsp: bool) -> list[Candidate]:
    window, channels = average_pool_2d.window_of(node), node.output.shape[3]
    covered = windows.inside_mask(window)
    average = node.node.operator == "AVERAGE_POOL_2D"
    if channels % 4 or (average and covered.sum(axis=(2, 3)).max() > _MOST) or not (average or dsp):
        return []
    general = ops.find(node.node.operator).lower(node)
    assert isinstance(general, KernelCall)
    call = replace(general, kernel=general.kernel.replace("_pool_", "_pool_fours_"))
    whole = window.size[1] >= window.columns.input  # rows follow each other without a gap
    places = covered.shape[0] * covered.shape[1]
    lengths = covered.sum(axis=(2, 3) if whole else 3).ravel()
    runs, pixels = int((lengths > 0).sum()), int(covered.sum())
    groups = node.output.shape[0] * channels // 4
    if average:
        work = (
            sum(_adding(int(n), dsp) for n in lengths)
            + (10 if dsp else 8) * runs
            + (72 if dsp else 64) * places
        )
    else:
        work = 6 * pixels + 8 * runs + 17 * places
    instructions = 40 + node.output.shape[0] * 45 * places + groups * work
    return [Candidate(Pools.name, (call,), instructions, f"{channels} channels")]


def _of_mean(node: NodeView, dsp: bool) -> list[Candidate]:
    shape, axes = (
        node.input(0).shape,
        [n for n in mean.reduced_dimensions(node) if node.input(0).shape[n] > 1],
    )
    if not axes or axes != list(range(axes[0], axes[-1] + 1)):
        return []
    outer, channels = prod(shape[: axes[0]]), prod(shape[axes[-1] + 1 :])
    pixels = mean.count_of(node)
    if channels % 4 or pixels > _MOST:
        return []
    multiplier, shift = mean.rescale(node)
    call = KernelCall(
        kernel="tinyml_mean_fours_s8",
        params=(
            ("outer", outer),
            ("pixels", pixels),
            ("channels", channels),
            ("offset", -node.input(0).q.zero_point * pixels),
            ("multiplier", multiplier),
            ("shift", shift),
            ("output_zero_point", node.output.q.zero_point),
        ),
        inputs=(0,),
    )
    work = outer * channels // 4 * (_adding(pixels, dsp) + (114 if dsp else 120))
    return [Candidate(Pools.name, (call,), 40 + 20 * outer + work, f"{channels} channels")]


def _adding(pixels: int, dsp: bool) -> int:
    """Instructions that add four channels of so many pixels; with DSP, in turns of four pixels."""
    return 15 * (pixels // 4) + 6 * (pixels % 4) if dsp else 11 * pixels


SPECIALISATION = Pools()
