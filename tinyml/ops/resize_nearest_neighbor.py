"""RESIZE_NEAREST_NEIGHBOR: each output pixel is an input pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml.ops import movement
from tinyml.ops.base import Array, KernelCall, Operator

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView

_END = 1 << 15  # of the sizes of images


@dataclass(frozen=True)
class Attributes:
    """How positions correspond: corner to corner, or pixel centres half a pixel inside."""

    align_corners: bool
    half_pixel_centers: bool


def images(node: NodeView) -> str:
    """The input has 4 dimensions (batch, height, width, channels) of less than 2^15. Remedy: use RESHAPE."""
    shape = node.input(0).shape
    return "" if len(shape) == 4 and max(shape) < _END else f"{shape}"


def two_sizes(node: NodeView) -> str:
    """The new size is a height and a width from 1 to 2^15 - 1. Remedy: convert the model again."""
    sizes = movement.numbers(node, 1)
    right = len(node.input(1).shape) == 1 and len(sizes) == 2
    return "" if right and min(sizes) >= 1 and max(sizes) < _END else f"{list(sizes)}"


def resized_shapes(node: NodeView) -> tuple[tuple[int, ...], ...]:
    """The output shape of a resize."""
    shape = node.input(0).shape
    return ((shape[0], *movement.numbers(node, 1), shape[3]),)


def _nearest(node: NodeView, axis: int) -> np.ndarray:
    """The input position of each output position, int32 (GetNearestNeighbor, float32 like there)."""
    a, size = node.attributes, node.input(0).shape[axis]
    wanted = movement.numbers(node, 1)[axis - 1]
    corners = a.align_corners and wanted > 1
    scale = np.float32(size - corners) / np.float32(wanted - corners)
    offset = np.float32(0.5 if a.half_pixel_centers else 0.0)
    places = (np.arange(wanted).astype(np.float32) + offset) * scale
    # Positions are not negative: adding a half in float64, which is exact, rounds halves away from zero.
    rounded = np.floor(places.astype(np.float64) + (0.5 if a.align_corners else 0.0))
    return np.minimum(rounded, size - 1).astype(np.int32)


class ResizeNearestNeighbor(Operator):
    """The positions are computed at export, so that the kernel needs no floating point."""

    name = "RESIZE_NEAREST_NEIGHBOR"
    summary = "another height and width, each pixel one of the input's"
    rules = (
        movement.inputs_and_outputs(2, 2),
        *movement.moves(("int8", "int16", "float32")),
        images,
        movement.constant(1, "new size"),
        two_sizes,
    )

    def parse(self, options: Any) -> Attributes:
        from tflite.ResizeNearestNeighborOptions import ResizeNearestNeighborOptions

        stored = ResizeNearestNeighborOptions()
        stored.Init(options.Bytes, options.Pos)
        return Attributes(bool(stored.AlignCorners()), bool(stored.HalfPixelCenters()))

    def output_shapes(self, node: NodeView) -> tuple[tuple[int, ...], ...]:
        return resized_shapes(node)

    def reference(self, node: NodeView, inputs: list[np.ndarray]) -> list[np.ndarray]:
        rows, columns = _nearest(node, 1), _nearest(node, 2)
        return [inputs[0][:, rows[:, np.newaxis], columns]]

    def lower(self, node: NodeView) -> KernelCall:
        batches, height, width, channels = node.input(0).shape
        return KernelCall(
            kernel="tinyml_resize_nearest",
            params=(
                ("batches", batches),
                ("input_height", height),
                ("input_width", width),
                ("output_height", node.output.shape[1]),
                ("output_width", node.output.shape[2]),
                ("pixel_bytes", channels * np.dtype(node.output.dtype).itemsize),
                ("rows", Array("rows", _nearest(node, 1))),
                ("columns", Array("columns", _nearest(node, 2))),
            ),
            inputs=(0,),
        )


OPERATOR = ResizeNearestNeighbor()
