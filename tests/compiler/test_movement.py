"""TRANSPOSE, PAD, PADV2 and views against TFLM; and what operators that move elements refuse."""

from __future__ import annotations

from pathlib import Path

import model_builder as mb
import numpy as np
import pytest
from moving import TYPES, Mover, Shape, refused
from tflm_check import check


@pytest.mark.parametrize("dtype", ["int8", "int16", "float32"])
@pytest.mark.parametrize(
    ("shape", "order"),
    [
        ((1, 3, 4, 5), [0, 3, 1, 2]),
        ((1, 3, 4, 5), [0, 2, 1, 3]),
        ((3, 7), [1, 0]),
        ((2, 3, 4), [2, 1, 0]),
        ((2, 3, 2, 3, 2), [4, 2, 0, 3, 1]),
        ((1, 5, 1, 3), [2, 1, 0, 3]),
        ((6,), [0]),
    ],
)
def test_transpose(tmp_path: Path, shape: Shape, order: list[int], dtype: str) -> None:
    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        t = Mover(m, dtype)
        source = t.tensor(shape)
        return source, t.one("TRANSPOSE", source, [order], tuple(shape[axis] for axis in order))

    directory = check(tmp_path, build, seed=5, qemu=len(shape) == 5)
    stays = shape in ((1, 5, 1, 3), (6,))
    assert ("tinyml_copy" not in (directory / "model.c").read_text()) == stays


PADDINGS = [
    # shape, paddings
    ((1, 4, 5, 3), [0, 0, 1, 2, 3, 0, 0, 0]),
    ((1, 4, 5, 3), [0, 0, 0, 0, 0, 0, 0, 5]),
    ((2, 3), [1, 1, 0, 2]),
    ((5,), [2, 1]),
    ((2, 1, 2, 1, 2), [0, 1, 1, 0, 0, 1, 1, 0, 1, 1]),
    ((1, 3), [0, 0, 0, 0]),
]


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("operator", ["PAD", "PADV2"])
@pytest.mark.parametrize("case", range(len(PADDINGS)))
def test_pad(tmp_path: Path, case: int, operator: str, dtype: str) -> None:
    shape, paddings = PADDINGS[case]

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        t = Mover(m, dtype, zero_point=[-128, 127, 5][case % 3])
        source = t.tensor(shape)
        befores, afters = paddings[::2], paddings[1::2]
        padded = tuple(n + a + b for n, a, b in zip(shape, befores, afters))
        rows = m.tensor((len(shape), 2), "int32", data=np.array(paddings))
        inputs = [source, rows]
        if operator == "PADV2":
            inputs.append(t.tensor((1,), np.array([-7])))
        return source, m.node(operator, inputs, t.tensor(padded))

    check(tmp_path, build, seed=8, qemu=case == 0 and operator == "PADV2")


@pytest.mark.parametrize("dtype", ["int8", "int16", "float32"])
def test_views(tmp_path: Path, dtype: str) -> None:
    """A transposition between two chains of views, none of which costs anything."""

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        t = Mover(m, dtype)
        source = t.tensor((1, 2, 1, 6))
        a, b, c, d, e, f = (
            t.tensor(shape)
            for shape in [(2, 6), (2, 6, 1), (1, 6, 2), (6, 2), (3, 4), (1, 3, 4, 1)]
        )
        m.node("SQUEEZE", [source], a, kind="SqueezeOptions", squeezeDims=[])
        m.node("EXPAND_DIMS", [a, t.numbers([-1])], b)
        m.node("TRANSPOSE", [b, t.numbers([2, 1, 0])], c)
        m.node("SQUEEZE", [c], d, kind="SqueezeOptions", squeezeDims=[-3])
        m.node("RESHAPE", [d, t.numbers([3, -1])], e)
        g = t.tensor((1, 3, 4))
        m.node("EXPAND_DIMS", [e, m.tensor((), "int32", data=np.array(0))], g)
        return source, m.node("RESHAPE", [g], f)

    directory = check(tmp_path, build, seed=11)
    assert (directory / "model.c").read_text().count("    tinyml_") == 1


@pytest.mark.parametrize(
    ("operator", "kind", "shapes", "lists", "options", "rule"),
    [
        ("CONCATENATION", "Concatenation", [(2, 3), (2,), (2, 4)], [], {"axis": 1}, "no other"),
        ("CONCATENATION", "Concatenation", [(2, 3), (2, 3), (4, 3)], [], {"axis": 2}, "exists"),
        ("PACK", "Pack", [(2, 3), (3, 2), (2, 2, 3)], [], {"valuesCount": 2}, "one shape"),
        ("PACK", "Pack", [(2, 3), (2, 3), (3, 2, 3)], [], {"valuesCount": 3}, "as many"),
        ("UNPACK", "Unpack", [(2, 3), (3,)], [], {"num": 1}, "as many elements"),
        ("TRANSPOSE", None, [(2, 3), (2, 3)], [[0, 0]], {}, "each dimension once"),
        ("TRANSPOSE", None, [(2, 3), (3, 2)], [[-1, 0]], {}, "from the front"),
        ("TRANSPOSE", None, [(2, 3), (2, 3)], [[1, 0]], {}, "follow from the inputs"),
        ("SLICE", None, [(2, 3), (2, 2)], [[0, 2], [2, 2]], {}, "lies inside"),
        ("SLICE", None, [(2, 3), (2, 2)], [[0, -1], [2, 1]], {}, "lies inside"),
        ("PAD", None, [(2, 3), (2, 2)], [[0, 0, 0, -1]], {}, "0 or more"),
        ("PAD", None, [(2, 3), (3, 3)], [[0, 1]], {}, "two sizes"),
        ("SPLIT_V", None, [(4, 3), (3, 3)], [[3], [0]], {}, "together the input's"),
        ("EXPAND_DIMS", None, [(4, 3), (4, 3, 1)], [[3]], {}, "within the output's"),
        ("SQUEEZE", "Squeeze", [(4, 1), (1,)], [], {"squeezeDims": [0]}, "size 1"),
    ],
)
def test_refused(
    tmp_path: Path,
    operator: str,
    kind: str | None,
    shapes: list[Shape],
    lists: list[list[int]],
    options: dict[str, int],
    rule: str,
) -> None:
    m = mb.ModelBuilder()
    t = Mover(m)
    *inputs, output = map(t.tensor, shapes)
    if kind:
        options = {"kind": f"{kind}Options", **options}
    m.node(operator, [*inputs, *map(t.numbers, lists)], output, **options)
    assert rule in refused(tmp_path, m, inputs, [output])


def test_moving_does_not_rescale(tmp_path: Path) -> None:
    m = mb.ModelBuilder()
    a, b = m.tensor((1, 4), scale=0.1), m.tensor((4, 1), scale=0.2)
    m.node("TRANSPOSE", [a, m.tensor((2,), "int32", data=np.array([1, 0]))], b)
    assert "same scale" in refused(tmp_path, m, [a], [b])


def test_report_names_each_kernel_once(tmp_path: Path) -> None:
    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        t = Mover(m)
        source = t.tensor((1, 4))
        return source, t.one("PAD", source, [[0, 0, 1, 1]], (1, 6))

    directory = check(tmp_path, build, seed=12)
    assert '"kernel": "tinyml_fill + tinyml_copy"' in (directory / "report.json").read_text()
    assert "call 2 of 2" in (directory / "model.c").read_text()
