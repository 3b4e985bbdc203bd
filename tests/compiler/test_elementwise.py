"""Operators of two operands: shapes that broadcast, constants, scales, activations, byte for byte."""

from __future__ import annotations

from pathlib import Path

import model_builder as mb
import numpy as np
import pytest
from tflm_check import check

from tinyml.codegen import program
from tinyml.errors import InputError

OPTIONS = {"ADD": "AddOptions", "SUB": "SubOptions", "MUL": "MulOptions"}
SHAPES = [
    # first, second: of equal rank, of different rank, both repeated, scalars
    ((1, 5, 3, 4), (1, 5, 3, 4)),
    ((1, 5, 3, 4), (4,)),
    ((1, 5, 3, 4), (1, 5, 3, 1)),
    ((1, 1, 3, 1), (1, 5, 3, 7)),
    ((1, 5, 1, 7), (5, 3, 1)),
    ((1, 9), (1, 1)),
    ((), (1, 2, 3)),
    ((1, 2, 1, 3, 1, 2), (1, 1, 5, 1, 4, 1)),
]
SCALES = [(0.1, 0.1, 0.2), (0.01, 0.3, 0.25), (0.2, 0.05, 0.01), (0.5, 0.00001, 0.004)]
ZERO_POINTS = [(-128, 127, 0), (127, -3, -128), (0, -128, 127), (5, 6, -7)]
ACTIVATIONS = ["NONE", "RELU", "RELU6", "RELU_N1_TO_1"]


def pair(
    m: mb.ModelBuilder,
    rng: np.random.Generator,
    operator: str,
    shapes: tuple[tuple[int, ...], tuple[int, ...]],
    *,
    dtype: str = "int8",
    scales: tuple[float, float, float] = SCALES[0],
    zero_points: tuple[int, int, int] = (0, 0, 0),
    activation: str = "NONE",
    constant: int | None = None,
) -> tuple[list[int], int]:
    """A node of two operands, of which one may be constant; returns the model's inputs and the output."""
    limits = np.iinfo(dtype)
    operands = []
    for position, shape in enumerate(shapes):
        data = rng.integers(limits.min, limits.max + 1, shape) if position == constant else None
        operands.append(m.tensor(shape, dtype, scales[position], zero_points[position], data=data))
    output = m.tensor(np.broadcast_shapes(*shapes), dtype, scales[2], zero_points[2])
    options = {"kind": OPTIONS[operator]} if operator in OPTIONS else {}
    if options:
        options["fusedActivationFunction"] = mb.ACTIVATIONS[activation]
    m.node(operator, operands, output, **options)
    return [t for i, t in enumerate(operands) if i != constant], output


@pytest.mark.parametrize("dtype", ["int8", "int16"])
@pytest.mark.parametrize("operator", ["ADD", "SUB", "MUL", "MAXIMUM", "MINIMUM"])
@pytest.mark.parametrize("case", range(len(SHAPES)))
def test_shapes(tmp_path: Path, operator: str, case: int, dtype: str) -> None:
    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[list[int], int]:
        zero_points = ZERO_POINTS[case % 4] if dtype == "int8" else (0, 0, 0)
        constant = (None, 1, 0)[case % 3]
        return pair(
            m, rng, operator, SHAPES[case], dtype=dtype, zero_points=zero_points, constant=constant
        )

    check(tmp_path, build, seed=case)


@pytest.mark.parametrize("dtype", ["int8", "int16"])
@pytest.mark.parametrize("operator", ["ADD", "SUB", "MUL"])
@pytest.mark.parametrize("case", range(4))
@pytest.mark.parametrize("turn", range(2))
def test_arithmetic(tmp_path: Path, operator: str, case: int, turn: int, dtype: str) -> None:
    """Scales that differ much, zero points at the ends, every activation."""

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[list[int], int]:
        small = 1 if dtype == "int8" else 1 / 200
        return pair(
            m, rng, operator, ((1, 40, 7), (1, 40, 7)),
            dtype=dtype,
            scales=tuple(scale * small for scale in SCALES[case]),
            zero_points=ZERO_POINTS[(case + turn) % 4] if dtype == "int8" else (0, 0, 0),
            activation=ACTIVATIONS[(case + 2 * turn + 1) % 4],
        )  # fmt: skip

    # Nothing is above zero point 127, and no product of opposite signs above 0.
    zero_points = ZERO_POINTS[(case + turn) % 4]
    low = zero_points[2] == 127 or (operator == "MUL" and zero_points[:2] == (-128, 127))
    rectified = ACTIVATIONS[(case + 2 * turn + 1) % 4] in ("RELU", "RELU6")
    constant = dtype == "int8" and low and rectified
    check(tmp_path, build, seed=case, constant=constant)


def test_products_of_different_scales(tmp_path: Path) -> None:
    """MUL with a left shift, and one so small that every product counts as 0."""

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[list[int], list[int]]:
        large, first = pair(m, rng, "MUL", ((1, 50), (1, 50)), scales=(3.0, 2.0, 0.05))
        small, second = pair(m, rng, "MUL", ((1, 50), (1, 50)), scales=(1e-6, 1e-6, 3.0))
        return large + small, [first, second]

    check(tmp_path, build, seed=1)


@pytest.mark.parametrize("dtype", ["int8", "int16"])
@pytest.mark.parametrize(
    ("shape", "alpha"), [((1, 5, 3, 4), (4,)), ((1, 5, 3, 4), (1, 1, 1)), ((1, 6), (1, 6))]
)
@pytest.mark.parametrize("case", range(4))
def test_prelu(
    tmp_path: Path, shape: tuple[int, ...], alpha: tuple[int, ...], case: int, dtype: str
) -> None:
    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[list[int], int]:
        zero_points = ZERO_POINTS[case] if dtype == "int8" else (0, -9, 0)
        source = m.tensor(shape, dtype, SCALES[case][0], zero_points[0])
        data = None if case == 3 else rng.integers(-128, 128, alpha)
        slope = m.tensor(alpha, "int8", SCALES[case][1], zero_points[1], data=data)
        output = m.tensor(shape, dtype, SCALES[case][2], zero_points[2])
        m.node("PRELU", [source, slope], output)
        return [source, slope] if case == 3 else [source], output

    check(tmp_path, build, seed=case)


def test_in_place_and_on_the_device(tmp_path: Path) -> None:
    """A chain whose intermediate values take over each other's memory; both operands the same, too."""

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[list[int], int]:
        ends, total = pair(m, rng, "ADD", ((1, 4, 4), (4,)), scales=(0.1, 0.2, 0.2), constant=1)
        for operator in ("SUB", "MUL", "MAXIMUM"):
            other = m.tensor((1, 4, 1), scale=0.2, data=rng.integers(-128, 128, (1, 4, 1)))
            output = m.tensor((1, 4, 4), scale=0.2, zero_point=3)
            options = {"kind": OPTIONS[operator]} if operator in OPTIONS else {}
            total = m.node(operator, [other, total], output, **options)
        square = m.tensor((1, 4, 4), scale=0.5, zero_point=-100)
        return ends, m.node("MUL", [total, total], square, kind="MulOptions")

    directory = check(tmp_path, build, seed=5, qemu=True)
    assert "MODEL_ARENA_BYTES 16 " in (directory / "model.h").read_text()


@pytest.mark.parametrize(
    ("operator", "settings", "found"),
    [
        ("ADD", {"dtype": "uint8"}, "is uint8"),
        ("SUB", {"shapes": ((1, 3), (1, 4))}, "(1, 3) and (1, 4)"),
        ("MUL", {"scales": (3e3, 3e3, 1e-6)}, "9e+12"),
        ("ADD", {"scales": (3e3, 3e3, 1e-6)}, "3000 against 1e-06"),
        ("MUL", {"dtype": "int16", "zero_points": (0, 1, 0)}, "has zero point 1"),
    ],
)
def test_refused(tmp_path: Path, operator: str, settings: dict, found: str) -> None:
    m = mb.ModelBuilder()
    shapes = settings.pop("shapes", ((1, 3), (1, 3)))
    a = m.tensor(shapes[0], settings.get("dtype", "int8"), settings.get("scales", SCALES[0])[0])
    zero_points = settings.get("zero_points", (0, 0, 0))
    b = m.tensor(
        shapes[1],
        settings.get("dtype", "int8"),
        settings.get("scales", SCALES[0])[1],
        zero_points[1],
    )
    output = m.tensor(
        shapes[0], settings.get("dtype", "int8"), settings.get("scales", SCALES[0])[2]
    )
    m.node(operator, [a, b], output, kind=OPTIONS[operator])
    path = m.save(tmp_path / "model.tflite", [a, b], [output])
    with pytest.raises(InputError) as error:
        program.compile_model(path)
    assert found in str(error.value)
