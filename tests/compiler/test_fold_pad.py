"""PAD in front of convolutions: they pad themselves, wherever that gives the same bytes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import model_builder as mb
import numpy as np
import pytest
from passes_check import operators, simplified

Pairs = tuple[tuple[int, int], ...]
SHAPE = (1, 6, 7, 3)


@dataclass(frozen=True)
class Case:
    """A border around rows and columns and the convolution behind it; what can go wrong with both."""

    border: Pairs = ((1, 1), (1, 1))
    options: tuple[tuple[str, Any], ...] = (("padding", "VALID"),)
    dtype: str = "int8"
    operator: str = "PAD"
    value: int | None = None  # of PADV2
    others: Pairs = ((0, 0), (0, 0))  # the border of batches and channels
    also: str = ""  # what else reads the padded image: a pool, or the model's user


def bordered(
    m: mb.ModelBuilder, source: int, shape: tuple[int, ...], case: Case, zero_point: int
) -> tuple[int, tuple[int, ...]]:
    """Append the border; returns its output and shape."""
    pairs = (case.others[0], *case.border, case.others[1])
    shape = tuple(n + before + after for n, (before, after) in zip(shape, pairs))
    inputs = [source, m.tensor((4, 2), "int32", data=np.array(pairs))]
    if case.value is not None:
        inputs.append(m.tensor((1,), case.dtype, 0.05, zero_point, data=np.array([case.value])))
    output = m.tensor(shape, case.dtype, 0.05, zero_point)
    return m.node(case.operator, inputs, output), shape


def network(case: Case):
    """Border -> convolution."""

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, list[int]]:
        zero_point = 0 if case.dtype == "int16" else -7
        source = m.tensor(SHAPE, case.dtype, 0.05, zero_point)
        padded, shape = bordered(m, source, SHAPE, case, zero_point)
        options = {"channels": 6, **dict(case.options)}
        bias = "int64" if case.dtype == "int16" else "int32"
        last, _ = mb.convolution(
            m, rng, padded, shape, dtype=case.dtype, bias_type=bias,
            zero_point=0 if case.dtype == "int16" else 5, **options,
        )  # fmt: skip
        outputs = [last]
        if case.also == "pool":
            outputs.append(
                mb.pool(m, padded, shape, scale=0.05, zero_point=zero_point, dtype=case.dtype)[0]
            )
        return source, outputs + [padded] * (case.also == "user")

    return build


def options(**given: Any) -> tuple[tuple[str, Any], ...]:
    return tuple({"padding": "VALID", **given}.items())


FOLDED = {
    "plain": Case(),
    "stride 2, as Keras pads": Case(((0, 1), (0, 1)), options(stride=(2, 2))),
    "one side each": Case(((2, 0), (0, 2))),
    "more than the window needs": Case(((1, 1), (1, 2)), options(stride=(3, 3))),
    "depthwise": Case(options=options(depthwise=True, channels=3)),
    "depthwise, multiplier": Case(((2, 1), (0, 2)), options(depthwise=True)),
    "dilation": Case(((4, 4), (3, 2)), options(dilation=(2, 2))),
    "groups": Case(options=options(groups=3)),
    "a border in a border": Case(((1, 0), (0, 1)), options(padding="SAME")),
    "only rows": Case(((1, 1), (0, 0)), options(window=(3, 1))),
    "int16": Case(((2, 1), (1, 0)), dtype="int16"),
    "int16 depthwise": Case(dtype="int16", options=options(depthwise=True)),
    "PADV2 of the zero point": Case(operator="PADV2", value=-7),
    "PADV2 of int16": Case(operator="PADV2", value=0, dtype="int16"),
    "PADV2 without a value": Case(operator="PADV2"),
}
KEPT = {
    "another value": Case(operator="PADV2", value=-8),
    "channels": Case(others=((0, 0), (0, 1))),
    "a pool reads it": Case(also="pool"),
    "the user reads it": Case(also="user"),
    "wider than the window": Case(((3, 0), (0, 0))),
    "a pixel": Case(options=options(window=(1, 1))),
}


@pytest.mark.parametrize("name", FOLDED)
def test_folded(tmp_path: Path, name: str) -> None:
    graph = simplified(tmp_path, network(FOLDED[name]), "fold-pad", qemu=name == "plain")
    assert len(operators(graph)) == 1


@pytest.mark.parametrize("name", KEPT)
def test_kept(tmp_path: Path, name: str) -> None:
    graph = simplified(tmp_path, network(KEPT[name]), "fold-pad")
    assert operators(graph)[0] == KEPT[name].operator
    assert graph.view(1).attributes.padding == "VALID"


def test_several_readers_and_borders(tmp_path: Path) -> None:
    """Two borders around each other, the outer one read by two convolutions."""

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, list[int]]:
        source = m.tensor(SHAPE, scale=0.05, zero_point=-7)
        inner, shape = bordered(m, source, SHAPE, Case(((1, 0), (1, 0))), -7)
        outer, shape = bordered(m, inner, shape, Case(((0, 1), (0, 1))), -7)
        settings: dict[str, Any] = {"window": (3, 3), "padding": "VALID"}
        return source, [
            mb.convolution(m, rng, outer, shape, channels, depthwise=depthwise, **settings)[0]
            for channels, depthwise in ((4, False), (3, True))
        ]

    graph = simplified(tmp_path, build, "fold-pad")
    assert operators(graph) == ["CONV_2D", "DEPTHWISE_CONV_2D"]
    assert {node.attributes.padding for node in graph.nodes} == {((1, 1), (1, 1))}


@pytest.mark.parametrize("dead", ["at the zero point", "at 127"])
def test_constant_channels_behind_a_folded_border(tmp_path: Path, dead: str) -> None:
    """A channel that is the same for every input is removed only where the padding has its value, too."""

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        source = m.tensor(SHAPE, scale=0.05, zero_point=-7)
        first, _ = mb.convolution(
            m, rng, source, SHAPE, 8, dead=4, window=(1, 1), activation="RELU", zero_point=-128
        )
        stored = m._graph.operators[-1]
        buffer = m._model.buffers[m._graph.tensors[stored.inputs[2]].buffer]
        values = buffer.data.view(np.int32).copy()
        values[:4] = -(1 << 24) if dead == "at the zero point" else 1 << 24
        buffer.data = values.view(np.uint8)
        padded = m.tensor((1, 8, 9, 8), scale=0.1, zero_point=-128)
        widths = m.tensor((4, 2), "int32", data=np.array([0, 0, 1, 1, 1, 1, 0, 0]))
        m.node("PAD", [first, widths], padded)
        last, _ = mb.convolution(m, rng, padded, (1, 8, 9, 8), 3, padding="VALID", input_scale=0.1)
        return source, last

    graph = simplified(tmp_path, build, "fold-pad")
    assert operators(graph) == ["CONV_2D", "CONV_2D"]
    assert graph.view(0).output.shape[-1] == (4 if dead == "at the zero point" else 8)
