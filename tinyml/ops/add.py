"""ADD: element-wise sum."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tinyml.ops import bands
from tinyml.ops.base import KernelCall
from tinyml.ops.sums import Attributes, Sum, output_fields, parse_activation, rescale

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView


class Add(Sum):
    """A sum."""

    name = "ADD"
    summary = "element-wise sum of two tensors that broadcast"
    sign = 1

    def parse(self, options: Any) -> Attributes:
        from tflite.AddOptions import AddOptions

        return parse_activation(AddOptions(), options)

    def lower(self, node: NodeView) -> KernelCall:
        same = node.input(0).shape == node.input(1).shape
        return _plain(node) if same and node.output.dtype == "int8" else super().lower(node)


def _plain(node: NodeView) -> KernelCall:
    """The kernel for int8 operands of one shape, the most frequent case: no broadcast, no sign."""
    factors = rescale(node)
    return KernelCall(
        kernel="tinyml_add_s8",
        params=(
            ("elements", node.output.elements),
            *factors.fields(node),
            *output_fields(node, factors),
        ),
        inputs=(0, 1),
        in_place=(0, 1),
        band=bands.elements(node),
    )


OPERATOR = Add()
