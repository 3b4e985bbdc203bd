"""SOFTMAX."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tinyml.ops import softmax
from tinyml.ops.base import Array, KernelCall

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView
    from tinyml.kernels.base import Options

_MOST_SHIFT = 31


def lower(node: NodeView, options: Options) -> KernelCall | str:
    """SOFTMAX."""
    return _wide(node) if node.input(0).dtype == "int16" else _narrow(node)


def _narrow(node: NodeView) -> KernelCall | str:
    multiplier, shift, least = softmax.scaling(node)
    if shift >= _MOST_SHIFT:
        return f"a left shift of {shift}"
    return KernelCall(
        kernel=f"tinyml_cmsis_softmax_{'s8' if node.output.dtype == 'int8' else 's8_s16'}",
        params=(
            *_size(node),
            ("multiplier", multiplier),
            ("left_shift", shift),
            ("least_difference", least),
        ),
        inputs=(0,),
    )


def _wide(node: NodeView) -> KernelCall:
    multiplier, shift = softmax.wide_scaling(node)
    exponential, reciprocal = softmax.tables()
    return KernelCall(
        kernel="tinyml_cmsis_softmax_s16",
        params=(
            *_size(node),
            ("multiplier", multiplier),
            ("shift", shift),
            ("exponential", Array("exponential", exponential)),
            ("reciprocal", Array("reciprocal", reciprocal)),
        ),
        inputs=(0,),
    )


def _size(node: NodeView) -> tuple[tuple[str, int], ...]:
    classes = node.output.shape[-1]
    return (("rows", node.output.elements // classes), ("classes", classes))
