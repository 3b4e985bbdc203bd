"""What element-wise operators share: their rules, and operands that broadcast to one shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tinyml.ops.arithmetic import LIMITS
from tinyml.ops.base import Array, Fields

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView, Tensor
    from tinyml.ops.base import Rule

# Below this a value of at most 16 bits, scaled, fits into int32.
LARGEST_RATIO = 1 << 15


def quantized(*dtypes: str) -> Rule:
    """A rule: every tensor has the output's type, one of `dtypes`, with one scale and zero point."""

    def rule(node: NodeView) -> str:
        faults = (quantization_fault(tensor, dtypes) for tensor in tensors(node))
        found = next(filter(None, faults), "")
        mixed = {tensor.dtype for tensor in tensors(node)}
        return found or ("" if len(mixed) == 1 else " and ".join(sorted(mixed)))

    zero = "; of int16 the zero point is 0" if "int16" in dtypes else ""
    rule.__doc__ = (
        f"Inputs and output are all {' or all '.join(dtypes)}, with one scale and zero point each{zero}."
        " Remedy: quantize the model first, e.g. `tinyml quantize MODEL --calibration DATA -o model.tflite`."
    )
    return rule


def quantization_fault(tensor: Tensor, dtypes: tuple[str, ...], symmetric: bool = True) -> str:
    """What keeps a tensor from being of one of `dtypes`, with one scale and a zero point in range."""
    if tensor.dtype not in dtypes:
        return f"'{tensor.name}' is {tensor.dtype}"
    if tensor.quantization is None or tensor.q.per_channel:
        return f"'{tensor.name}' has no single scale"
    low, high = (0, 0) if tensor.dtype == "int16" and symmetric else LIMITS[tensor.dtype]
    right = low <= tensor.q.zero_point <= high
    return "" if right else f"'{tensor.name}' has zero point {tensor.q.zero_point}"


def tensors(node: NodeView) -> list[Tensor]:
    """Inputs and outputs of a node that has all its inputs."""
    return [*filter(None, node.inputs), *node.outputs]


def broadcastable(node: NodeView) -> str:
    """The shapes broadcast: aligned at their last dimension, sizes are equal or one of them is 1.
    Remedy: reshape an operand.
    """
    a, b = node.input(0).shape, node.input(1).shape
    pairs = zip(reversed(a), reversed(b))
    return "" if all(m == n or 1 in (m, n) for m, n in pairs) else f"{a} and {b}"


def scale_ratio(node: NodeView) -> str:
    """The input's scale is below 2^15 times the output's. Remedy: quantize the model again."""
    ratio = node.input(0).q.scale / node.output.q.scale
    return "" if ratio < LARGEST_RATIO else f"{ratio:g}"


def same_shape(node: NodeView) -> tuple[tuple[int, ...], ...]:
    """The output shape of a function of one input."""
    return (node.input(0).shape,)


def broadcast_shape(node: NodeView) -> tuple[tuple[int, ...], ...]:
    """The output shape of a function of two inputs."""
    return (tuple(map(int, np.broadcast_shapes(node.input(0).shape, node.input(1).shape))),)


@dataclass(frozen=True)
class _Dimension:
    """A dimension of the output, and how far each operand goes along it: 0 when it is repeated."""

    size: int
    strides: tuple[int, int]


def broadcast_fields(node: NodeView) -> Fields:
    """The fields of `tinyml_broadcast` for a node's first two inputs."""
    run, *outer = _dimensions(node.input(0).shape, node.input(1).shape) or [_Dimension(1, (1, 1))]
    table = np.array([(d.size, *d.strides) for d in outer], np.int32)
    return (
        ("runs", int(np.prod([d.size for d in outer], dtype=np.int64))),
        ("length", run.size),
        ("first_step", run.strides[0]),
        ("second_step", run.strides[1]),
        ("dimensions", len(outer)),
        ("outer", Array("broadcast", table) if outer else 0),
    )


def whole_operands(node: NodeView) -> tuple[int, ...]:
    """Positions of the operands that are as large as the output, which may be overwritten by it."""
    return tuple(
        position
        for position in (0, 1)
        if node.input(position).elements == node.output.elements
        and node.input(position).dtype == node.output.dtype
    )


def _dimensions(a: tuple[int, ...], b: tuple[int, ...]) -> list[_Dimension]:
    """The dimensions over which two shapes broadcast, last first; neighbours that behave alike are one."""
    rank = max(len(a), len(b))
    merged: list[_Dimension] = []
    strides = [1, 1]
    for sizes in zip(*(reversed((1,) * (rank - len(shape)) + shape) for shape in (a, b))):
        if max(sizes) > 1:
            a_step, b_step = (s if n > 1 else 0 for s, n in zip(strides, sizes))
            found = _Dimension(max(sizes), (a_step, b_step))
            _append(merged, found)
        strides = [stride * size for stride, size in zip(strides, sizes)]
    return merged


def _append(merged: list[_Dimension], found: _Dimension) -> None:
    alike = merged and all((m == 0) == (n == 0) for m, n in zip(merged[-1].strides, found.strides))
    if alike:
        last = merged.pop()
        found = _Dimension(last.size * found.size, last.strides)
    merged.append(found)
