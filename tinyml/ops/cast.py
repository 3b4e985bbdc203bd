"""CAST: numbers in another type, scales not applied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml.ops import movement
from tinyml.ops.arithmetic import LIMITS
from tinyml.ops.base import KernelCall, Operator
from tinyml.ops.elementwise import same_shape
from tinyml.ops.integers import CODES
from tinyml.ops.rules import input_count

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView

_TYPES = ("int8", "int16", "int32", "float32")


def castable(node: NodeView) -> str:
    """Input and output are int8, int16, int32 or float32. Remedy: cast to one of these."""
    found = (node.input(0).dtype, node.output.dtype)
    return "" if all(dtype in _TYPES for dtype in found) else " to ".join(found)


class Cast(Operator):
    """C's conversion between integers, where what does not fit wraps; from float32 it saturates, NaN is 0."""

    name = "CAST"
    summary = "raw numbers in another type"
    elementwise = True
    rules = (input_count(1, 1), castable)

    def parse(self, options: Any) -> None:
        return None  # the tensors' own types say it all

    def output_shapes(self, node: NodeView) -> tuple[tuple[int, ...], ...]:
        return same_shape(node)

    def reference(self, node: NodeView, inputs: list[np.ndarray]) -> list[np.ndarray]:
        values = inputs[0]
        if values.dtype.kind == "f" and node.output.dtype != "float32":
            limits = LIMITS[node.output.dtype]
            values = np.clip(np.trunc(np.nan_to_num(values.astype(np.float64))), *limits)
        return [values.astype(node.output.dtype)]

    def lower(self, node: NodeView) -> KernelCall | None:
        source, target = node.input(0).dtype, node.output.dtype
        if source == target:
            return movement.copy_or_view(node, movement.whole(node.output.shape))
        elements = ("elements", node.output.elements)
        if source == "float32":
            low, high = LIMITS[target]
            kind = (("output_type", CODES[target]), ("low", low), ("high", high))
            return KernelCall("tinyml_cast_from_float", (elements, *kind), (0,))
        if target == "float32":
            return KernelCall(
                "tinyml_cast_to_float", (elements, ("input_type", CODES[source])), (0,)
            )
        codes = (("input_type", CODES[source]), ("output_type", CODES[target]))
        return KernelCall("tinyml_cast_integer", (elements, *codes), (0,))


OPERATOR = Cast()
