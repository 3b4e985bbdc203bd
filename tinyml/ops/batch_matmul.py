"""BATCH_MATMUL: products of matrices, of which at least one side is computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml.ops import arithmetic, axes
from tinyml.ops.base import Fields, KernelCall, Operator
from tinyml.ops.rules import effective_scale, input_count

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView

_MOST_DEPTH = 1 << 15  # sums of so many products fit int32


@dataclass(frozen=True)
class Attributes:
    """Which side's matrices are to be transposed."""

    left: bool
    right: bool


def int8_matrices(node: NodeView) -> str:
    """Both inputs and the output are int8 with one scale and zero point each. Remedy: quantize the model to
    int8, without per-channel weights here.
    """
    for tensor in (node.input(0), node.input(1), node.output):
        if tensor.dtype != "int8":
            return f"'{tensor.name}' is {tensor.dtype}"
        if tensor.quantization is None or tensor.quantization.per_channel:
            return f"'{tensor.name}' has no single scale"
        if not -128 <= tensor.q.zero_point <= 127:
            return f"'{tensor.name}' has zero point {tensor.q.zero_point}"
    return ""


def matrices_fit(node: NodeView) -> str:
    """Inputs have 2 to 5 dimensions, the last two fit a product of depth 2^15 or less, and each other one is
    equal or 1. Remedy: convert the model again.
    """
    found = f"{node.input(0).shape} and {node.input(1).shape}"
    if not all(2 <= len(node.input(side).shape) <= 5 for side in (0, 1)):
        return found
    left, right = _matrices(node)
    fits = left.shape[-1] == right.shape[-2] <= _MOST_DEPTH
    batches = zip(left.shape[:-2], right.shape[:-2])
    return "" if fits and all(a == b or 1 in (a, b) for a, b in batches) else found


@dataclass(frozen=True)
class _Matrices:
    """One side, transposed as wanted: shape (..., rows, columns) and strides in elements."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]


def _matrices(node: NodeView) -> tuple[_Matrices, _Matrices]:
    """Both sides with as many dimensions as the output."""
    a = node.attributes
    rank = max(len(node.input(0).shape), len(node.input(1).shape))
    shapes = [(1,) * (rank - len(s)) + s for s in (node.input(0).shape, node.input(1).shape)]
    return _side(shapes[0], a.left), _side(shapes[1], a.right)


def _side(shape: tuple[int, ...], transposed: bool) -> _Matrices:
    strides = axes.strides(shape)
    if not transposed:
        return _Matrices(shape, strides)
    return _Matrices(*((*part[:-2], part[-1], part[-2]) for part in (shape, strides)))


def _batches(left: _Matrices, right: _Matrices) -> tuple[axes.Axis, ...]:
    """The loops over the leading dimensions; a size of 1 is used again and again."""
    pairs = zip(left.shape[:-2], left.strides, right.shape, right.strides)
    return axes.merged(axes.Axis(max(m, n), a * (m > 1), b * (n > 1)) for m, a, n, b in pairs)


def rescale(node: NodeView) -> tuple[int, int]:
    """(multiplier, shift) from a sum to the output's units (GetQuantizedConvolutionMultipler)."""
    # TFLite multiplies these two scales in float32, as for FULLY_CONNECTED.
    product = np.float32(node.input(0).q.scale) * np.float32(node.input(1).q.scale)
    return arithmetic.quantize_multiplier(float(product) / node.output.q.scale)


class BatchMatMul(Operator):
    """int8 (reference_ops::BatchMatMul); ours reads a transposed side where it lies."""

    name = "BATCH_MATMUL"
    summary = "products of matrices, either side transposed, batches broadcast"
    rules = (input_count(2, 2), int8_matrices, matrices_fit, effective_scale)

    def parse(self, options: Any) -> Attributes:
        from tflite.BatchMatMulOptions import BatchMatMulOptions

        stored = BatchMatMulOptions()
        stored.Init(options.Bytes, options.Pos)
        return Attributes(bool(stored.AdjX()), bool(stored.AdjY()))

    def output_shapes(self, node: NodeView) -> tuple[tuple[int, ...], ...]:
        left, right = _matrices(node)
        batches = (max(pair) for pair in zip(left.shape[:-2], right.shape[:-2]))
        return ((*batches, left.shape[-2], right.shape[-1]),)

    def macs(self, node: NodeView) -> int:
        return node.output.elements * _matrices(node)[0].shape[-1]

    def reference(self, node: NodeView, inputs: list[np.ndarray]) -> list[np.ndarray]:
        a = node.attributes
        left, right = (
            values.astype(np.int64) - node.input(side).q.zero_point
            for side, values in enumerate(inputs)
        )
        left = left.swapaxes(-1, -2) if a.left else left
        right = right.swapaxes(-1, -2) if a.right else right
        scaled = arithmetic.requantize(left @ right, *rescale(node)) + node.output.q.zero_point
        return [np.clip(scaled, -128, 127).astype(np.int8)]

    def lower(self, node: NodeView) -> KernelCall:
        multiplier, shift = rescale(node)
        return KernelCall(
            kernel="tinyml_batch_matmul_s8",
            params=(
                *_layout(node),
                ("left_zero_point", node.input(0).q.zero_point),
                ("right_zero_point", node.input(1).q.zero_point),
                ("output_zero_point", node.output.q.zero_point),
                ("multiplier", multiplier),
                ("shift", shift),
            ),
            inputs=(0, 1),
        )


def _layout(node: NodeView) -> Fields:
    left, right = _matrices(node)
    return (
        ("batches", axes.fields(_batches(left, right))),
        ("rows", left.shape[-2]),
        ("depth", left.shape[-1]),
        ("columns", right.shape[-1]),
        ("left_row", left.strides[-2]),
        ("left_depth", left.strides[-1]),
        ("right_depth", right.strides[-2]),
        ("right_column", right.strides[-1]),
    )


OPERATOR = BatchMatMul()
