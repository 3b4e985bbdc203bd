"""STRIDED_SLICE: every n-th element of each dimension, from either end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml.ops import movement
from tinyml.ops.base import KernelCall, Operator

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView


@dataclass(frozen=True)
class Attributes:
    """Masks: bit i stands for dimension i.

    Attributes:
        begin: begin is ignored, the slice starts at the end it comes from.
        end: end is ignored, likewise.
        shrink: one element is taken, and the dimension is left out.
        other: names of options that are not supported but set.
    """

    begin: int
    end: int
    shrink: int
    other: tuple[str, ...]


def plain_masks(node: NodeView) -> str:
    """There is no ellipsis, no new axis, and ends are not counted from the begins. Remedy: write the slice
    with a begin and an end for each dimension, and use EXPAND_DIMS.
    """
    # TFLM ignores these three and answers something else.
    return " and ".join(node.attributes.other)


def number_each(node: NodeView) -> str:
    """Begin, end and strides have a number for each dimension, and strides are not 0. Remedy: write the
    slice with a begin and an end for each dimension.
    """
    rank = len(node.input(0).shape)
    begins, ends, strides = (movement.numbers(node, position) for position in (1, 2, 3))
    right = len(begins) == len(ends) == len(strides) == rank and 0 not in strides
    return "" if right else f"{list(begins)}, {list(ends)}, {list(strides)} for {rank} dimensions"


def something_left(node: NodeView) -> str:
    """Each dimension keeps an element, and one left out has an index inside and stride 1. Remedy: correct
    the slice.
    """
    strides = movement.numbers(node, 3)
    for axis, kept in enumerate(_ranges(node)):
        if len(kept) == 0 or (node.attributes.shrink >> axis & 1 and strides[axis] != 1):
            return f"dimension {axis} of {node.input(0).shape} with stride {strides[axis]}"
    return ""


def _ranges(node: NodeView) -> list[range]:
    """The elements of each dimension (strided_slice::StridedSliceStartForAxis and EndForAxis)."""
    numbers = zip(*(movement.numbers(node, position) for position in (1, 2, 3)))
    return [
        _range(node.attributes, axis, size, *three)
        for axis, (size, three) in enumerate(zip(node.input(0).shape, numbers))
    ]


def _range(masks: Attributes, axis: int, size: int, begin: int, end: int, stride: int) -> range:
    low, high = (0, size) if stride > 0 else (-1, size - 1)

    def place(index: int) -> int:
        return min(max(index + size if index < 0 else index, low), high)

    start = place(begin)
    if masks.begin >> axis & 1:
        start = 0 if stride > 0 else size - 1
    if masks.shrink >> axis & 1:
        return range(start, min(start + 1, size))
    stop = place(end)
    if masks.end >> axis & 1:
        stop = size if stride > 0 else -1
    return range(start, stop, stride)


class StridedSlice(Operator):
    """A copy; a view when it is all of the tensor."""

    name = "STRIDED_SLICE"
    summary = "every n-th element of each dimension, from either end"
    rules = (
        movement.inputs_and_outputs(4, 4),
        *movement.moves(("int8", "int16", "int32", "float32")),
        movement.most_dimensions(4),
        movement.constant(1, "begin"),
        movement.constant(2, "end"),
        movement.constant(3, "stride"),
        plain_masks,
        number_each,
        something_left,
    )

    def parse(self, options: Any) -> Attributes:
        from tflite.StridedSliceOptions import StridedSliceOptions

        stored = StridedSliceOptions()
        stored.Init(options.Bytes, options.Pos)
        other = {
            "an ellipsis": stored.EllipsisMask(),
            "a new axis": stored.NewAxisMask(),
            "ends counted from the begins": stored.Offset(),
        }
        return Attributes(
            stored.BeginMask(),
            stored.EndMask(),
            stored.ShrinkAxisMask(),
            tuple(name for name, used in other.items() if used),
        )

    def output_shapes(self, node: NodeView) -> tuple[tuple[int, ...], ...]:
        kept = [len(part) for part in _ranges(node)]
        shrink = node.attributes.shrink
        return (tuple(size for axis, size in enumerate(kept) if not shrink >> axis & 1),)

    def reference(self, node: NodeView, inputs: list[np.ndarray]) -> list[np.ndarray]:
        return [inputs[0][np.ix_(*_ranges(node))].reshape(node.output.shape)]

    def lower(self, node: NodeView) -> KernelCall | None:
        ranges = _ranges(node)
        source = movement.part(
            node.input(0).shape,
            [kept.start for kept in ranges],
            [len(kept) for kept in ranges],
            [kept.step for kept in ranges],
        )
        return movement.copy_or_view(node, source)


OPERATOR = StridedSlice()
