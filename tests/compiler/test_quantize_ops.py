"""QUANTIZE, DEQUANTIZE and CAST: every pair of types that TFLM has, byte for byte."""

from __future__ import annotations

from pathlib import Path

import model_builder as mb
import numpy as np
import pytest
from tflm_check import check

from tinyml import targets
from tinyml.codegen import program, project
from tinyml.emulate import validation
from tinyml.errors import InputError
from tinyml.graph import reference
from tinyml.ops import cast, quantize

Scale = tuple[float, int]


def convert(
    tmp_path: Path,
    operator: str,
    source: tuple[str, Scale | None],
    kinds: list[tuple[str, Scale | None]],
    qemu: bool = False,
    samples: int = 6,
) -> Path:
    """One input, converted to each kind."""

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, list[int]]:
        first = m.tensor((1, 300), source[0], *(source[1] or ()))
        outputs = []
        for dtype, scale in kinds:
            last = m.tensor((1, 300), dtype, *(scale or ()))
            outputs.append(m.node(operator, [first], last))
        return first, outputs

    return check(tmp_path, build, 7, samples, qemu=qemu)


FROM_INTEGERS: list[tuple[tuple[str, Scale], list[tuple[str, Scale]]]] = [
    (
        ("int8", (0.1, 127)),
        [("int8", (0.1, 127)), ("int8", (0.02, -128)), ("int8", (7.0, 5)), ("int8", (1e-5, 0)),
         ("uint8", (0.1, 255)), ("uint8", (0.03, 7)), ("int16", (0.001, 0)), ("int16", (0.1, -9)),
         ("int32", (1e-5, 0)), ("int32", (3.0, 0))],
    ),
    (("int8", (0.1, -128)), [("uint8", (0.1, 0)), ("int8", (0.05, 127)), ("int16", (0.0003, 5))]),
    (("uint8", (0.1, 0)), [("int8", (0.1, -128)), ("int8", (0.1, 3)), ("int8", (0.007, 127))]),
    (("uint8", (0.1, 255)), [("int8", (0.1, 127)), ("int8", (0.3, -128))]),
    (
        ("int16", (0.001, 0)),
        [("int8", (0.1, -128)), ("int8", (0.3, 127)), ("int16", (0.001, 0)), ("int16", (0.0003, 0)),
         ("int16", (0.0017, 77)), ("int32", (1e-7, 0)), ("int32", (0.01, 0))],
    ),
    (("int16", (0.001, -32768)), [("int8", (0.1, 3)), ("int32", (0.00004, 0))]),
    (
        ("int32", (1e-6, 0)),
        [("int8", (20.0, -128)), ("int8", (7.0, 127)), ("int16", (0.1, 0)), ("int16", (1e-6, 0)),
         ("int16", (3e-7, 5))],
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", range(len(FROM_INTEGERS)))
def test_requantize(tmp_path: Path, case: int) -> None:
    source, kinds = FROM_INTEGERS[case]
    convert(tmp_path, "QUANTIZE", source, list(kinds), qemu=case == 0)


def test_every_pair_is_tested() -> None:
    tested = {(source[0], dtype) for source, kinds in FROM_INTEGERS for dtype, _ in kinds}
    known = {(a, b) for a, outputs in quantize._OUTPUTS.items() for b in outputs if a != "float32"}
    assert tested == known


def test_from_float(tmp_path: Path) -> None:
    kinds: list[tuple[str, Scale | None]] = [
        (dtype, (scale, zero_point))
        for scale, zero_point in ((0.02, -128), (0.1, 127), (0.003, 0), (5.0, 1), (1e-6, 3))
        for dtype in ("int8", "int16")
    ]
    convert(tmp_path, "QUANTIZE", ("float32", None), kinds, qemu=True, samples=20)


@pytest.mark.parametrize(
    ("dtype", "scale"),
    [
        ("int8", (0.0173, -128)),
        ("int8", (3.7, 127)),
        ("uint8", (0.3, 255)),
        ("int16", (1e-9, 0)),
        ("int16", (0.7, -32768)),
    ],
)
def test_dequantize(tmp_path: Path, dtype: str, scale: Scale) -> None:
    convert(tmp_path, "DEQUANTIZE", (dtype, scale), [("float32", None)], qemu=dtype == "uint8")


def test_halves_round_away_from_zero(tmp_path: Path) -> None:
    """int8 quarters to float and back to halves: every second quotient lies in the middle."""

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        first = m.tensor((1, 300), scale=0.25, zero_point=1)
        real = m.tensor((1, 300), "float32")
        last = m.tensor((1, 300), scale=0.5, zero_point=-3)
        m.node("DEQUANTIZE", [first], real)
        return first, m.node("QUANTIZE", [real], last)

    check(tmp_path, build, seed=1, qemu=True)


@pytest.mark.slow
@pytest.mark.parametrize("source", cast._TYPES)
def test_cast(tmp_path: Path, source: str) -> None:
    scale = None if source in ("float32", "int32") else (0.1, 0)
    kinds: list[tuple[str, Scale | None]] = [(dtype, None) for dtype in cast._TYPES]
    if source == "float32":
        kinds = [(dtype, None) for dtype in cast._TYPES if dtype != source]
    convert(tmp_path, "CAST", (source, scale), kinds, qemu=True)


def test_cast_of_large_floats(tmp_path: Path) -> None:
    """int8 to floats up to 2^33: they saturate."""

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, list[int]]:
        first = m.tensor((1, 300), scale=3e7, zero_point=1)
        real = m.node("DEQUANTIZE", [first], m.tensor((1, 300), "float32"))
        types = ("int8", "int16", "int32")
        return first, [m.node("CAST", [real], m.tensor((1, 300), kind)) for kind in types]

    check(tmp_path, build, seed=1)


def test_no_number(tmp_path: Path) -> None:
    """What no finite float reaches: infinities and NaN. QUANTIZE saturates; TFLM's result is undefined."""
    m = mb.ModelBuilder()
    first = m.tensor((1, 3), "float32")
    last = m.node("CAST", [first], m.tensor((1, 3), "int16"))
    other = m.node("QUANTIZE", [first], m.tensor((1, 3), scale=0.1, zero_point=5))
    path = m.save(tmp_path / "model.tflite", [first], [last, other])
    directory = tmp_path / "project"
    directory.mkdir()
    compiled = program.compile_model(path)
    project.write(directory, compiled, targets.find("cortex-m4"), path, "0" * 64, "model")
    batch = np.array([[np.inf, -np.inf, np.nan]], np.float32)
    for results in (
        reference.outputs(compiled.graph, [batch]),
        validation.execute(directory, [batch], "host", 30).outputs,
    ):
        assert [r.ravel().tolist() for r in results] == [[32767, -32768, 0], [127, -128, -128]]


@pytest.mark.parametrize(
    ("operator", "source", "target", "found"),
    [
        ("QUANTIZE", ("float32", None), ("uint8", (0.1, 0)), "float32 to uint8"),
        ("QUANTIZE", ("float32", None), ("int8", None), "has no single scale"),
        ("QUANTIZE", ("int32", (0.1, 1)), ("int8", (0.1, 0)), "has zero point 1"),
        ("QUANTIZE", ("int8", (0.1, 1)), ("int8", (1e-8, 0)), "1e+07"),
        ("QUANTIZE", ("int8", (0.1, 1)), ("int8", (0.1, 200)), "has zero point 200"),
        ("DEQUANTIZE", ("int32", (0.1, 0)), ("float32", None), "is int32"),
        ("CAST", ("int64", None), ("int8", None), "int64 to int8"),
    ],
)
def test_refused(
    tmp_path: Path,
    operator: str,
    source: tuple[str, Scale | None],
    target: tuple[str, Scale | None],
    found: str,
) -> None:
    m = mb.ModelBuilder()
    first = m.tensor((1, 4), source[0], *(source[1] or ()))
    last = m.tensor((1, 4), target[0], *(target[1] or ()))
    m.node(operator, [first], last)
    path = m.save(tmp_path / "model.tflite", [first], [last])
    with pytest.raises(InputError) as error:
        program.compile_model(path)
    assert found in str(error.value)
