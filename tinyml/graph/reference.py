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


def outputs(graph: Graph, batch: np.ndarray) -> np.ndarray:
    """The first output for every sample of a batch.

    Args:
        graph: as for `run`, with one input.
        batch: (N, *input shape without its leading 1), of the input's dtype.

    Returns:
        (N, *output shape without its leading 1), of the output's dtype.
    """
    shape = graph.tensors[graph.inputs[0]].shape
    rows = [run(graph, [sample.reshape(shape)])[graph.outputs[0]] for sample in batch]
    return np.stack(rows).reshape(len(batch), *graph.tensors[graph.outputs[0]].shape[1:])
