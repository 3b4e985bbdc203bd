"""Activations that the node before them can apply."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinyml.graph.ir import Graph, NodeView
from tinyml.ops.arithmetic import activation_range
from tinyml.ops.rules import FUSED
from tinyml.passes.functions import applied, every_value, operands, producer, same_units

# Operators that clamp their outputs to the range of an activation
_CLAMPING = (
    "ADD",
    "AVERAGE_POOL_2D",
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "FULLY_CONNECTED",
    "MAX_POOL_2D",
    "MUL",
    "SUB",
    "TRANSPOSE_CONV",
)


def fold_activations(graph: Graph) -> Graph:
    """The graph without functions that only clamp what the node before them computes.

    A RELU to another scale is none: TFLM rounds before it and in it.
    """
    index = 0
    while index < len(graph.nodes):
        view = graph.view(index)
        sources = operands(view)
        before = producer(graph, sources[0]) if len(sources) == 1 else None
        fused = _fused(graph, before, view) if before is not None else None
        if before is None or fused is None:
            index += 1
        else:
            graph = _with_activation(graph, before, view, fused)
    return graph


def _fused(graph: Graph, before: NodeView, function: NodeView) -> str | None:
    """The activation with which `before` computes what `function` makes of its output; None without one."""
    between = before.node.outputs[0]
    if before.node.operator not in _CLAMPING or between in graph.outputs:
        return None
    if len(graph.readers(between)) > 1:
        return None
    values = every_value(before.output)
    if values is None or not same_units(before.output, function.output):
        return None
    # What a node computes is clamped to the type anyway, so that these are all cases.
    clamped = _clamped(values, before.attributes.activation, before)
    wanted = applied([function], between, clamped)
    for activation in FUSED:
        if np.array_equal(_clamped(values, activation, before), wanted):
            return activation
    return None


def _clamped(values: np.ndarray, activation: str, node: NodeView) -> np.ndarray:
    low, high = activation_range(activation, node.output)
    return np.clip(values, low, high).astype(values.dtype)


def _with_activation(graph: Graph, before: NodeView, function: NodeView, activation: str) -> Graph:
    """The graph where `before` computes the function's output."""
    nodes = list(graph.nodes)
    attributes = replace(before.attributes, activation=activation)
    nodes[before.index] = replace(before.node, outputs=function.node.outputs, attributes=attributes)
    del nodes[function.index]
    return graph.with_nodes(tuple(nodes))
