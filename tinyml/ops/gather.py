"""GATHER: slices along one dimension, by their indices."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml.ops import movement
from tinyml.ops.base import KernelCall, Operator

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView


@dataclass(frozen=True)
class Attributes:
    """The dimension, and how many leading ones input and indices share; both counted from either end."""

    axis: int
    batch_dimensions: int


def int32_indices(node: NodeView) -> str:
    """Indices are int32. Remedy: convert the model again."""
    return "" if node.input(1).dtype == "int32" else node.input(1).dtype


def dimensions_fit(node: NodeView) -> str:
    """The dimension exists and does not come before those that input and indices share. Remedy: convert the
    model again.
    """
    a, shape, indices = node.attributes, node.input(0).shape, node.input(1).shape
    axis, shared = movement.positive_axis(a.axis, len(shape)), _shared(node)
    within = axis is not None and 0 <= shared <= min(axis, len(indices))
    if within and shape[:shared] == indices[:shared]:
        return ""
    return f"axis {a.axis} of {shape} with indices {indices}, {a.batch_dimensions} shared"


def constant_indices_inside(node: NodeView) -> str:
    """Constant indices lie inside the dimension. Remedy: correct the model."""
    # TFLM reads beyond the tensor; for computed indices our kernel takes the nearest slice.
    indices, size = node.input(1).data, node.input(0).shape[node.attributes.axis]
    if indices is None or (indices.min() >= 0 and indices.max() < size):
        return ""
    return f"indices {indices.min()} to {indices.max()} of {size}"


def _shared(node: NodeView) -> int:
    count: int = node.attributes.batch_dimensions
    return count + len(node.input(1).shape) if count < 0 else count


@dataclass(frozen=True)
class _Sizes:
    """The input as (batches, outer, size, inner), the indices as (batches, picks)."""

    batches: int
    outer: int
    size: int
    inner: int
    picks: int


def _sizes(node: NodeView) -> _Sizes:
    shape, shared = node.input(0).shape, _shared(node)
    axis = node.attributes.axis % len(shape)
    return _Sizes(
        prod(shape[:shared]),
        prod(shape[shared:axis]),
        shape[axis],
        prod(shape[axis + 1 :]),
        prod(node.input(1).shape[shared:]),
    )


class Gather(Operator):
    """int8 or float32, as in TFLM."""

    name = "GATHER"
    summary = "slices along one dimension, by constant or computed indices"
    rules = (
        movement.inputs_and_outputs(2, 2),
        *movement.moves(("int8", "float32")),
        int32_indices,
        dimensions_fit,
        constant_indices_inside,
    )

    def parse(self, options: Any) -> Attributes:
        from tflite.GatherOptions import GatherOptions

        stored = GatherOptions()
        stored.Init(options.Bytes, options.Pos)
        return Attributes(stored.Axis(), stored.BatchDims())

    def output_shapes(self, node: NodeView) -> tuple[tuple[int, ...], ...]:
        shape, indices = node.input(0).shape, node.input(1).shape
        axis = node.attributes.axis % len(shape)
        return ((*shape[:axis], *indices[_shared(node) :], *shape[axis + 1 :]),)

    def reference(self, node: NodeView, inputs: list[np.ndarray]) -> list[np.ndarray]:
        s = _sizes(node)
        data = inputs[0].reshape(s.batches, s.outer, s.size, s.inner)
        indices = np.clip(inputs[1].reshape(s.batches, s.picks), 0, s.size - 1)
        found = [part[:, picks] for part, picks in zip(data, indices)]
        return [np.stack(found).reshape(node.output.shape)]

    def lower(self, node: NodeView) -> KernelCall:
        s = _sizes(node)
        return KernelCall(
            kernel="tinyml_gather",
            params=(
                ("batches", s.batches),
                ("outer", s.outer),
                ("size", s.size),
                ("picks", s.picks),
                ("bytes", s.inner * np.dtype(node.output.dtype).itemsize),
            ),
            inputs=(0, 1),
        )


OPERATOR = Gather()
