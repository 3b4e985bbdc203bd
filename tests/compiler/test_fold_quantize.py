"""Conversions to other units or types and back: gone where every value comes back, kept where not."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import model_builder as mb
import numpy as np
import pytest
from passes_check import operators, simplified

from tinyml.codegen import program

SHAPE = (1, 5, 60)
Kind = tuple[str, Optional[float], int]  # type, scale, zero point
FLOAT: Kind = ("float32", None, 0)


def tensor(m: mb.ModelBuilder, kind: Kind) -> int:
    return m.tensor(SHAPE, *kind)


def units_of(m: mb.ModelBuilder, index: int) -> Kind:
    """The kind of an int8 tensor."""
    q = m.tensors[index].quantization
    return "int8", float(q.scale[0]), int(q.zeroPoint[0])


def converted(m: mb.ModelBuilder, source: int, kinds: list[Kind]) -> int:
    """The source as each kind in turn."""
    for kind in kinds:
        operator = "DEQUANTIZE" if kind == FLOAT else "QUANTIZE"
        source = m.node(operator, [source], tensor(m, kind))
    return source


def between(kinds: list[Kind], dtype: str = "int8"):
    """RELU, which is an output, too, -> conversions -> LEAKY_RELU."""
    units: Kind = (dtype, 0.05, 0 if dtype == "int16" else -7)

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, list[int]]:
        source = tensor(m, (dtype, 0.06, 0 if dtype == "int16" else 3))
        first = m.node("RELU", [source], tensor(m, units))
        seen = converted(m, first, kinds)
        last = tensor(m, (dtype, 0.04, 0))
        m.node("LEAKY_RELU", [seen], last, kind="LeakyReluOptions", alpha=0.3)
        return source, [first, last]

    return build


SAME: Kind = ("int8", 0.05, -7)
WIDE: Kind = ("int16", 0.05, 0)
FOLDED: dict[str, tuple[list[Kind], str]] = {
    "to the same units": ([SAME], "int8"),
    "through float": ([FLOAT, SAME], "int8"),
    "through float, twice": ([FLOAT, SAME, FLOAT, SAME], "int8"),
    "through uint8": ([("uint8", 0.05, 121), SAME], "int8"),
    "through finer int16": ([("int16", 0.001, 5), SAME], "int8"),
    "through int16 and float": ([("int16", 0.001, 0), FLOAT, SAME], "int8"),
    "int16 to the same units": ([WIDE], "int16"),
    "int16 through float": ([FLOAT, WIDE], "int16"),
}
KEPT: dict[str, tuple[list[Kind], str]] = {
    "to another scale": ([("int8", 0.07, -7)], "int8"),
    "to another zero point": ([FLOAT, ("int8", 0.05, -6)], "int8"),
    "through coarser int8": ([("int8", 0.11, -7), SAME], "int8"),
    "through fewer values": ([("int8", 0.05, -100), SAME], "int8"),
    "int16 through int8": ([SAME, WIDE], "int16"),
}


@pytest.mark.parametrize("name", FOLDED)
def test_folded(tmp_path: Path, name: str) -> None:
    kinds, dtype = FOLDED[name]
    graph = simplified(
        tmp_path, between(kinds, dtype), "fold-quantize", qemu=name == "through float"
    )
    assert operators(graph) == ["RELU", "LEAKY_RELU"]


@pytest.mark.parametrize("name", KEPT)
def test_kept(tmp_path: Path, name: str) -> None:
    kinds, dtype = KEPT[name]
    simplified(tmp_path, between(kinds, dtype), "fold-quantize")
    graph = program.compile_model(tmp_path / "model.tflite", ["fold-tables"]).graph
    assert len(graph.nodes) == 2 + len(kinds)


def test_an_output_that_is_converted_is_computed_at_once(tmp_path: Path) -> None:
    """The model's output keeps its name; what it was converted from goes."""

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, list[int]]:
        source = tensor(m, ("int8", 0.06, 3))
        first = m.node("RELU", [source], tensor(m, SAME))
        named = m.tensor(SHAPE, *SAME, name="result")
        other = m.node("LOGISTIC", [first], tensor(m, ("int8", 1 / 256, -128)))
        return source, [m.node("QUANTIZE", [first], named), other]

    graph = simplified(tmp_path, build, "fold-quantize")
    assert operators(graph) == ["RELU", "LOGISTIC"]
    assert graph.tensors[graph.outputs[0]].name == "result"


@pytest.mark.parametrize("also", ["input", "output"])
def test_both_ends_of_the_model(tmp_path: Path, also: str) -> None:
    """A conversion from the model's input, or another output, to an output cannot go."""

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, list[int]]:
        source = first = tensor(m, SAME)
        if also == "output":
            first = m.node("LOGISTIC", [source], tensor(m, ("int8", 1 / 256, -128)))
        last = m.node("QUANTIZE", [first], tensor(m, units_of(m, first)))
        return source, [last] if also == "input" else [first, last]

    graph = simplified(tmp_path, build, "fold-quantize")
    assert operators(graph)[-1] == "QUANTIZE"


def test_what_others_read_stays(tmp_path: Path) -> None:
    """The float values are an output of the model; only the way back from them goes."""

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, list[int]]:
        source = tensor(m, SAME)
        real = m.node("DEQUANTIZE", [source], tensor(m, FLOAT))
        back = m.node("QUANTIZE", [real], tensor(m, SAME))
        return source, [real, m.node("LOGISTIC", [back], tensor(m, ("int8", 1 / 256, -128)))]

    graph = simplified(tmp_path, build, "fold-quantize")
    assert operators(graph) == ["DEQUANTIZE", "LOGISTIC"]
    assert graph.nodes[1].inputs == graph.inputs
