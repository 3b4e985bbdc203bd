"""LOGISTIC: 1 / (1 + exp(-x))."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tinyml.ops import fixed_point
from tinyml.ops.sigmoids import COMMON_RULES, Sigmoid, has_scale, interpolated

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView


def standard_output(node: NodeView) -> str:
    """The output has scale 1/256 and zero point -128, of int16 2^-15 and 0. Remedy: quantize the model
    again.
    """
    return has_scale(node, 1 / 256, -128)


class Logistic(Sigmoid):
    """The sigmoid (reference_integer_ops::Logistic)."""

    name = "LOGISTIC"
    summary = "sigmoid"
    rules = (*COMMON_RULES, standard_output)
    function = staticmethod(fixed_point.logistic)
    bits = 8
    zero_point = -128
    direct = (0,)
    kernel = "tinyml_logistic_s16"

    def wide(self, arguments: np.ndarray) -> np.ndarray:
        # In 2^25; beyond the table it is 0x7FFF in 2^15
        above = np.where(np.abs(arguments) >> 9 >= 255, 0x3FFF << 10, interpolated(arguments, 9))
        half = 1 << 24
        rounded = np.where(arguments >= 0, half + above + 512, half - above + 511)
        return rounded >> 10


OPERATOR = Logistic()
