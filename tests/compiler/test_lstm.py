"""UNIDIRECTIONAL_SEQUENCE_LSTM: sequences and inferences after each other, byte for byte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import model_builder as mb
import numpy as np
import pytest
from layers_with_state import lstm
from tflm_check import check

from tinyml.codegen import program
from tinyml.errors import InputError

SHAPES: list[tuple[tuple[int, int, int], dict[str, Any]]] = [
    ((1, 1, 4), {}),
    ((1, 6, 4), {}),
    ((1, 3, 1), {"units": 2}),
    ((3, 4, 5), {}),
    ((4, 1, 5), {"time_major": True}),
    ((4, 3, 5), {"time_major": True, "units": 9}),
    ((1, 4, 8), {"cell_clip": 1.5}),
    ((1, 4, 8), {"cell_clip": 0.00001}),  # the cell is always 0
    ((1, 4, 8), {"cell_scale": 4.0}),
    ((1, 4, 8), {"cell_clip": 1e30, "cell_scale": 2.0**-15}),
    ((1, 4, 8), {"cell_scale": 2.0**-5}),
    ((1, 4, 8), {"cell_scale": 2.0**-13 * 1.0003}),  # near enough
    ((1, 4, 8), {"weights_scale": 0.5}),  # gates saturate
]


@pytest.mark.parametrize(("shape", "options"), SHAPES)
def test_int8(tmp_path: Path, shape: tuple[int, int, int], options: dict[str, Any]) -> None:
    """Each with one of three pairs of zero points, of the input and of the hidden state."""
    place = SHAPES.index((shape, options))
    zero_input, zero_hidden = ((-128, 127), (127, -128), (0, 5))[place % 3]

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        source = m.tensor(shape, "int8", 0.02, zero_input)
        return source, lstm(m, rng, source, shape, hidden=(1 / 128, zero_hidden), **options)

    check(tmp_path, build, seed=sum(shape), constant=frozen(options))


def frozen(options: dict[str, Any]) -> bool:
    """Whether the cell can only be 0."""
    return options.get("cell_clip", 1.0) < 1e-4 or options.get("cell_scale") == 4.0


@pytest.mark.parametrize(("shape", "options"), SHAPES)
def test_int16(tmp_path: Path, shape: tuple[int, int, int], options: dict[str, Any]) -> None:
    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        source = m.tensor(shape, "int16", 1e-4, 0)
        more = {"dtype": "int16", "input_scale": 1e-4, "hidden": (2.0**-15, 0), **options}
        if more.get("weights_scale"):
            more["weights_scale"] = 200.0
        return source, lstm(m, rng, source, shape, **more)

    check(tmp_path, build, seed=sum(shape), constant=frozen(options))


@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_two_layers_on_the_device(tmp_path: Path, dtype: str) -> None:
    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        hidden = (1 / 128, -3) if dtype == "int8" else (2.0**-15, 0)
        source = m.tensor((1, 3, 4), dtype, *hidden)
        more = {"dtype": dtype, "hidden": hidden, "input_scale": hidden[0]}
        first = lstm(m, rng, source, (1, 3, 4), **more)
        return source, lstm(m, rng, first, (1, 3, 5), units=3, **more)

    check(tmp_path, build, seed=7, samples=5, qemu=True)


def weights(**options: Any) -> Any:
    """Weights of another kind."""
    data = np.ones((5, 4), np.int8)
    return lambda m: m.tensor((5, 4), data=data, **{"scale": 0.01, **options})


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"count": 20}, "20 inputs"),
        ({"change": {1: -1}}, "lacks input 1"),
        ({"change": {9: weights()}}, "has input 9"),
        ({"change": {2: weights(scale=[0.01] * 5)}}, "has no single scale"),
        ({"change": {3: weights(zero_point=2)}}, "has zero point 2"),
        ({"change": {5: weights()}}, "(5, 4), not (5, 5)"),
        ({"change": {19: lambda m: m.variable((1, 5), "int8", 0.5)}}, "found int8"),
        ({"change": {18: lambda m: m.variable((1, 5), "int16", 0.5)}}, "is int16"),
        ({"change": {18: lambda m: m.variable((), "int8", 0.5)}}, "a hidden state ()"),
        ({"change": {18: lambda m: m.variable((2, 5), "int8", 0.5)}}, "(2, 5)"),
        ({"change": {14: lambda m: m.tensor((5,), "int64", data=np.ones(5))}}, "is int64"),
        ({"activation": 1}, "found RELU"),
        ({"cell_scale": 0.3}, "power of two"),
        ({"cell_scale": 8.0}, "power of two"),
        ({"weights_scale": 1e9}, "below 2^18"),
        ({"hidden": (1e-12, 0)}, "at least 2^-30"),
        ({"output": "int16", "hidden": (0.1, 0)}, "int8 and int16"),
    ],
)
def test_refused(tmp_path: Path, options: dict[str, Any], found: str) -> None:
    m = mb.ModelBuilder()
    source = m.tensor((1, 2, 4), "int8", 0.02, -3)
    target = lstm(m, np.random.default_rng(0), source, (1, 2, 4), **options)
    path = m.save(tmp_path / "model.tflite", [source], [target])
    with pytest.raises(InputError) as error:
        program.compile_model(path)
    assert found in str(error.value)


def test_refused_bias(tmp_path: Path) -> None:
    """A sum that would not fit 64 bits with its multiplier."""
    m = mb.ModelBuilder()
    source = m.tensor((1, 2, 4), "int16", 0.02)
    bias = m.tensor((5,), "int64", 0.01, data=np.full(5, 1 << 50))
    options: dict[str, Any] = {"dtype": "int16", "hidden": (0.1, 0), "change": {13: bias}}
    target = lstm(m, np.random.default_rng(0), source, (1, 2, 4), **options)
    path = m.save(tmp_path / "model.tflite", [source], [target])
    with pytest.raises(InputError, match="holds more"):
        program.compile_model(path)
