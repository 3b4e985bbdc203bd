"""Functions of one int8 value: a table of 256 results, made at export, is the whole kernel."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml.ops import bands
from tinyml.ops.base import Array, KernelCall, Operator
from tinyml.ops.elementwise import same_shape

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView


def every_input(node: NodeView) -> np.ndarray:
    """What a value of the input can be, less its zero point: int64 (256,)."""
    return np.arange(-128, 128, dtype=np.int64) - node.input(0).q.zero_point


def lookup_call(node: NodeView, results: np.ndarray) -> KernelCall:
    """The call for a table of the results of -128 to 127."""
    table = Array("table", results.astype(np.int8))
    return KernelCall(
        kernel="tinyml_lookup_s8",
        params=(("elements", node.output.elements), ("table", table)),
        inputs=(0,),
        in_place=(0,),
        band=bands.elements(node),
    )


class Lookup(Operator):
    """An operator whose int8 form is a table; a subclass may have other types besides."""

    elementwise = True

    def parse(self, options: Any) -> Any:
        return None

    def output_shapes(self, node: NodeView) -> tuple[tuple[int, ...], ...]:
        return same_shape(node)

    @abstractmethod
    def results(self, node: NodeView, values: np.ndarray) -> np.ndarray:
        """The outputs of input values as TFLM computes them.

        Args:
            node: a node that passed its rules.
            values: int64, less the input's zero point.

        Returns:
            int64, within the output's type.
        """

    def reference(self, node: NodeView, inputs: list[np.ndarray]) -> list[np.ndarray]:
        dtype = node.output.dtype
        if dtype == "int8":
            table = self.results(node, every_input(node)).astype(dtype)
            return [table[inputs[0].astype(np.int64) + 128]]
        values = inputs[0].astype(np.int64) - node.input(0).q.zero_point
        return [self.results(node, values).astype(dtype)]

    def lower(self, node: NodeView) -> KernelCall | None:
        if node.output.dtype == "int8":
            return lookup_call(node, self.results(node, every_input(node)))
        return self.lower_wide(node)

    def lower_wide(self, node: NodeView) -> KernelCall:
        """The kernel call for another type than int8; operators that have one override this."""
        raise AssertionError(f"{self.name} let {node.output.dtype} through its rules")
