"""Operators along the last dimension, or another: byte for byte against TFLM."""

from __future__ import annotations

from pathlib import Path

import model_builder as mb
import numpy as np
import pytest
from tflm_check import check

from tinyml import targets
from tinyml.codegen import program, project
from tinyml.emulate.host import HostModel
from tinyml.errors import InputError
from tinyml.graph import reference

Quantization = tuple[str, float, int]
STANDARD: dict[str, Quantization] = {
    "int8": ("int8", 1 / 256, -128),
    "s8_s16": ("int16", 1 / 65536, -32768),
    "int16": ("int16", 1 / 32768, 0),
}


def rows(
    tmp_path: Path,
    operator: str,
    shape: tuple[int, ...],
    source: Quantization,
    target: Quantization,
    constant: bool = False,
    qemu: bool = False,
    samples: int = 20,
    **options: object,
) -> Path:
    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        first, last = m.tensor(shape, *source), m.tensor(shape, *target)
        return first, m.node(operator, [first], last, **options)

    return check(tmp_path, build, len(shape), samples, constant, qemu)


@pytest.mark.parametrize("shape", [(7,), (1, 2, 3, 100)])
@pytest.mark.parametrize("scale", [0.002, 0.05, 0.2, 1.5, 12.0, 60.0])
def test_softmax_to_int16(tmp_path: Path, shape: tuple[int, ...], scale: float) -> None:
    rows(
        tmp_path, "SOFTMAX", shape, ("int8", scale, 11), STANDARD["s8_s16"],
        kind="SoftmaxOptions", beta=0.7,
    )  # fmt: skip


@pytest.mark.parametrize("shape", [(3, 2), (1, 2, 3, 100)])
@pytest.mark.parametrize("scale", [1e-7, 0.00003, 0.0003, 0.002, 0.1, 4.0])
def test_softmax_of_int16(tmp_path: Path, shape: tuple[int, ...], scale: float) -> None:
    rows(
        tmp_path, "SOFTMAX", shape, ("int16", scale, 0), STANDARD["int16"],
        kind="SoftmaxOptions", beta=1.0,
    )  # fmt: skip


def test_many_equal_classes(tmp_path: Path) -> None:
    """From a sum of 512 on TFLM aborts; here every share rounds to 0, in numpy and in C."""
    m = mb.ModelBuilder()
    first, last = m.tensor((1, 1001), "int8", 0.1), m.tensor((1, 1001), *STANDARD["int8"])
    m.node("SOFTMAX", [first], last, kind="SoftmaxOptions", beta=1.0)
    path = m.save(tmp_path / "model.tflite", [first], [last])
    directory = tmp_path / "project"
    directory.mkdir()
    compiled = program.compile_model(path)
    project.write(directory, compiled, targets.find("cortex-m4"), path, "0" * 64, "model")
    batch = np.zeros((1, 1001), np.int8)
    expected = reference.outputs(compiled.graph, [batch])[0]
    np.testing.assert_array_equal(HostModel(directory).predict(batch), expected)
    assert set(expected.ravel()) == {-128}


@pytest.mark.parametrize("scale", [2**-24, 0.002, 0.05, 0.2, 1.5, 15.9])
@pytest.mark.parametrize("shape", [(3, 10), (1, 2000)])
def test_log_softmax(tmp_path: Path, shape: tuple[int, ...], scale: float) -> None:
    constant = scale < 1e-4
    rows(
        tmp_path, "LOG_SOFTMAX", shape, ("int8", scale, 11), ("int8", 1 / 16, 127),
        constant=constant,
    )  # fmt: skip


@pytest.mark.parametrize("zero_point", [-128, 0, 127])
@pytest.mark.parametrize("shape", [(1, 2), (3, 10), (1, 2, 3, 100), (1, 3000), (7,), (5, 1)])
def test_l2_normalization(tmp_path: Path, shape: tuple[int, ...], zero_point: int) -> None:
    rows(
        tmp_path, "L2_NORMALIZATION", shape, ("int8", 0.1, zero_point), ("int8", 1 / 128, 0),
        kind="L2NormOptions",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("shape", "axis"),
    [((1, 10), 1), ((1, 10), -1), ((4, 5, 6), 0), ((4, 5, 6), 1), ((2, 3, 4, 5), -2), ((300,), 0)],
)
def test_arg_max(tmp_path: Path, shape: tuple[int, ...], axis: int) -> None:
    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        source = m.tensor(shape, scale=0.1, zero_point=3)
        where = m.tensor((), "int32", data=np.array(axis))
        places = m.tensor(tuple(np.delete(shape, axis).tolist()), "int32")
        return source, m.node(
            "ARG_MAX", [source, where], places, kind="ArgMaxOptions", outputType=2
        )

    check(tmp_path, build, seed=axis + 5)


@pytest.mark.parametrize(
    ("operator", "kind", "options", "source", "target"),
    [
        ("SOFTMAX", "SoftmaxOptions", {"beta": 1.0}, ("int8", 0.1, 3), STANDARD["s8_s16"]),
        ("SOFTMAX", "SoftmaxOptions", {"beta": 1.0}, ("int16", 0.001, 0), STANDARD["int16"]),
        ("LOG_SOFTMAX", None, {}, ("int8", 0.1, 3), ("int8", 1 / 16, 127)),
        ("L2_NORMALIZATION", "L2NormOptions", {}, ("int8", 0.1, 3), ("int8", 1 / 128, 0)),
    ],
)
def test_on_the_device(
    tmp_path: Path,
    operator: str,
    kind: str | None,
    options: dict,
    source: Quantization,
    target: Quantization,
) -> None:
    if kind:
        options = {**options, "kind": kind}
    rows(tmp_path, operator, (3, 9), source, target, qemu=True, samples=5, **options)


@pytest.mark.parametrize(
    ("operator", "shape", "source", "target", "found"),
    [
        ("SOFTMAX", (1, 5), ("int8", 0.1, 0), ("int8", 1 / 128, -128), "scale 0.0078125"),
        ("SOFTMAX", (1, 5), ("int16", 0.1, 0), STANDARD["int8"], "int16 to int8"),
        ("SOFTMAX", (1, 5), ("int16", 6.0, 0), STANDARD["int16"], "found 6"),
        ("SOFTMAX", (1, 4096), ("int8", 0.1, 0), STANDARD["int8"], "4096 classes"),
        ("LOG_SOFTMAX", (1, 5), ("int8", 0.1, 0), ("int8", 1 / 16, 0), "zero point 0"),
        ("LOG_SOFTMAX", (1, 5), ("int8", 16.0, 0), ("int8", 1 / 16, 127), "found 16"),
        ("L2_NORMALIZATION", (1, 5), ("int8", 0.1, 0), ("int8", 0.1, 0), "scale 0.1"),
    ],
)
def test_refused(
    tmp_path: Path,
    operator: str,
    shape: tuple[int, ...],
    source: Quantization,
    target: Quantization,
    found: str,
) -> None:
    m = mb.ModelBuilder()
    first, last = m.tensor(shape, *source), m.tensor(shape, *target)
    options = {"kind": "SoftmaxOptions", "beta": 1.0} if operator == "SOFTMAX" else {}
    m.node(operator, [first], last, **options)
    path = m.save(tmp_path / "model.tflite", [first], [last])
    with pytest.raises(InputError) as error:
        program.compile_model(path)
    assert found in str(error.value)
