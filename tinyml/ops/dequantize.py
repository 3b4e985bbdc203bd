"""DEQUANTIZE: real values as float32."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml.ops.base import Array, KernelCall, Operator
from tinyml.ops.elementwise import quantization_fault, same_shape
from tinyml.ops.integers import CODES
from tinyml.ops.rules import input_count

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView


def integer_to_float(node: NodeView) -> str:
    """int8, uint8 or int16 with one scale and zero point, to float32. Remedy: quantize the model first,
    e.g. `tinyml quantize MODEL --calibration DATA -o model.tflite`.
    """
    found = quantization_fault(node.input(0), ("int8", "uint8", "int16"), symmetric=False)
    right = node.output.dtype == "float32"
    return found or ("" if right else f"'{node.output.name}' is {node.output.dtype}")


class Dequantize(Operator):
    """scale * (x - zero point), rounded once (reference_ops::Dequantize)."""

    name = "DEQUANTIZE"
    summary = "quantized values to float32"
    elementwise = True
    rules = (input_count(1, 1), integer_to_float)

    def parse(self, options: Any) -> None:
        return None

    def output_shapes(self, node: NodeView) -> tuple[tuple[int, ...], ...]:
        return same_shape(node)

    def reference(self, node: NodeView, inputs: list[np.ndarray]) -> list[np.ndarray]:
        q = node.input(0).q
        # Exact in double
        return [(q.scale * (inputs[0].astype(np.float64) - q.zero_point)).astype(np.float32)]

    def lower(self, node: NodeView) -> KernelCall:
        q = node.input(0).q
        return KernelCall(
            kernel="tinyml_dequantize",
            params=(
                ("elements", node.output.elements),
                ("input_type", CODES[node.input(0).dtype]),
                ("zero_point", q.zero_point),
                ("scale", Array("scale", np.array([q.scale], np.float32))),
            ),
            inputs=(0,),
        )


OPERATOR = Dequantize()
