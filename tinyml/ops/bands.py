"""How kernels compute a few rows of an image (base.Band): by the heights in their parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tinyml.ops.base import Band, BandField

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView
    from tinyml.ops.windows import Window

Scratch = Callable[[int], int]


def by_fields(
    window: Window, fields: tuple[BandField, ...], scratch: Scratch | None = None
) -> Band:
    """A kernel with a sliding window whose parameters are `fields`."""
    return Band(fields, window.stride[0], window.reach[0], window.rows.before, scratch=scratch)


def windows(window: Window, prefix: str = "") -> Band:
    """A kernel whose heights are where tinyml_window and tinyml_pool have them."""
    return by_fields(
        window,
        (
            BandField(f"{prefix}input_height", "input_rows"),
            BandField(f"{prefix}output_height", "rows"),
            BandField(f"{prefix}pad_top", "pad_top"),
        ),
    )


def pixels(window: Window, prefix: str) -> Band:
    """A 1x1 window at stride 1 whose tinyml_window has all pixels in one row."""
    width = window.columns.output
    return by_fields(
        window,
        (
            BandField(f"{prefix}input_width", "rows", width),
            BandField(f"{prefix}output_width", "rows", width),
        ),
    )


def elements(node: NodeView) -> Band | None:
    """A kernel that computes `elements` values, each from those at its place; None for no image."""
    shape = node.output.shape
    if len(shape) != 4:
        return None
    return Band((BandField("elements", "rows", shape[2] * shape[3]),))
