"""Random graphs, int8 or int16x8: a seed and a number of nodes always give the same model.

The first n nodes of a seed do not depend on how many follow, so that dropping trailing nodes shrinks a
graph. Every tensor that no node reads is an output of the model, and some that are read, too.
"""

from __future__ import annotations

import fuzz_folds
import fuzz_nodes
import numpy as np
from fuzz_growing import Growing

MOST_NODES = 9
_KINDS = [*fuzz_nodes.KINDS, *fuzz_folds.KINDS]


def build(seed: int, nodes: int) -> tuple[Growing, list[int], list[int]]:
    """The graph of a seed, cut to its first nodes, with its inputs and outputs."""
    growing = Growing(np.random.default_rng([seed, 0]), "int16" if seed % 4 == 3 else "int8")
    inputs = _inputs(growing)
    for number in range(nodes):
        growing.rng = np.random.default_rng([seed, number + 1])
        _add(growing)
    outputs = [
        value.index
        for value in growing.values[len(inputs) :]
        if value.index not in growing.read or value.index in growing.tapped
    ]
    return growing, inputs, outputs


def content(seed: int, nodes: int) -> bytes:
    """The .tflite of `build`."""
    growing, inputs, outputs = build(seed, nodes)
    return growing.m.content(inputs, outputs)


def size(seed: int) -> int:
    """How many nodes the whole graph of a seed has."""
    return int(np.random.default_rng([seed, 0, 0]).integers(1, MOST_NODES + 1))


def _inputs(g: Growing) -> list[int]:
    for _ in range(g.number(1, 2)):
        batches = g.choice([1, 1, 1, 1, 2, 3])
        shape = (batches, g.number(1, 9), g.number(1, 9), g.number(1, 6))
        g.tensor(shape, g.scale(), g.zero_point())
    return [value.index for value in g.values]


def _add(g: Growing) -> None:
    """One node of a random kind that finds tensors it can read."""
    while True:
        kind = g.choice(_KINDS)
        before = len(g.values)
        if kind(g):
            break
    stored = g.m._graph.operators[-1]
    g.read.update(int(index) for index in stored.inputs)
    g.operators.append(kind.__name__)
    for value in g.values[before:]:
        if g.rng.random() < 0.15:
            g.tapped.add(value.index)
