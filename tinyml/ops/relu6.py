"""RELU6: values between 0 and 6."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tinyml.ops import bands
from tinyml.ops.arithmetic import activation_range
from tinyml.ops.base import KernelCall
from tinyml.ops.elementwise import quantized
from tinyml.ops.lookup import Lookup
from tinyml.ops.rules import input_count

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView


def _range(node: NodeView) -> tuple[int, int]:
    """0 and 6 in the input's units."""
    return activation_range("RELU6", node.input(0))


def six_fits(node: NodeView) -> str:
    """The input's scale is above 3e-9, so that 6 fits int32. Remedy: quantize the model again."""
    scale = node.input(0).q.scale
    return "" if scale > 3e-9 else f"{scale:g}"


class Relu6(Lookup):
    """Raw values between two limits (Relu6Quantized).

    TFLM does not look at the output's scale and zero point: it clamps in the input's units, so that a
    model whose output has others gets the same bytes here as there.
    """

    name = "RELU6"
    summary = "values between 0 and 6; raw values are clamped in the input's units, as in TFLM"
    rules = (input_count(1, 1), quantized("int8", "int16"), six_fits)

    def results(self, node: NodeView, values: np.ndarray) -> np.ndarray:
        return np.clip(values + node.input(0).q.zero_point, *_range(node))

    def lower_wide(self, node: NodeView) -> KernelCall:
        low, high = _range(node)
        return KernelCall(
            kernel="tinyml_clamp_s16",
            params=(("elements", node.output.elements), ("low", low), ("high", high)),
            inputs=(0,),
            in_place=(0,),
            band=bands.elements(node),
        )


OPERATOR = Relu6()
