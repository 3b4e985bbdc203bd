"""ADD and MUL, of operands of one shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tinyml.ops import arithmetic, sums
from tinyml.ops import mul as products
from tinyml.ops.base import KernelCall
from tinyml.ops.elementwise import whole_operands

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView
    from tinyml.kernels.base import Options

_BROADCAST = "operands that broadcast"


def add(node: NodeView, options: Options) -> KernelCall | str:
    """ADD."""
    if len(whole_operands(node)) < 2:
        return _BROADCAST
    factors = sums.rescale(node)
    return KernelCall(
        kernel=f"tinyml_cmsis_add_{_type(node)}",
        params=(
            ("elements", node.output.elements),
            ("headroom", factors.headroom),
            *factors.fields(node),
            *sums.output_fields(node, factors),
        ),
        inputs=(0, 1),
        in_place=(0, 1),
    )


def mul(node: NodeView, options: Options) -> KernelCall | str:
    """MUL."""
    if len(whole_operands(node)) < 2:
        return _BROADCAST
    multiplier, shift = arithmetic.quantize_multiplier(products.effective_scale(node))
    low, high = arithmetic.activation_range(node.attributes.activation, node.output)
    return KernelCall(
        kernel=f"tinyml_cmsis_mul_{_type(node)}",
        params=(
            ("elements", node.output.elements),
            ("first_zero_point", node.input(0).q.zero_point),
            ("second_zero_point", node.input(1).q.zero_point),
            ("output_zero_point", node.output.q.zero_point),
            ("multiplier", multiplier),
            ("shift", shift),
            ("activation_min", low),
            ("activation_max", high),
        ),
        inputs=(0, 1),
        in_place=(0, 1),
    )


def _type(node: NodeView) -> str:
    return "s8" if node.output.dtype == "int8" else "s16"
