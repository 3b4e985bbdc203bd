"""SUB: element-wise difference."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyml.ops.sums import Attributes, Sum, parse_activation


class Sub(Sum):
    """A difference; unlike ADD's, its factors are computed in float32 by TFLM."""

    name = "SUB"
    summary = "element-wise difference of two tensors that broadcast"
    sign = -1
    real = np.float32

    def parse(self, options: Any) -> Attributes:
        from tflite.SubOptions import SubOptions

        return parse_activation(SubOptions(), options)


OPERATOR = Sub()
