"""Operators that move elements: numpy reference = compiled C = TFLM, and what each of them refuses."""

from __future__ import annotations

from pathlib import Path

import model_builder as mb
import numpy as np
import pytest
from tflm_check import check

from tinyml.codegen import program
from tinyml.errors import InputError

TYPES = ["int8", "int16", "int32", "float32"]
Shape = tuple[int, ...]


class Mover:
    """A model of tensors of one type, scale and zero point."""

    def __init__(self, m: mb.ModelBuilder, dtype: str = "int8", zero_point: int = -128) -> None:
        self.m, self.dtype = m, dtype
        self.zero_point = zero_point if dtype == "int8" else 0

    def tensor(self, shape: Shape, data: np.ndarray | None = None) -> int:
        """An activation, or a constant."""
        scale = 0.05 if self.dtype in ("int8", "int16") else None
        return self.m.tensor(shape, self.dtype, scale, self.zero_point, data)

    def numbers(self, values: list[int], dtype: str = "int32") -> int:
        """A constant list, e.g. of axes."""
        return self.m.tensor((len(values),), dtype, data=np.array(values))

    def one(self, operator: str, source: int, lists: list[list[int]], output: Shape) -> int:
        """A node with one output whose further inputs are constant lists."""
        inputs = [source, *map(self.numbers, lists)]
        return self.m.node(operator, inputs, self.tensor(output))


def refused(tmp_path: Path, build: mb.ModelBuilder, inputs: list[int], outputs: list[int]) -> str:
    """The error for a model."""
    path = build.save(tmp_path / "model.tflite", inputs, outputs)
    with pytest.raises(InputError) as error:
        program.compile_model(path)
    return str(error.value)


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


def test_scalars_at_the_boundary(tmp_path: Path) -> None:
    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, list[int]]:
        t = Mover(m)
        source, outputs = t.tensor((2,)), [t.tensor(()), t.tensor(())]
        return source, m.several("UNPACK", [source], outputs, kind="UnpackOptions", num=2)

    check(tmp_path, build, seed=13)


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


def test_report_names_each_kernel_once(tmp_path: Path) -> None:
    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        t = Mover(m)
        source = t.tensor((1, 4))
        return source, t.one("PAD", source, [[0, 0, 1, 1]], (1, 6))

    directory = check(tmp_path, build, seed=12)
    assert '"kernel": "tinyml_fill + tinyml_copy"' in (directory / "report.json").read_text()
    assert "call 2 of 2" in (directory / "model.c").read_text()
