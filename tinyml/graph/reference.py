"""Runs a graph with the operators' numpy references: slow, exact, and there on every machine."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tinyml import ops
from tinyml.graph.ir import Graph, NodeView

State = dict[int, np.ndarray]  # by tensor index


def fresh_state(graph: Graph) -> State:
    """The graph's state as it is after a reset."""
    return {
        i: np.array(tensor.initial, order="C")
        for i, tensor in enumerate(graph.tensors)
        if tensor.initial is not None
    }


def run(
    graph: Graph, inputs: list[np.ndarray], state: State | None = None
) -> dict[int, np.ndarray]:
    """Every activation of one inference, by tensor index.

    Args:
        graph: a graph whose nodes all passed their operators' rules.
        inputs: one array a graph input, of the tensor's dtype and shape.
        state: what the inferences before left; this one changes it. None: a fresh one.
    """
    values = {i: tensor.data for i, tensor in enumerate(graph.tensors) if tensor.data is not None}
    values.update(fresh_state(graph) if state is None else state)
    values.update(zip(graph.inputs, inputs))
    for view in graph.views():
        values.update(zip(view.node.outputs, node_outputs(view, values)))
    return {i: value for i, value in values.items() if graph.tensors[i].is_activation}


def node_outputs(view: NodeView, values: Mapping[int, np.ndarray]) -> list[np.ndarray]:
    """The outputs of one node.

    Args:
        view: a node that passed its operator's rules.
        values: of its inputs at least, by tensor index; a state that it writes is changed.
    """
    operator = ops.find(view.node.operator)
    if not operator.reads_values:
        return operator.reference(view, [])
    arguments = [
        # A state that is only read must not go on to change in what was made of it.
        values[index].copy() if tensor.is_state and place not in operator.states else values[index]
        for place, (index, tensor) in enumerate(zip(view.node.inputs, view.inputs))
        if tensor is not None
    ]
    return operator.reference(view, arguments)


def outputs(graph: Graph, batches: list[np.ndarray]) -> list[np.ndarray]:
    """Every output for every sample, one after the other from a fresh state.

    Args:
        graph: as for `run`.
        batches: for each input (N, ...), of the tensor's dtype, N times its elements.

    Returns:
        For each output (N, *shape without a leading 1).
    """
    shapes = [graph.tensors[i].shape for i in graph.inputs]
    found: list[list[np.ndarray]] = [[] for _ in graph.outputs]
    state = fresh_state(graph)
    for sample in zip(*batches):
        values = run(graph, [part.reshape(shape) for part, shape in zip(sample, shapes)], state)
        for results, tensor in zip(found, graph.outputs):
            shape = graph.tensors[tensor].shape
            results.append(values[tensor].reshape(shape[1:] if shape[:1] == (1,) else shape))
    return [np.stack(results) for results in found]
