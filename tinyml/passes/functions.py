"""What passes know of nodes that compute a function of one value: its results for every value there is."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tinyml import ops
from tinyml.graph import reference
from tinyml.graph.ir import Graph, NodeView, Tensor
from tinyml.ops.arithmetic import LIMITS

_ENUMERABLE = ("int8", "uint8", "int16")


def operands(view: NodeView) -> tuple[int, ...]:
    """The tensors at whose values, place by place, an element-wise node looks; () for any other node.

    Besides them it may read constants of one element.
    """
    if not ops.find(view.node.operator).elementwise:
        return ()
    pairs = [(i, t) for i, t in zip(view.node.inputs, view.inputs) if t is not None]
    single = all(tensor.elements == 1 for _, tensor in pairs if tensor.is_constant)
    found = {index: tensor for index, tensor in pairs if not tensor.is_constant}
    alike = all(tensor.shape == view.output.shape for tensor in found.values())
    return tuple(found) if single and alike else ()


def every_value(tensor: Tensor) -> np.ndarray | None:
    """All values that an element can have, in order; None when they are too many."""
    if tensor.dtype not in _ENUMERABLE:
        return None
    low, high = LIMITS[tensor.dtype]
    return np.arange(low, high + 1).astype(tensor.dtype)


def applied(nodes: Iterable[NodeView], source: int, values: np.ndarray) -> np.ndarray:
    """What element-wise nodes make of the values of one tensor, as TFLM computes it.

    Args:
        nodes: in execution order; `operands` of the first is `source`, of others also what came before.
        source: a tensor.
        values: of the source, one dimension.

    Returns:
        The last node's output, as long as `values`.
    """
    known = {source: values}
    for view in nodes:
        single = {
            index: tensor.data.reshape(1)
            for index, tensor in zip(view.node.inputs, view.inputs)
            if tensor is not None and tensor.data is not None and tensor.elements == 1
        }
        (values,) = reference.node_outputs(view, {**single, **known})
        known[view.node.outputs[0]] = values
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
