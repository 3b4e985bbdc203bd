"""CONCATENATION, SPLIT, SPLIT_V, PACK, UNPACK: numpy reference = compiled C = TFLM."""

from __future__ import annotations

from pathlib import Path

import model_builder as mb
import numpy as np
import pytest
from moving import TYPES, Mover, Shape, refused
from tflm_check import check

CONCATENATIONS = [
    # shapes, axis
    ([(1, 3, 4, 2), (1, 3, 4, 5)], 3),
    ([(1, 3, 4, 2), (1, 3, 4, 5), (1, 3, 4, 1)], -1),
    ([(1, 2, 3), (1, 5, 3)], -2),
    ([(2, 3), (1, 3), (4, 3)], 0),
    ([(1, 7)] * 10, 1),
]


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("case", range(len(CONCATENATIONS)))
def test_concatenation(tmp_path: Path, case: int, dtype: str) -> None:
    shapes, axis = CONCATENATIONS[case]

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[list[int], int]:
        t = Mover(m, dtype, zero_point=127)
        whole = list(shapes[0])
        whole[axis] = sum(shape[axis] for shape in shapes)
        sources = [t.tensor(shape) for shape in shapes]
        output = t.tensor(tuple(whole))
        m.node("CONCATENATION", sources, output, kind="ConcatenationOptions", axis=axis)
        return sources, output

    check(tmp_path, build, seed=case, qemu=case == 0)


def test_concatenation_with_a_constant_and_an_input_twice(tmp_path: Path) -> None:
    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        t = Mover(m)
        source = t.tensor((1, 3))
        fixed = t.tensor((1, 2), rng.integers(-128, 128, (1, 2)))
        options = {"kind": "ConcatenationOptions", "axis": 1}
        inputs = [source, fixed, source, fixed]
        return source, m.node("CONCATENATION", inputs, t.tensor((1, 10)), **options)

    directory = check(tmp_path, build, seed=0)
    assert (directory / "weights.c").read_text().count("const int8_t") == 2


def test_concatenation_refuses_an_activation(tmp_path: Path) -> None:
    m = mb.ModelBuilder()
    t = Mover(m)
    a, b, c = t.tensor((1, 2)), t.tensor((1, 2)), t.tensor((1, 4))
    options = {"kind": "ConcatenationOptions", "axis": 1, "fusedActivationFunction": 1}
    m.node("CONCATENATION", [a, b], c, **options)
    assert "fused activation" in refused(tmp_path, m, [a, b], [c])


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize(
    ("shape", "axis", "count"), [((1, 4, 6, 3), 2, 3), ((6, 5), 0, 2), ((1, 3, 8), -1, 4)]
)
def test_split(tmp_path: Path, shape: Shape, axis: int, count: int, dtype: str) -> None:
    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, list[int]]:
        t = Mover(m, dtype)
        source, kept = t.tensor(shape), list(shape)
        kept[axis] //= count
        outputs = [t.tensor(tuple(kept)) for _ in range(count)]
        inputs = [m.tensor((), "int32", data=np.array(axis)), source]
        return source, m.several("SPLIT", inputs, outputs, kind="SplitOptions", numSplits=count)

    check(tmp_path, build, seed=1, qemu=axis == 0 and dtype == "int8")


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize(
    ("shape", "axis", "sizes"),
    [((1, 4, 6, 3), -2, [1, -1, 2]), ((6, 5), 0, [5, 1]), ((1, 3, 8), 2, [8])],
)
def test_split_v(tmp_path: Path, shape: Shape, axis: int, sizes: list[int], dtype: str) -> None:
    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, list[int]]:
        t = Mover(m, dtype)
        source, outputs = t.tensor(shape), []
        for size in sizes:
            kept = list(shape)
            kept[axis] = shape[axis] - sum(sizes) - 1 if size == -1 else size
            outputs.append(t.tensor(tuple(kept)))
        inputs = [source, t.numbers(sizes), m.tensor((), "int32", data=np.array(axis))]
        options = {"kind": "SplitVOptions", "numSplits": len(sizes)}
        return source, m.several("SPLIT_V", inputs, outputs, **options)

    check(tmp_path, build, seed=2)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize(
    ("shape", "axis", "count"),
    [((1, 4, 3), 1, 2), ((4, 3), -1, 3), ((5,), 0, 4), ((2, 3), -3, 2), ((), 0, 3)],
)
def test_pack(tmp_path: Path, shape: Shape, axis: int, count: int, dtype: str) -> None:
    """The packed parts are those of an UNPACK, so that scalars take part."""

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        t = Mover(m, dtype)
        source = t.tensor((count, *shape))
        parts = [t.tensor(shape) for _ in range(count)]
        m.several("UNPACK", [source], parts, kind="UnpackOptions", num=count, axis=0)
        at = axis % (len(shape) + 1)
        output = t.tensor((*shape[:at], count, *shape[at:]))
        options = {"kind": "PackOptions", "valuesCount": count, "axis": axis}
        return source, m.node("PACK", parts, output, **options)

    check(tmp_path, build, seed=3)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize(("shape", "axis"), [((1, 4, 3), 1), ((2, 3, 5), -1), ((3, 4), 0)])
def test_unpack(tmp_path: Path, shape: Shape, axis: int, dtype: str) -> None:
    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, list[int]]:
        t, at = Mover(m, dtype), axis % len(shape)
        source = t.tensor(shape)
        outputs = [t.tensor((*shape[:at], *shape[at + 1 :])) for _ in range(shape[at])]
        options = {"kind": "UnpackOptions", "num": shape[at], "axis": axis}
        return source, m.several("UNPACK", [source], outputs, **options)

    check(tmp_path, build, seed=4)


def test_scalars_at_the_boundary(tmp_path: Path) -> None:
    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, list[int]]:
        t = Mover(m)
        source, outputs = t.tensor((2,)), [t.tensor(()), t.tensor(())]
        return source, m.several("UNPACK", [source], outputs, kind="UnpackOptions", num=2)

    check(tmp_path, build, seed=13)
