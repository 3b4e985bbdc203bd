"""MEAN over any dimensions: numpy reference = compiled C = TFLM."""

from __future__ import annotations

from pathlib import Path

import model_builder as mb
import numpy as np
import pytest
from tflm_check import check

from tinyml.codegen import program
from tinyml.errors import InputError

CASES = [
    # shape, axes
    ((1, 4, 5, 6), [1, 2]),
    ((1, 4, 5, 6), [-1]),
    ((1, 4, 5, 6), [3, 1]),
    ((1, 4, 5, 6), [0, 2]),
    ((2, 4, 5, 6), [1]),
    ((2, 3, 4), [0, -3, 0]),
    ((3, 7), [1]),
    ((2, 3, 2, 3, 2), [0, 2, 4]),
    ((2, 3, 2, 3, 2), [1, 3]),
]


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("case", range(len(CASES)))
def test_mean(tmp_path: Path, case: int, keep: bool) -> None:
    shape, axes = CASES[case]
    reduced = {axis % len(shape) for axis in axes}
    output = [1 if i in reduced else n for i, n in enumerate(shape) if keep or i not in reduced]

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        source = m.tensor(shape, scale=0.1, zero_point=[-128, 127, 3][case % 3])
        inputs = [source, m.tensor((len(axes),), "int32", data=np.array(axes))]
        result = m.tensor(
            tuple(output), scale=[0.1, 0.03][case % 2], zero_point=[-128, 127, 3][case % 3]
        )
        return source, m.node("MEAN", inputs, result, kind="ReducerOptions", keepDims=keep)

    check(tmp_path, build, seed=case, qemu=case == 2 and keep)


def test_mean_of_everything(tmp_path: Path) -> None:
    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        source = m.tensor((1, 3, 5), scale=0.1, zero_point=-5)
        inputs = [source, m.tensor((3,), "int32", data=np.array([0, 1, 2]))]
        output = m.tensor((1, 1, 1), scale=0.02, zero_point=9)
        return source, m.node("MEAN", inputs, output, kind="ReducerOptions", keepDims=True)

    check(tmp_path, build, seed=0)


def test_mean_refuses_a_dimension_that_is_not_there(tmp_path: Path) -> None:
    m = mb.ModelBuilder()
    source, output = m.tensor((2, 3), scale=0.1), m.tensor((2,), scale=0.1)
    m.node(
        "MEAN", [source, m.tensor((1,), "int32", data=np.array([2]))], output, kind="ReducerOptions"
    )
    path = m.save(tmp_path / "model.tflite", [source], [output])
    with pytest.raises(InputError, match="dimensions that exist"):
        program.compile_model(path)
