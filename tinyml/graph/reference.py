"""Runs a graph with the operators' numpy references: slow, exact, and there on every machine."""

from __future__ import annotations

import numpy as np

from tinyml import ops
from tinyml.graph.ir import ABSENT, Graph


def run(graph: Graph, inputs: list[np.ndarray]) -> dict[int, np.ndarray]:
    """Every activation of one inference, by tensor index.

    Args:
        graph: a graph whose nodes all passed their operators' rules.
        inputs: one array a graph input, of the tensor's dtype and shape.
    """
    values = {i: tensor.data for i, tensor in enumerate(graph.tensors) if tensor.data is not None}
    values.update(zip(graph.inputs, inputs))
    for view in graph.views():
        arguments = [values[i] for i in view.node.inputs if i != ABSENT]
        results = ops.find(view.node.operator).reference(view, arguments)
        values.update(zip(view.node.outputs, results))
    return {i: value for i, value in values.items() if not graph.tensors[i].is_constant}


def outputs(graph: Graph, batches: list[np.ndarray]) -> list[np.ndarray]:
    """Every output for every sample.

    Args:
        graph: as for `run`.
        batches: for each input (N, ...), of the tensor's dtype, N times its elements.

    Returns:
        For each output (N, *shape without a leading 1).
    """
    shapes = [graph.tensors[i].shape for i in graph.inputs]
    found: list[list[np.ndarray]] = [[] for _ in graph.outputs]
    for sample in zip(*batches):
        values = run(graph, [part.reshape(shape) for part, shape in zip(sample, shapes)])
        for results, tensor in zip(found, graph.outputs):
            shape = graph.tensors[tensor].shape
            results.append(values[tensor].reshape(shape[1:] if shape[:1] == (1,) else shape))
    return [np.stack(results) for results in found]
