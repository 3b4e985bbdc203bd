"""SVDF: sequences of inferences whose state goes on, byte for byte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import model_builder as mb
import numpy as np
import pytest
from layers_with_state import svdf
from tflm_check import check

from tinyml.codegen import program
from tinyml.errors import InputError


@pytest.mark.parametrize(
    ("shape", "options"),
    [
        ((1, 8), {}),
        ((1, 1), {"units": 1, "rank": 1, "memory": 1}),
        ((3, 7), {"units": 3, "rank": 1, "memory": 2}),
        ((1, 40), {"units": 16, "rank": 4, "memory": 10, "output": (0.4, -128)}),
        ((1, 8), {"output": (0.001, 127)}),  # saturates
        ((1, 8), {"state_scale": 1e-5}),  # so does the state, and sums wrap
        ((2, 5), {"state": "int8", "state_scale": 0.02, "output": (0.05, -4)}),
        ((1, 9), {"state": "int8", "state_scale": 0.004, "state_zero": 20}),  # wraps in TFLM
        ((1, 9), {"state": "int8", "state_scale": 0.1, "state_zero": -128}),
    ],
)
@pytest.mark.parametrize("zero_point", [-128, 5, 127])
def test_svdf(
    tmp_path: Path, shape: tuple[int, int], options: dict[str, Any], zero_point: int
) -> None:
    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        source = m.tensor(shape, "int8", 0.05, zero_point)
        return source, svdf(m, rng, source, shape, **options)

    check(tmp_path, build, seed=zero_point + 200, samples=14)


def test_two_layers_on_the_device(tmp_path: Path) -> None:
    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        source = m.tensor((1, 8), "int8", 0.05, -3)
        first = svdf(m, rng, source, (1, 8), units=6)
        return source, svdf(m, rng, first, (1, 6), state="int8", state_scale=0.02)

    check(tmp_path, build, seed=8, samples=9, qemu=True)


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"variable": False}, "before it is computed"),
        ({"state": "int32"}, "found int32"),
        ({"state_zero": 3}, "zero point is 0"),
        ({"times": "int8", "state": "int16"}, "int8 (8, 5)"),
        ({"says": 3}, "rank 3 for 8 filters"),
        ({"says": 0}, "rank 0"),
        ({"bias": False}, "5 inputs"),
        ({"bias_scale": 0.1}, "scales 0.1"),
        ({"output": (1e-18, 0)}, "below 2^30"),
        ({"rank": 1, "says": 2}, "shape (4,) for 2 units"),
    ],
)
def test_refused(tmp_path: Path, options: dict[str, Any], found: str) -> None:
    m = mb.ModelBuilder()
    source = m.tensor((1, 8), "int8", 0.05, -3)
    target = svdf(m, np.random.default_rng(0), source, (1, 8), **options)
    path = m.save(tmp_path / "model.tflite", [source], [target])
    with pytest.raises(InputError) as error:
        program.compile_model(path)
    assert found in str(error.value)
