"""What passes know of nodes that compute a function of one value: its results for every value there is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinyml import ops
from tinyml.graph.ir import Graph, NodeView, Tensor
from tinyml.ops.arithmetic import LIMITS

_ENUMERABLE = ("int8", "uint8", "int16")


def is_function(view: NodeView) -> bool:
    """True for a node whose output at each place depends on its input at that place only."""
    return ops.find(view.node.operator).elementwise


def every_value(tensor: Tensor) -> np.ndarray | None:
    """All values that an element can have, in order; None when they are too many."""
    if tensor.dtype not in _ENUMERABLE:
        return None
    low, high = LIMITS[tensor.dtype]
    return np.arange(low, high + 1).astype(tensor.dtype)


def applied(functions: Sequence[NodeView], values: np.ndarray) -> np.ndarray:
    """The results of one function after the other, as TFLM computes them."""
    for view in functions:
        (values,) = ops.find(view.node.operator).reference(view, [values])
    return values


def same_units(a: Tensor, b: Tensor) -> bool:
    """True when the same number means the same in both."""
    if a.quantization is None or b.quantization is None or a.dtype != b.dtype:
        return False
    return (a.q.scales, a.q.zero_points) == (b.q.scales, b.q.zero_points)


def producer(graph: Graph, tensor: int) -> NodeView | None:
    """The node that computes a tensor, if one does."""
    for index, node in enumerate(graph.nodes):
        if tensor in node.outputs:
            return graph.view(index)
    return None


def has_one_reader(graph: Graph, tensor: int) -> bool:
    """True when a single node needs a tensor."""
    return len(graph.readers(tensor)) == 1 and tensor not in graph.outputs
