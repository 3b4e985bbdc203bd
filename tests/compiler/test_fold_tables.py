"""Functions of one int8 value that follow each other: one table."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Optional

import model_builder as mb
import numpy as np
import pytest
from passes_check import operators, simplified

from tinyml.graph import dump

SHAPE = (1, 5, 60)
# Operator, and the type, scale and zero point of its output
Step = tuple[str, str, Optional[float], int]
SLOPE = {"LEAKY_RELU": {"kind": "LeakyReluOptions", "alpha": 0.2}}
SWISH: Step = ("HARD_SWISH", "int8", 0.04, -100)
LOGISTIC: Step = ("LOGISTIC", "int8", 1 / 256, -128)
TO_FLOAT: Step = ("DEQUANTIZE", "float32", None, 0)


def chain(steps: list[Step], read_between: str = ""):
    """The steps, one reading the other, behind a SOFTMAX."""

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, list[int]]:
        source = m.tensor(SHAPE, "int8", 0.2, 3)
        seen = m.tensor(SHAPE, "int8", 1 / 256, -128)
        m.node("SOFTMAX", [source], seen, kind="SoftmaxOptions", beta=1.0)
        outputs = []
        for place, (operator, *kind) in enumerate(steps):
            options: dict[str, Any] = SLOPE.get(operator, {})
            seen = m.node(operator, [seen], m.tensor(SHAPE, *kind), **options)
            if place == 0 and read_between == "the user":
                outputs.append(seen)
            if place == 0 and read_between == "a node":
                other = m.tensor(SHAPE, "int8", 1 / 256, -128)
                outputs.append(m.node("LOGISTIC", [seen], other))
        return source, [*outputs, seen]

    return build


FOLDED: dict[str, list[Step]] = {
    "two": [SWISH, LOGISTIC],
    "four": [("LEAKY_RELU", "int8", 0.006, 3), SWISH, ("RELU", "int8", 0.03, -90), LOGISTIC],
    "a rescale before": [("QUANTIZE", "int8", 0.007, -9), ("TANH", "int8", 1 / 128, 0)],
    "a rescale behind": [LOGISTIC, ("QUANTIZE", "int8", 0.01, -128)],
    "rescaled through float": [TO_FLOAT, ("QUANTIZE", "int8", 0.03, 5)],
    "through float and int16": [TO_FLOAT, ("QUANTIZE", "int16", 0.0003, 0), ("RELU", "int16", 0.001, 0),
                                ("QUANTIZE", "int8", 0.02, 0), SWISH],
}  # fmt: skip
KEPT: dict[str, list[Step]] = {
    "one": [LOGISTIC],
    "to float": [TO_FLOAT],
    "to int16": [("QUANTIZE", "int16", 0.0003, 0), ("LOGISTIC", "int16", 2**-15, 0)],
}


@pytest.mark.parametrize("name", FOLDED)
def test_folded(tmp_path: Path, name: str) -> None:
    graph = simplified(tmp_path, chain(FOLDED[name]), "fold-tables", qemu=name == "four")
    assert operators(graph) == ["SOFTMAX", "TABLE"]
    assert graph.nodes[1].attributes.made_of == tuple(step[0] for step in FOLDED[name])


@pytest.mark.parametrize("name", KEPT)
def test_kept(tmp_path: Path, name: str) -> None:
    graph = simplified(tmp_path, chain(KEPT[name]), "fold-tables")
    assert operators(graph) == ["SOFTMAX", *(step[0] for step in KEPT[name])]


@pytest.mark.parametrize("who", ["the user", "a node"])
def test_what_others_read_is_computed(tmp_path: Path, who: str) -> None:
    graph = simplified(tmp_path, chain([SWISH, LOGISTIC], who), "fold-tables")
    assert "TABLE" not in operators(graph)


def test_only_the_part_that_ends_in_int8(tmp_path: Path) -> None:
    graph = simplified(tmp_path, chain([SWISH, LOGISTIC, TO_FLOAT]), "fold-tables")
    assert operators(graph) == ["SOFTMAX", "TABLE", "DEQUANTIZE"]


def test_text(tmp_path: Path) -> None:
    """The dump says of what a table is made, not its 256 numbers."""
    graph = simplified(tmp_path, chain([SWISH, LOGISTIC]), "fold-tables")
    assert "  Attributes(made_of=('HARD_SWISH', 'LOGISTIC'))\n" in dump.text(graph)
