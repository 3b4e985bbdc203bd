"""SUB: element-wise difference."""

from __future__ import annotations

from typing import Any

from tinyml.ops.sums import Attributes, Sum, parse_activation


class Sub(Sum):
    """A difference. TFLM computed its factors in float32 until 2026; now in double, like ADD's."""

    name = "SUB"
    summary = "element-wise difference of two tensors that broadcast"
    sign = -1

    def parse(self, options: Any) -> Attributes:
        from tflite.SubOptions import SubOptions

        return parse_activation(SubOptions(), options)


OPERATOR = Sub()
