"""CMSIS-NN's pools, sums, products, softmax, copies and extremes, byte for byte."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import model_builder as mb
import numpy as np
import pytest
from cmsis_nn_cases import CORES, NEEDED, Case, run

pytestmark = NEEDED


@pytest.mark.slow
@pytest.mark.parametrize("core", CORES)
def test_pools(tmp_path: Path, core: str) -> None:
    def case(kind: str, dtype: str, size: tuple[int, int], channels: int, **options: Any) -> Case:
        def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
            shape, zero_point = (1, *size, channels), 0 if dtype == "int16" else 3
            source = m.tensor(shape, dtype, 0.1, zero_point)
            output, _ = mb.pool(
                m, source, shape, kind=kind, dtype=dtype, zero_point=zero_point, **options
            )
            return source, output

        return build

    windows = [
        {"window": (2, 2), "stride": (2, 2), "padding": "VALID", "activation": "NONE"},
        {"window": (3, 3), "stride": (2, 2), "padding": "SAME", "activation": "RELU"},
        {"window": (3, 2), "stride": (1, 2), "padding": "SAME", "activation": "RELU6"},
        {"window": (7, 5), "stride": (7, 5), "padding": "VALID", "activation": "NONE"},
    ]
    cases = [
        case(kind, dtype, (7, 5), channels, **window)
        for kind in ("AVERAGE", "MAX")
        for dtype in ("int8", "int16")
        for channels in (1, 5, 18)
        for window in windows
    ]
    assert set(run(tmp_path, cases, core)) == {"CMSIS-NN"}


@pytest.mark.slow
@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("operator", ["ADD", "MUL"])
def test_sums_and_products(tmp_path: Path, operator: str, core: str) -> None:
    def case(
        dtype: str, count: int, scales: Sequence[float], zero_points: Sequence[int], activation: str
    ) -> Case:
        def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[list[int], int]:
            points = zero_points if dtype == "int8" else (0, 0, 0)
            *sources, output = (
                m.tensor((1, count), dtype, scale, point) for scale, point in zip(scales, points)
            )
            code, kind = mb.ACTIVATIONS[activation], f"{operator.capitalize()}Options"
            m.node(operator, sources, output, kind=kind, fusedActivationFunction=code)
            return sources, output

        return build

    cases = [
        case(dtype, count, scales, zero_points, activation)
        for dtype in ("int8", "int16")
        for count in (1, 7, 33)
        for scales in [(0.1, 0.1, 0.2), (0.01, 0.3, 0.25), (0.2, 0.05, 0.01)]
        for zero_points in [(-128, -128, -128), (127, 5, -3), (0, -9, 120)]
        for activation in ("NONE", "RELU6")
    ]
    assert set(run(tmp_path, cases, core, samples=20)) == {"CMSIS-NN"}


@pytest.mark.slow
@pytest.mark.parametrize("core", CORES)
def test_softmax(tmp_path: Path, core: str) -> None:
    def case(types: tuple[str, str], rows: int, classes: int, scale: float, beta: float) -> Case:
        def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
            narrow = types[0] == "int8"
            source = m.tensor((rows, classes), types[0], scale, 11 if narrow else 0)
            real = {
                "int8": (1 / 256, -128),
                "int16": (1 / 65536, -32768) if narrow else (1 / 32768, 0),
            }
            output = m.tensor((rows, classes), types[1], *real[types[1]])
            return source, m.node("SOFTMAX", [source], output, kind="SoftmaxOptions", beta=beta)

        return build

    cases = [
        case(types, rows, classes, scale if types[0] == "int8" else scale / 256, beta)
        for types in [("int8", "int8"), ("int8", "int16"), ("int16", "int16")]
        for rows, classes in [(1, 2), (3, 10), (2, 100), (1, 18)]
        for scale in (0.002, 0.05, 0.2, 1.5)
        for beta in (1.0, 0.3)
    ]
    assert set(run(tmp_path, cases, core, samples=20)) == {"CMSIS-NN"}


@pytest.mark.slow
@pytest.mark.parametrize("core", CORES)
def test_movement_and_extremes(tmp_path: Path, core: str) -> None:
    def padded(
        shape: tuple[int, ...], around: Sequence[tuple[int, int]], value: int | None
    ) -> Case:
        def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
            source = m.tensor(shape, scale=0.1, zero_point=5)
            inputs = [source, m.tensor((len(shape), 2), "int32", data=np.array(around))]
            if value is not None:
                inputs.append(m.tensor((1,), "int8", 0.1, 5, data=np.array([value])))
            made = tuple(n + sum(pair) for n, pair in zip(shape, around))
            output = m.tensor(made, scale=0.1, zero_point=5)
            return source, m.node("PAD" if value is None else "PADV2", inputs, output)

        return build

    def turned(shape: tuple[int, ...], order: Sequence[int]) -> Case:
        def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
            source = m.tensor(shape, scale=0.1, zero_point=5)
            inputs = [source, m.tensor((len(order),), "int32", data=np.array(order))]
            output = m.tensor(tuple(shape[axis] for axis in order), scale=0.1, zero_point=5)
            return source, m.node("TRANSPOSE", inputs, output)

        return build

    def extreme(operator: str, shapes: tuple[tuple[int, ...], ...], constant: bool) -> Case:
        def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[Sequence[int], int]:
            data = rng.integers(-128, 128, shapes[1]) if constant else None
            first = m.tensor(shapes[0], scale=0.1, zero_point=5)
            second = m.tensor(shapes[1], scale=0.1, zero_point=5, data=data)
            made = tuple(map(int, np.broadcast_shapes(*shapes)))
            output = m.tensor(made, scale=0.1, zero_point=5)
            m.node(operator, [first, second], output, kind="MaximumMinimumOptions")
            return [first] if constant else [first, second], output

        return build

    cases = [
        padded(shape, around, value)
        for shape, around in [
            ((7,), [(2, 3)]),
            ((3, 5), [(0, 2), (1, 0)]),
            ((2, 4, 3), [(1, 1), (0, 0), (2, 1)]),
            ((1, 5, 6, 18), [(0, 0), (1, 2), (3, 0), (0, 0)]),
            ((2, 3, 4, 5), [(1, 0), (1, 1), (0, 2), (3, 1)]),
        ]
        for value in (None, -100)
    ]
    cases += [
        turned(shape, order)
        for shape in [(2, 3, 4, 18), (3, 9, 5), (7, 18)]
        for order in itertools.permutations(range(len(shape)))
        if list(order) != sorted(order)
    ]
    cases += [
        extreme(operator, shapes, constant)
        for operator in ("MAXIMUM", "MINIMUM")
        for constant in (False, True)
        for shapes in [
            ((2, 3, 4, 18), (2, 3, 4, 18)),
            ((33,), (33,)),
            ((2, 3, 4, 5), (5,)),
            ((2, 3, 4, 18), (1,)),
            ((1,), (3, 17)),
            ((2, 1, 4, 1), (1, 3, 4, 18)),
            ((2, 3, 1, 5), (2, 3, 4, 1)),
        ]
        if not (constant and (1,) in shapes)  # one constant value makes a table
    ]
    assert set(run(tmp_path, cases, core)) == {"CMSIS-NN"}
