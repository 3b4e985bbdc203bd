"""SLICE, STRIDED_SLICE, GATHER: numpy reference = compiled C = TFLM."""

from __future__ import annotations

from pathlib import Path

import model_builder as mb
import numpy as np
import pytest
from moving import TYPES, Mover, Shape, refused
from tflm_check import check


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize(
    ("shape", "begin", "size"),
    [
        ((1, 6, 5, 3), [0, 1, 2, 0], [1, 4, 2, 3]),
        ((1, 6, 5, 3), [0, 5, 0, 1], [-1, -1, -1, -1]),
        ((7,), [2], [3]),
        ((2, 3, 2, 3, 4), [1, 0, 1, 1, 1], [1, 2, 1, 2, 2]),
        ((2, 3), [0, 0], [2, -1]),
    ],
)
def test_slice(tmp_path: Path, shape: Shape, begin: list[int], size: list[int], dtype: str) -> None:
    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        t = Mover(m, dtype)
        source = t.tensor(shape)
        output = tuple(n - b if s == -1 else s for n, b, s in zip(shape, begin, size))
        kind = "int64" if len(shape) == 2 else "int32"
        inputs = [source, t.numbers(begin, kind), t.numbers(size, kind)]
        return source, m.node("SLICE", inputs, t.tensor(output))

    check(tmp_path, build, seed=6)


STRIDED = [
    # shape, begin, end, strides, masks (begin, end, shrink), output
    ((1, 6, 5, 3), [0, 1, 0, 0], [1, 6, 5, 3], [1, 2, 3, 1], (0, 0, 0), (1, 3, 2, 3)),
    ((1, 6, 5, 3), [0, -1, -1, -1], [1, -7, -6, -4], [1, -2, -1, -1], (0, 0, 0), (1, 3, 5, 3)),
    ((1, 6, 5, 3), [9, 2, 9, 9], [9, 4, 9, 9], [1, 1, 1, 2], (13, 13, 0), (1, 2, 5, 2)),
    ((1, 6, 5, 3), [0, -2, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1], (5, 5, 10), (1, 5)),
    ((4, 5), [9, -99], [-99, 99], [-3, 2], (0, 0, 0), (2, 3)),
    ((4, 5), [3, 0], [0, 0], [-1, -2], (2, 3, 0), (4, 3)),
    ((7,), [0], [7], [1], (0, 0, 0), (7,)),
    ((2, 3, 4), [0, 0, -1], [2, 3, 0], [1, 1, 1], (3, 3, 4), (2, 3)),
]


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("case", range(len(STRIDED)))
def test_strided_slice(tmp_path: Path, case: int, dtype: str) -> None:
    shape, begin, end, strides, masks, output = STRIDED[case]

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        t = Mover(m, dtype)
        source = t.tensor(shape)
        inputs = [source, *map(t.numbers, (begin, end, strides))]
        options = dict(zip(("beginMask", "endMask", "shrinkAxisMask"), masks))
        node = m.node(
            "STRIDED_SLICE", inputs, t.tensor(output), kind="StridedSliceOptions", **options
        )
        return source, node

    check(tmp_path, build, seed=7, qemu=case == 1)


@pytest.mark.parametrize(
    ("numbers", "options", "rule"),
    [
        (([0, 0], [2, 2], [1, 1]), {"ellipsisMask": 1}, "no ellipsis"),
        (([0, 0], [2, 2], [1, 1]), {"newAxisMask": 1}, "no ellipsis"),
        (([0, 0], [2, 2], [1, 0]), {}, "strides are not 0"),
        (([0], [2], [1]), {}, "a number for each dimension"),
        (([2, 0], [2, 2], [1, 1]), {}, "keeps an element"),
        (([9, 0], [2, 2], [1, 1]), {"shrinkAxisMask": 1}, "keeps an element"),
        (([1, 0], [2, 2], [-1, 1]), {"shrinkAxisMask": 1}, "stride 1"),
    ],
)
def test_strided_slice_refuses(
    tmp_path: Path, numbers: tuple[list[int], ...], options: dict[str, int], rule: str
) -> None:
    m = mb.ModelBuilder()
    t = Mover(m)
    source, output = t.tensor((4, 5)), t.tensor((2, 2))
    inputs = [source, *map(t.numbers, numbers)]
    m.node("STRIDED_SLICE", inputs, output, kind="StridedSliceOptions", **options)
    assert rule in refused(tmp_path, m, [source], [output])


GATHERS = [
    # shape, indices, their shape, axis, batch dimensions
    ((1, 6, 5, 3), [4, 0, 4], (3,), 2, 0),
    ((1, 6, 5, 3), [2], (), -1, 0),
    ((4, 3), [3, 1, 0, 0, 2, 3], (2, 3), 0, 0),
    ((2, 4, 3), [3, 1, 0, 2], (2, 2), 1, 1),
    ((2, 2, 4, 3), [3, 1, 0, 2, 1, 1], (2, 3), 2, -1),
]


@pytest.mark.parametrize("dtype", ["int8", "float32"])
@pytest.mark.parametrize("case", range(len(GATHERS)))
def test_gather(tmp_path: Path, case: int, dtype: str) -> None:
    shape, values, indices, axis, shared = GATHERS[case]

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        t, at = Mover(m, dtype), axis % len(shape)
        source = t.tensor(shape)
        chosen = m.tensor(indices, "int32", data=np.array(values).reshape(indices))
        left = indices[shared % (len(indices) or 1) :]
        output = t.tensor((*shape[:at], *left, *shape[at + 1 :]))
        options = {"kind": "GatherOptions", "axis": axis, "batchDims": shared}
        return source, m.node("GATHER", [source, chosen], output, **options)

    check(tmp_path, build, seed=9, qemu=case == 3)


def test_gather_with_computed_indices(tmp_path: Path) -> None:
    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        t = Mover(m)
        source, chosen = t.tensor((1, 6, 2)), m.tensor((2,), "int32")
        fixed = m.tensor((4,), "int32", data=np.array([1, 5, 0, 2]))
        m.node("SLICE", [fixed, t.numbers([1]), t.numbers([2])], chosen)
        options = {"kind": "GatherOptions", "axis": 1}
        return source, m.node("GATHER", [source, chosen], t.tensor((1, 2, 2)), **options)

    check(tmp_path, build, seed=10)


def test_gather_refuses_an_index_outside(tmp_path: Path) -> None:
    m = mb.ModelBuilder()
    t = Mover(m)
    source, output = t.tensor((4, 3)), t.tensor((2, 3))
    m.node("GATHER", [source, t.numbers([0, -1])], output, kind="GatherOptions")
    assert "inside the dimension" in refused(tmp_path, m, [source], [output])
