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


def swish(m: mb.ModelBuilder, rng: np.random.Generator, x: int) -> int:
    gate = m.node("LOGISTIC", [x], m.tensor(SHAPE, "int8", 1 / 256, -128))
    return m.node("MUL", [x, gate], m.tensor(SHAPE, "int8", 0.05, -120), kind="MulOptions")


def hard_swish_in_parts(m: mb.ModelBuilder, rng: np.random.Generator, x: int) -> int:
    """x * (relu6(x + 3) / 6)."""
    three = m.tensor((), "int8", 3 / 127, 0, data=np.array(127))
    sixth = m.tensor((1, 1), "int8", 1 / 6 / 255, -128, data=np.array([[127]]))
    moved, gate, product = (
        m.tensor(SHAPE, "int8", *q) for q in ((6 / 255, -128), (1 / 255, -128), (0.04, -110))
    )
    m.node("ADD", [three, x], moved, kind="AddOptions", fusedActivationFunction=3)
    m.node("MUL", [moved, sixth], gate, kind="MulOptions")
    return m.node("MUL", [gate, x], product, kind="MulOptions")


def square(m: mb.ModelBuilder, rng: np.random.Generator, x: int) -> int:
    return m.node("MUL", [x, x], m.tensor(SHAPE, "int8", 0.2, -128), kind="MulOptions")


def difference(m: mb.ModelBuilder, rng: np.random.Generator, x: int) -> int:
    """What a function changes, with a slope from a constant."""
    alpha = m.tensor((1, 1), "int8", 0.01, 3, data=np.array([[50]]))
    bent = m.node("PRELU", [x, alpha], m.tensor(SHAPE, "int8", 0.09, 2))
    return m.node("SUB", [bent, x], m.tensor(SHAPE, "int8", 0.05, 90), kind="SubOptions")


def limited(m: mb.ModelBuilder, rng: np.random.Generator, x: int) -> int:
    """Between two constants."""
    for operator, limit in (("MAXIMUM", -20), ("MINIMUM", 33)):
        bound = m.tensor((1,), "int8", 0.1, -10, data=np.array([limit]))
        x = m.node(operator, [x, bound], m.tensor(SHAPE, "int8", 0.1, -10))
    return x


@pytest.mark.parametrize("make", [swish, hard_swish_in_parts, square, difference, limited])
def test_arithmetic_of_one_value(tmp_path: Path, make) -> None:
    """Behind a LEAKY_RELU, which may be part of it, too, and a SOFTMAX that may not."""

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        source = m.tensor(SHAPE, "int8", 0.2, 3)
        first = m.tensor(SHAPE, "int8", 1 / 256, -128)
        m.node("SOFTMAX", [source], first, kind="SoftmaxOptions", beta=1.0)
        x = m.tensor(SHAPE, "int8", 0.1, -10)
        m.node("LEAKY_RELU", [source], x, kind="LeakyReluOptions", alpha=0.5)
        total = m.tensor(SHAPE, "int8", 0.3, 0)
        return source, m.node("ADD", [make(m, rng, x), first], total, kind="AddOptions")

    graph = simplified(tmp_path, build, "fold-tables")
    assert operators(graph) == ["SOFTMAX", "TABLE", "ADD"]
    assert graph.nodes[1].attributes.made_of[0] == "LEAKY_RELU"


def added(constant: tuple[int, ...], shape: tuple[int, ...] = SHAPE):
    """A sum with a constant of some shape."""

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        source = m.tensor(shape, "int8", 0.2, 3)
        other = m.tensor(constant, "int8", 0.1, 0, data=rng.integers(-128, 128, constant))
        return source, m.node(
            "ADD", [source, other], m.tensor(shape, "int8", 0.3, 0), kind="AddOptions"
        )

    return build


def test_a_sum_with_one_constant(tmp_path: Path) -> None:
    assert operators(simplified(tmp_path, added((1,)), "fold-tables")) == ["TABLE"]


@pytest.mark.parametrize(("constant", "shape"), [((60,), SHAPE), ((5, 1), SHAPE), ((1,), (1, 255))])
def test_a_sum_that_stays(
    tmp_path: Path, constant: tuple[int, ...], shape: tuple[int, ...]
) -> None:
    """A value a channel, a value a row, and fewer elements than a table has."""
    assert operators(simplified(tmp_path, added(constant, shape), "fold-tables")) == ["ADD"]


def test_a_constant_of_more_dimensions(tmp_path: Path) -> None:
    """The sum has another shape than the value that it is of."""

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        source = m.tensor((5, 60), "int8", 0.2, 3)
        other = m.tensor((1, 1, 1), "int8", 0.1, 0, data=np.array([[[77]]]))
        total = m.tensor(SHAPE, "int8", 0.3, 0)
        return source, m.node("ADD", [source, other], total, kind="AddOptions")

    assert operators(simplified(tmp_path, build, "fold-tables")) == ["ADD"]


def test_two_sources(tmp_path: Path) -> None:
    """What depends on two values is no table; the functions in front of it are."""

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[list[int], int]:
        sources = [m.tensor(SHAPE, "int8", 0.1, zero) for zero in (3, -5)]
        parts = [swish(m, rng, source) for source in sources]
        total = m.tensor(SHAPE, "int8", 0.1, 0)
        return sources, m.node("ADD", parts, total, kind="AddOptions")

    graph = simplified(tmp_path, build, "fold-tables")
    assert operators(graph) == ["TABLE", "TABLE", "ADD"]


def test_text(tmp_path: Path) -> None:
    """The dump says of what a table is made, not its 256 numbers."""
    graph = simplified(tmp_path, chain([SWISH, LOGISTIC]), "fold-tables")
    assert "  Attributes(made_of=('HARD_SWISH', 'LOGISTIC'))\n" in dump.text(graph)
