"""Functions of one value: every int8 input, and int16 inputs over the range, byte for byte."""

from __future__ import annotations

from pathlib import Path

import model_builder as mb
import numpy as np
import pytest
from tflm_check import check

from tinyml.codegen import program
from tinyml.errors import InputError

QUANTIZATIONS = [(0.05, -128), (0.1, 127), (0.003, 5), (1.5, -20), (0.0226, 0)]
FIXED_OUTPUTS = {"LOGISTIC": (1 / 256, -128), "TANH": (1 / 128, 0)}


def fan_out(
    tmp_path: Path,
    operators: list[tuple[str, dict, tuple[float, int]]],
    dtype: str,
    quantization: tuple[float, int],
    elements: int = 1000,
    qemu: bool = False,
) -> None:
    """One input, a node for each (operator, options, output quantization)."""

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, list[int]]:
        source = m.tensor((1, elements), dtype, *quantization)
        outputs = []
        for operator, options, output in operators:
            target = m.tensor((1, elements), dtype, *output)
            outputs.append(m.node(operator, [source], target, **options))
        return source, outputs

    check(tmp_path, build, seed=elements, samples=5, qemu=qemu)


@pytest.mark.parametrize("quantization", QUANTIZATIONS)
def test_int8(tmp_path: Path, quantization: tuple[float, int]) -> None:
    scale, zero_point = quantization
    outputs = [(scale, zero_point), (scale * 0.7, -128), (scale * 3.1, 30), (scale / 40, 127)]
    operators: list[tuple[str, dict, tuple[float, int]]] = []
    for output in outputs:
        operators += [(operator, {}, output) for operator in ("RELU", "RELU6", "ELU", "HARD_SWISH")]
        for alpha in (0.1, 0.0, 1.7, -0.3):
            options = {"kind": "LeakyReluOptions", "alpha": alpha}
            operators.append(("LEAKY_RELU", options, output))
    operators += [(operator, {}, output) for operator, output in FIXED_OUTPUTS.items()]
    fan_out(tmp_path, operators, "int8", quantization)


@pytest.mark.parametrize("scale", [1e-7, 0.0004, 0.01, 0.2, 7.9, 20.0, 3000.0])
def test_int8_scales(tmp_path: Path, scale: float) -> None:
    """The functions with an intrinsic range, from inputs that hardly move to inputs that jump over it."""
    operators = [(operator, {}, output) for operator, output in FIXED_OUTPUTS.items()]
    for size in (1.0, 0.01, 30.0):
        operators += [(operator, {}, (scale * size, -3)) for operator in ("ELU", "HARD_SWISH")]
    fan_out(tmp_path, operators, "int8", (scale, -7))


@pytest.mark.parametrize("scale", [2**-12, 2**-11, 1 / 3276.8, 0.00001, 0.01, 2.6, 1e-8])
def test_int16(tmp_path: Path, scale: float) -> None:
    operators = [(operator, {}, (2**-15, 0)) for operator in ("LOGISTIC", "TANH")]
    for output in (scale, scale * 0.6, scale * 100):
        operators += [(operator, {}, (output, 0)) for operator in ("RELU", "RELU6")]
        for alpha in (0.1, 2.5, -0.3):
            options = {"kind": "LeakyReluOptions", "alpha": alpha}
            operators.append(("LEAKY_RELU", options, (output, 0)))
    fan_out(tmp_path, operators, "int16", (scale, 0), elements=4000)


def test_on_the_device(tmp_path: Path) -> None:
    operators = [(operator, {}, output) for operator, output in FIXED_OUTPUTS.items()]
    operators += [("RELU", {}, (0.05, 4)), ("HARD_SWISH", {}, (0.05, 4))]
    fan_out(tmp_path, operators, "int8", (0.05, 4), elements=64, qemu=True)


def test_on_the_device_int16(tmp_path: Path) -> None:
    operators = [(operator, {}, (2**-15, 0)) for operator in ("LOGISTIC", "TANH")]
    options = {"kind": "LeakyReluOptions", "alpha": 0.2}
    operators += [("LEAKY_RELU", options, (0.001, 0)), ("RELU6", {}, (0.001, 0))]
    fan_out(tmp_path, operators, "int16", (0.001, 0), elements=64, qemu=True)


@pytest.mark.parametrize("dtype", ["int8", "int16"])
@pytest.mark.parametrize("operator", ["RELU", "LOGISTIC", "TANH", "LEAKY_RELU"])
def test_in_place(tmp_path: Path, operator: str, dtype: str) -> None:
    """Input, middle value and output have the same memory."""
    zero = 0 if dtype == "int16" else 9

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        source = m.tensor((3, 5), dtype, 0.01, zero)
        middle = m.tensor((3, 5), dtype, 0.01, zero)
        output = (2**-15, 0) if dtype == "int16" else FIXED_OUTPUTS.get(operator, (0.01, 3))
        target = m.tensor((3, 5), dtype, *output)
        m.node("RELU", [source], middle)
        return source, m.node(operator, [middle], target)

    directory = check(tmp_path, build, seed=3)
    size = 32 if dtype == "int16" else 16
    assert f"MODEL_ARENA_BYTES {size} " in (directory / "model.h").read_text()


@pytest.mark.parametrize(
    ("operator", "dtype", "quantization", "output", "found"),
    [
        ("LOGISTIC", "int8", (0.1, 0), (1 / 256, 0), "scale 0.00390625, zero point 0"),
        ("TANH", "int16", (0.1, 0), (2**-14, 0), "scale 6.10352e-05"),
        ("TANH", "int16", (0.1, 1), (2**-15, 0), "has zero point 1"),
        ("LOGISTIC", "int16", (3.0, 0), (2**-15, 0), "found 3"),
        ("RELU", "int8", (0.1, 0), (1e-9, 0), "1e+08"),
        ("HARD_SWISH", "int8", (1.0, 0), (0.001, 0), "1 and 0.001"),
        ("ELU", "int16", (0.1, 0), (0.1, 0), "is int16"),
        ("RELU", "float32", (0.1, 0), (0.1, 0), "is float32"),
    ],
)
def test_refused(
    tmp_path: Path,
    operator: str,
    dtype: str,
    quantization: tuple[float, int],
    output: tuple[float, int],
    found: str,
) -> None:
    m = mb.ModelBuilder()
    source = m.tensor((1, 4), dtype, *quantization)
    target = m.tensor((1, 4), dtype, *output)
    m.node(operator, [source], target)
    path = m.save(tmp_path / "model.tflite", [source], [target])
    with pytest.raises(InputError) as error:
        program.compile_model(path)
    assert found in str(error.value)
