"""What a pass leaves of a model, whose outputs are TFLM's with the pass and without."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tflm_check import Build, check

from tinyml.codegen import program
from tinyml.graph import reference
from tinyml.graph.ir import Graph


def simplified(tmp_path: Path, build: Build, name: str, seed: int = 1, **options: bool) -> Graph:
    """The graph of a model as it is exported, compared with TFLM; arguments as of `check`.

    The model is compiled without the pass `name`, too, and gives the same bytes.
    """
    check(tmp_path, build, seed, **options)
    path = tmp_path / "model.tflite"
    graph, plain = (program.compile_model(path, disabled).graph for disabled in ((), (name,)))
    rng = np.random.default_rng(seed)
    tensors = [graph.tensors[index] for index in graph.inputs]
    batches = [
        rng.integers(np.iinfo(t.dtype).min, np.iinfo(t.dtype).max, (5, *t.shape), endpoint=True)
        for t in tensors
    ]
    inputs = [batch.astype(t.dtype) for batch, t in zip(batches, tensors)]
    for one, other in zip(reference.outputs(graph, inputs), reference.outputs(plain, inputs)):
        np.testing.assert_array_equal(one, other)
    return graph


def operators(graph: Graph) -> list[str]:
    """The graph's operators in order."""
    return [node.operator for node in graph.nodes]
