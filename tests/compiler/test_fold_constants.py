"""Nodes that read only constants: computed at export; where that cannot be, at run time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import model_builder as mb
import numpy as np
import pytest
from passes_check import operators, simplified
from tflm_check import check

from tinyml.codegen import program
from tinyml.errors import InputError
from tinyml.passes import constants

SHAPE = (1, 4, 4, 6)
Q = (0.05, -7)
Make = Callable[[mb.ModelBuilder, np.random.Generator, int], int]


def fixed(m: mb.ModelBuilder, rng: np.random.Generator, shape: tuple[int, ...] = SHAPE) -> int:
    """A constant, with both ends of its range."""
    data = rng.integers(-128, 128, shape)
    data.flat[:2] = -128, 127
    return m.tensor(shape, "int8", *Q, data=data)


def one(operator: str, *others: Any, q: tuple[float, int] = Q, **options: Any) -> Make:
    """A node of a constant and other constants: lists of numbers, or None for another of its kind."""

    def make(m: mb.ModelBuilder, rng: np.random.Generator, source: int) -> int:
        inputs = [source]
        for other in others:
            data = None if other is None else np.array(other, np.int32)
            inputs.append(
                fixed(m, rng) if data is None else m.tensor(data.shape, "int32", data=data)
            )
        return m.node(operator, inputs, m.tensor(SHAPE, "int8", *q), **options)

    return make


def through_float(m: mb.ModelBuilder, rng: np.random.Generator, source: int) -> int:
    real = m.node("DEQUANTIZE", [source], m.tensor(SHAPE, "float32"))
    return m.node("QUANTIZE", [real], m.tensor(SHAPE, "int8", 0.03, 5))


def convolved(m: mb.ModelBuilder, rng: np.random.Generator, source: int) -> int:
    first, shape = mb.convolution(m, rng, source, SHAPE, 6)
    return mb.convolution(m, rng, first, shape, 6, depthwise=True, input_scale=0.1)[0]


def taken_apart(m: mb.ModelBuilder, rng: np.random.Generator, source: int) -> int:
    """Cut into two, one of them turned and moved, and put together again."""
    half = (1, 4, 4, 3)
    axis = m.tensor((), "int32", data=np.array(3))
    parts = [m.tensor(half, "int8", *Q) for _ in range(2)]
    m.several("SPLIT", [axis, source], parts, kind="SplitOptions", numSplits=2)
    order = m.tensor((4,), "int32", data=np.array([0, 2, 1, 3]))
    turned = m.node("TRANSPOSE", [parts[0], order], m.tensor(half, "int8", *Q))
    joined = m.tensor(SHAPE, "int8", *Q)
    options = {"kind": "ConcatenationOptions", "axis": 3}
    return m.node("CONCATENATION", [turned, parts[1]], joined, **options)


def pooled(m: mb.ModelBuilder, rng: np.random.Generator, source: int) -> int:
    settings: dict[str, Any] = {"scale": Q[0], "zero_point": Q[1], "padding": "SAME"}
    return mb.pool(m, source, SHAPE, kind="MAX", stride=(1, 1), **settings)[0]


NODES: dict[str, Make] = {
    "RELU": one("RELU"),
    "LOGISTIC": one("LOGISTIC", q=(1 / 256, -128)),
    "SOFTMAX": one("SOFTMAX", q=(1 / 256, -128), kind="SoftmaxOptions", beta=1.0),
    "ADD": one("ADD", None, kind="AddOptions"),
    "MUL": one("MUL", None, kind="MulOptions", q=(0.1, 3)),
    "MAXIMUM": one("MAXIMUM", None),
    "RESHAPE": one("RESHAPE", [1, 4, 4, 6]),
    "QUANTIZE": one("QUANTIZE", q=(0.11, 3)),
    "CAST": one("CAST"),
    "through float": through_float,
    "convolutions": convolved,
    "taken apart": taken_apart,
    "pool": pooled,
}


@pytest.mark.parametrize("name", NODES)
def test_folded(tmp_path: Path, name: str) -> None:
    """What is made of a constant is added to the input."""

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        source = m.tensor(SHAPE, "int8", 0.1, 3)
        made = NODES[name](m, rng, fixed(m, rng))
        return source, m.node("ADD", [source, made], m.tensor(SHAPE, "int8", 0.2, 0))

    graph = simplified(tmp_path, build, "fold-constants")
    assert operators(graph) == ["ADD"]
    assert len(graph.constants()) == 1


@pytest.mark.parametrize("name", NODES)
def test_without_the_pass(tmp_path: Path, name: str) -> None:
    """Kernels read constants, too."""

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        source = m.tensor(SHAPE, "int8", 0.1, 3)
        made = NODES[name](m, rng, fixed(m, rng))
        return source, m.node("ADD", [source, made], m.tensor(SHAPE, "int8", 0.2, 0))

    check(tmp_path, build, seed=2, disabled=["fold-constants"])


@pytest.mark.parametrize("name", NODES)
def test_a_constant_output(tmp_path: Path, name: str) -> None:
    """The node that computes an output of the model stays, and only that one."""

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, list[int]]:
        source = m.tensor(SHAPE, "int8", 0.1, 3)
        other = m.node("RELU", [source], m.tensor(SHAPE, "int8", 0.1, 3))
        return source, [other, NODES[name](m, rng, fixed(m, rng))]

    graph = simplified(tmp_path, build, "fold-constants")
    assert len(graph.nodes) == 2


def test_a_shape_that_is_computed(tmp_path: Path) -> None:
    """A shape that another node makes of constants is as good as a constant one."""

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        source = m.tensor(SHAPE, "int8", 0.1, 3)
        sizes = [m.tensor((), "int32", data=np.array(size)) for size in (1, 96)]
        shape = m.node(
            "PACK", sizes, m.tensor((2,), "int32"), kind="PackOptions", valuesCount=2, axis=0
        )
        flat = m.node("RESHAPE", [source, shape], m.tensor((1, 96), "int8", 0.1, 3))
        return source, m.node("LOGISTIC", [flat], m.tensor((1, 96), "int8", 1 / 256, -128))

    check(tmp_path, build, seed=1)
    path = tmp_path / "model.tflite"
    assert operators(program.compile_model(path).graph) == ["RESHAPE", "LOGISTIC"]
    with pytest.raises(InputError, match="shape is constant"):
        program.compile_model(path, ["fold-constants"])


def dynamic_reshape(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
    """What Keras' Reshape becomes: the batch is read from the input's shape."""
    source = m.tensor(SHAPE, "int8", 0.1, 3)
    sizes = m.node("SHAPE", [source], m.tensor((4,), "int32"), kind="ShapeOptions", outType=2)
    first, one, two = (m.tensor((1,), "int32", data=np.array([n])) for n in (0, 1, 1))
    batch = m.tensor((), "int32")
    m.node(
        "STRIDED_SLICE",
        [sizes, first, one, two],
        batch,
        kind="StridedSliceOptions",
        shrinkAxisMask=1,
    )
    rest = m.tensor((), "int32", data=np.array(96))
    packed = m.tensor((2,), "int32")
    m.node("PACK", [batch, rest], packed, kind="PackOptions", valuesCount=2, axis=0)
    flat = m.node("RESHAPE", [source, packed], m.tensor((1, 96), "int8", 0.1, 3))
    return source, m.node("LOGISTIC", [flat], m.tensor((1, 96), "int8", 1 / 256, -128))


def test_a_shape_that_is_read_from_a_tensor(tmp_path: Path) -> None:
    check(tmp_path, dynamic_reshape, seed=1)
    found = program.compile_model(tmp_path / "model.tflite").graph
    assert operators(found) == ["RESHAPE", "LOGISTIC"]


def test_a_shape_as_an_output(tmp_path: Path) -> None:
    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, list[int]]:
        source = m.tensor((2, 3, 5), "int8", 0.1, 3)
        made = m.node("RELU", [source], m.tensor((2, 3, 5), "int8", 0.1, 3))
        return source, [
            made,
            m.node("SHAPE", [made], m.tensor((3,), "int32"), kind="ShapeOptions", outType=2),
        ]

    check(tmp_path, build, seed=1)


def test_too_much_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "_MOST_WORK", 4 * 4 * 6 - 1)

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        source = m.tensor(SHAPE, "int8", 0.1, 3)
        made = NODES["RELU"](m, rng, fixed(m, rng))
        return source, m.node("ADD", [source, made], m.tensor(SHAPE, "int8", 0.2, 0))

    assert operators(simplified(tmp_path, build, "fold-constants")) == ["RELU", "ADD"]


def test_a_broken_rule_is_told(tmp_path: Path) -> None:
    m = mb.ModelBuilder()
    rng = np.random.default_rng(1)
    source = m.tensor(SHAPE, "int8", 0.1, 3)
    wrong = m.node("LOGISTIC", [fixed(m, rng)], m.tensor(SHAPE, "int8", 0.5, 0))
    last = m.node("ADD", [source, wrong], m.tensor(SHAPE, "int8", 0.2, 0), kind="AddOptions")
    path = m.save(tmp_path / "model.tflite", [source], [last])
    with pytest.raises(InputError, match=r"node 0 LOGISTIC .*scale 1/256"):
        program.compile_model(path)


def test_weights_stored_as_int8_in_a_float_model(tmp_path: Path) -> None:
    """The model is float, though its weights are not; the error says so."""
    m = mb.ModelBuilder()
    rng = np.random.default_rng(1)
    source, last = m.tensor((1, 4), "float32"), m.tensor((1, 3), "float32")
    stored = m.tensor((3, 4), "int8", 0.01, data=rng.integers(-127, 128, (3, 4)))
    weights = m.node("DEQUANTIZE", [stored], m.tensor((3, 4), "float32"))
    m.node("FULLY_CONNECTED", [source, weights], last, kind="FullyConnectedOptions")
    path = m.save(tmp_path / "model.tflite", [source], [last])
    with pytest.raises(InputError, match=r"FULLY_CONNECTED .*float32.*quantize the model first"):
        program.compile_model(path)
