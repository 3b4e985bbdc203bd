"""Activations behind nodes that can apply them: one rounding instead of two only where it is the same."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import model_builder as mb
import numpy as np
import pytest
from passes_check import operators, simplified

SHAPE = (1, 6, 6, 4)


@dataclass(frozen=True)
class Case:
    """A node, with an activation or without, and a function of what it computes."""

    before: str = "CONV_2D"
    fused: str = "NONE"
    function: str = "RELU"
    units: tuple[float, int] = (0.05, -7)
    after: tuple[float, int] | None = None  # the function's units, by default the same
    dtype: str = "int8"
    alpha: float = 0.0
    also: str = ""  # what else reads what is between


def computed(
    m: mb.ModelBuilder, rng: np.random.Generator, case: Case, sources: list[int]
) -> tuple[int, tuple[int, ...]]:
    """The node before the function; returns its output and shape."""
    source, scale, zero = sources[0], *case.units
    wide = case.dtype == "int16"
    common: dict[str, Any] = {"activation": case.fused, "dtype": case.dtype}
    scaled = {"input_scale": scale, "output_scale": scale, "zero_point": zero}
    if case.before in ("CONV_2D", "DEPTHWISE_CONV_2D"):
        scaled["depthwise"] = case.before == "DEPTHWISE_CONV_2D"
        bias = "int64" if wide else "int32"
        return mb.convolution(m, rng, source, SHAPE, 4, bias_type=bias, **scaled, **common)
    if case.before == "FULLY_CONNECTED":
        return mb.dense(m, rng, source, 144, 20, **scaled, **common), (1, 20)
    if case.before.endswith("POOL_2D"):
        kind = case.before.partition("_")[0]
        return mb.pool(m, source, SHAPE, kind=kind, scale=scale, zero_point=zero, **common)
    output = m.tensor(SHAPE, case.dtype, scale, zero)
    if case.before == "SOFTMAX":
        return m.node("SOFTMAX", [source], output, kind="SoftmaxOptions", beta=1.0), SHAPE
    if case.before == "TRANSPOSE_CONV":
        return transposed(m, rng, case, source, output), SHAPE
    code = mb.ACTIVATIONS[case.fused]
    kind = f"{case.before.title()}Options"
    return m.node(case.before, sources, output, kind=kind, fusedActivationFunction=code), SHAPE


def transposed(
    m: mb.ModelBuilder, rng: np.random.Generator, case: Case, source: int, output: int
) -> int:
    shape = (4, 3, 3, 4)
    data = rng.integers(-127, 128, shape)
    weights = m.tensor(shape, scale=[0.003, 0.004, 0.005, 0.006], data=data)
    sizes = m.tensor((4,), "int32", data=np.array(SHAPE))
    return m.node(
        "TRANSPOSE_CONV", [sizes, weights, source], output, kind="TransposeConvOptions",
        padding=mb.PADDINGS["SAME"], strideH=1, strideW=1,
        fusedActivationFunction=mb.ACTIVATIONS[case.fused],
    )  # fmt: skip


def network(case: Case):
    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[list[int], list[int]]:
        count = 2 if case.before in ("ADD", "SUB", "MUL") else 1
        sources = [m.tensor(SHAPE, case.dtype, *case.units) for _ in range(count)]
        between, shape = computed(m, rng, case, sources)
        last = m.tensor(shape, case.dtype, *(case.after or case.units))
        options: dict[str, Any] = {}
        if case.function == "LEAKY_RELU":
            options = {"kind": "LeakyReluOptions", "alpha": case.alpha}
        outputs = [m.node(case.function, [between], last, **options)]
        if case.also == "a node":
            other = m.tensor(shape, case.dtype, *case.units)
            outputs.append(
                m.node("LEAKY_RELU", [between], other, kind="LeakyReluOptions", alpha=0.5)
            )
        return sources, outputs + [between] * (case.also == "the user")

    return build


CLAMPING = [
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "FULLY_CONNECTED",
    "ADD",
    "SUB",
    "MUL",
    "TRANSPOSE_CONV",
]
CLAMPING += ["AVERAGE_POOL_2D", "MAX_POOL_2D"]
FOLDED: dict[str, tuple[Case, str]] = {
    **{f"{before}, RELU": (Case(before), "RELU") for before in CLAMPING},
    **{f"{before}, RELU6": (Case(before, function="RELU6"), "RELU6") for before in CLAMPING},
    "int16": (Case(units=(0.001, 0), dtype="int16"), "RELU"),
    "int16, RELU6": (Case("ADD", units=(0.001, 0), function="RELU6", dtype="int16"), "RELU6"),
    "nothing to clamp": (Case(units=(0.05, -128)), "NONE"),
    "nothing left to clamp": (Case(fused="RELU"), "RELU"),
    "RELU, then RELU6": (Case(fused="RELU", function="RELU6"), "RELU6"),
    "6 is out of range": (Case(units=(0.02, -7), function="RELU6"), "RELU"),
    "no slope": (Case(function="LEAKY_RELU"), "RELU"),
    "a slope of 1": (Case(function="LEAKY_RELU", alpha=1.0), "NONE"),
}
KEPT: dict[str, Case] = {
    "another scale": Case(after=(0.06, -7)),
    "half the scale": Case(after=(0.025, -7)),
    "another zero point": Case(after=(0.05, -128)),
    "RELU6, another scale": Case(function="RELU6", after=(0.06, -7)),
    "int16, another scale": Case(units=(0.001, 0), after=(0.0011, 0), dtype="int16"),
    "a slope": Case(function="LEAKY_RELU", alpha=0.1),
    "from 0 to 1": Case(fused="RELU_N1_TO_1", function="RELU"),
    "a node that clamps nothing": Case("SOFTMAX", units=(1 / 256, -128), function="RELU6"),
    "another node reads it": Case(also="a node"),
    "the user reads it": Case(also="the user"),
}


@pytest.mark.parametrize("name", FOLDED)
def test_folded(tmp_path: Path, name: str) -> None:
    case, activation = FOLDED[name]
    graph = simplified(tmp_path, network(case), "fold-activations")
    assert operators(graph) == [case.before]
    assert graph.nodes[0].attributes.activation == activation


@pytest.mark.parametrize("name", KEPT)
def test_kept(tmp_path: Path, name: str) -> None:
    graph = simplified(tmp_path, network(KEPT[name]), "fold-activations")
    assert operators(graph)[:2] == [KEPT[name].before, KEPT[name].function]
    before = graph.nodes[0].attributes
    assert getattr(before, "activation", "NONE") == KEPT[name].fused


def test_one_after_the_other(tmp_path: Path) -> None:
    """RELU and then RELU6, both behind a convolution."""

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        source = m.tensor(SHAPE, "int8", 0.05, -7)
        first, shape = mb.convolution(m, rng, source, SHAPE, 4)
        second = m.node("RELU", [first], m.tensor(shape, "int8", 0.1, 3))
        return source, m.node("RELU6", [second], m.tensor(shape, "int8", 0.1, 3))

    graph = simplified(tmp_path, build, "fold-activations")
    assert operators(graph) == ["CONV_2D"]
    assert graph.nodes[0].attributes.activation == "RELU6"


def test_a_maximum_with_zero(tmp_path: Path) -> None:
    """A rectifier by another name."""

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        source = m.tensor(SHAPE, "int8", 0.05, -7)
        first, shape = mb.convolution(m, rng, source, SHAPE, 4)
        zero = m.tensor((1,), "int8", 0.1, 3, data=np.array([3]))
        return source, m.node("MAXIMUM", [zero, first], m.tensor(shape, "int8", 0.1, 3))

    graph = simplified(tmp_path, build, "fold-activations")
    assert operators(graph) == ["CONV_2D"]
    assert graph.nodes[0].attributes.activation == "RELU"
