"""TANH: the hyperbolic tangent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tinyml.ops import fixed_point
from tinyml.ops.sigmoids import COMMON_RULES, Sigmoid, has_scale, interpolated

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView


def standard_output(node: NodeView) -> str:
    """The output has scale 1/128 and zero point 0, of int16 2^-15 and 0. Remedy: quantize the model
    again.
    """
    return has_scale(node, 1 / 128, 0)


class Tanh(Sigmoid):
    """The hyperbolic tangent (reference_integer_ops::Tanh); of int16 it is 2 * sigmoid(2x) - 1."""

    name = "TANH"
    summary = "hyperbolic tangent"
    rules = (*COMMON_RULES, standard_output)
    function = staticmethod(fixed_point.tanh)
    bits = 7
    zero_point = 0
    direct = (0, 1)
    kernel = "tinyml_tanh_s16"

    def wide(self, arguments: np.ndarray) -> np.ndarray:
        # In 2^23; beyond the table it is 0x7FFF in 2^15
        size = np.where(np.abs(arguments) >> 8 >= 255, 0x7FFF << 8, interpolated(arguments, 8))
        rounded = np.where(arguments >= 0, size + 128, 127 - size)
        return rounded >> 8


OPERATOR = Tanh()
