"""TABLE: a function of one int8 value that passes made of several nodes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml.ops.elementwise import quantized
from tinyml.ops.lookup import Lookup
from tinyml.ops.rules import input_count

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView


@dataclass(frozen=True)
class Attributes:
    """The operators whose work it does, in order, and the outputs of the inputs -128 to 127."""

    made_of: tuple[str, ...]
    outputs: tuple[int, ...] = field(repr=False)


class Table(Lookup):
    """Its 256 outputs are known."""

    name = "TABLE"
    summary = "any function of one int8 value"
    rules = (input_count(1, 1), quantized("int8"))
    in_tflite = False

    def parse(self, options: Any) -> Any:
        raise AssertionError("no TFLite file holds this operator")

    def results(self, node: NodeView, values: np.ndarray) -> np.ndarray:
        outputs = np.array(node.attributes.outputs, np.int64)
        result: np.ndarray = outputs[values + node.input(0).q.zero_point + 128]
        return result


OPERATOR = Table()
