"""PAD, TRANSPOSE, MAXIMUM and MINIMUM of int8."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tinyml.kernels.cmsis_nn.structs import dims, too_large
from tinyml.ops import movement
from tinyml.ops import pad as pads
from tinyml.ops.base import Fields, KernelCall

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView
    from tinyml.kernels.base import Options

_MOST_DIMENSIONS = 4
_LARGEST_ROW = (1 << 16) // 8  # its elements are counted in 16 bits, eight rows at once


def pad(node: NodeView, options: Options) -> KernelCall | str:
    """PAD and PADV2."""
    fault = _fault(node)
    if fault:
        return fault
    before, after = zip(*pads.widths(node))
    none = (0,) * (_MOST_DIMENSIONS - len(before))
    return KernelCall(
        kernel="tinyml_cmsis_pad_s8",
        params=(
            ("input", dims(node.input(0).shape)),
            ("before", dims((*none, *before))),
            ("after", dims((*none, *after))),
            ("value", int(pads.border(node)[0])),
        ),
        inputs=(0,),
    )


def transpose(node: NodeView, options: Options) -> KernelCall | str:
    """TRANSPOSE."""
    fault = _fault(node) or too_large(node)
    if not fault and node.input(0).shape[-1] > _LARGEST_ROW:
        fault = f"rows of {node.input(0).shape[-1]} elements"
    if fault:
        return fault
    order = movement.numbers(node, 1)
    return KernelCall(
        kernel="tinyml_cmsis_transpose_s8",
        params=(
            ("input", _from_the_front(node.input(0).shape)),
            ("output", _from_the_front(node.output.shape)),
            ("dimensions", len(order)),
            *((f"order[{place}]", axis) for place, axis in enumerate(order)),
        ),
        inputs=(0,),
    )


def extreme(node: NodeView, options: Options) -> KernelCall | str:
    """MAXIMUM and MINIMUM."""
    fault = _fault(node)
    if fault:
        return fault
    return KernelCall(
        kernel=f"tinyml_cmsis_{node.node.operator.lower()}_s8",
        params=(
            ("first", dims(node.input(0).shape)),
            ("second", dims(node.input(1).shape)),
            ("output", dims(node.output.shape)),
        ),
        inputs=(0, 1),
    )


def _fault(node: NodeView) -> str:
    if node.output.dtype != "int8":
        return node.output.dtype
    most = max(len(tensor.shape) for tensor in (node.input(0), node.output))
    return f"{most} dimensions" if most > _MOST_DIMENSIONS else ""


def _from_the_front(shape: tuple[int, ...]) -> Fields:
    """cmsis_nn_dims in which the first dimension is n, as arm_transpose_s8 has them."""
    return dims((*shape, *(1,) * (_MOST_DIMENSIONS - len(shape))))
