"""RESIZE_BILINEAR: each output pixel is interpolated between four input pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml.ops import movement
from tinyml.ops.base import Fields, KernelCall, Operator
from tinyml.ops.resize_nearest_neighbor import Attributes, images, resized_shapes, two_sizes

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView

_ONE = 1 << 10  # positions count 1/1024 of a pixel


@dataclass(frozen=True)
class _Side:
    """One direction: sizes in pixels, the position of output pixel 0 and the step between pixels."""

    input: int
    output: int
    start: int
    step: int

    @property
    def places(self) -> np.ndarray:
        """The positions of the output pixels, int64 (output,)."""
        return self.start + np.arange(self.output, dtype=np.int64) * self.step


def one_correspondence(node: NodeView) -> str:
    """Corners are aligned or pixel centres, not both. Remedy: convert the model again."""
    a = node.attributes
    return "both" if a.align_corners and a.half_pixel_centers else ""


def inside(node: NodeView) -> str:
    """No position is rounded past the last pixel, as those of very large outputs are. Remedy: resize in two
    steps.
    """
    # The step is rounded to 1/1024 pixel; where that adds up to a pixel, TFLM reads beyond the image.
    for side in _sides(node):
        if side.start + (side.output - 1) * side.step >= side.input * _ONE:
            return f"{side.input} pixels to {side.output}"
    return ""


def _sides(node: NodeView) -> tuple[_Side, _Side]:
    """Rows and columns (ResizeBilinearInteger)."""
    sizes = zip(node.input(0).shape[1:3], movement.numbers(node, 1))
    rows, columns = (_side(node.attributes, size, wanted) for size, wanted in sizes)
    return rows, columns


def _side(a: Attributes, size: int, wanted: int) -> _Side:
    corners = int(a.align_corners and wanted > 1)
    step = (_ONE * (size - corners) + (wanted - corners) // 2) // (wanted - corners)
    return _Side(size, wanted, step // 2 - _ONE // 2 if a.half_pixel_centers else 0, step)


def _neighbours(side: _Side) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lower and upper neighbour of each output pixel, and the upper one's weight.

    Before the first pixel both neighbours are that one, and the weight is negative.
    """
    places = side.places
    lower = np.maximum(places // _ONE, 0)
    upper = np.clip(-(-places // _ONE), 0, side.input - 1)
    return lower, upper, places - lower * _ONE


class ResizeBilinear(Operator):
    """int8 (reference_ops::ResizeBilinearInteger)."""

    name = "RESIZE_BILINEAR"
    summary = "another height and width, interpolated"
    rules = (
        movement.inputs_and_outputs(2, 2),
        *movement.moves(("int8",)),
        images,
        movement.constant(1, "new size"),
        two_sizes,
        one_correspondence,
        inside,
    )

    def parse(self, options: Any) -> Attributes:
        from tflite.ResizeBilinearOptions import ResizeBilinearOptions

        stored = ResizeBilinearOptions()
        stored.Init(options.Bytes, options.Pos)
        return Attributes(bool(stored.AlignCorners()), bool(stored.HalfPixelCenters()))

    def output_shapes(self, node: NodeView) -> tuple[tuple[int, ...], ...]:
        return resized_shapes(node)

    def reference(self, node: NodeView, inputs: list[np.ndarray]) -> list[np.ndarray]:
        image = inputs[0].astype(np.int64)
        for axis, side in enumerate(_sides(node), start=1):
            lower, upper, weight = _neighbours(side)
            shaped = weight.reshape(-1, *[1] * (3 - axis))
            image = (
                np.take(image, lower, axis) * (_ONE - shaped) + np.take(image, upper, axis) * shaped
            )
        # Halves away from zero.
        rounded = (np.abs(image) + _ONE * _ONE // 2) // (_ONE * _ONE)
        return [(np.sign(image) * rounded).astype(np.int8)]

    def lower(self, node: NodeView) -> KernelCall:
        rows, columns = _sides(node)
        return KernelCall(
            kernel="tinyml_resize_bilinear_s8",
            params=(
                ("batches", node.input(0).shape[0]),
                ("channels", node.input(0).shape[3]),
                ("rows", _side_fields(rows)),
                ("columns", _side_fields(columns)),
            ),
            inputs=(0,),
        )


def _side_fields(side: _Side) -> Fields:
    return (
        ("input", side.input),
        ("output", side.output),
        ("step", side.step),
        ("start", side.start),
    )


OPERATOR = ResizeBilinear()
