"""CMSIS-NN's operators with a state, SVDF and LSTM, byte for byte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import model_builder as mb
import numpy as np
import pytest
from cmsis_nn_cases import CORES, CORRECTED, NEEDED, Case, run
from layers_with_state import lstm, svdf

pytestmark = NEEDED


@pytest.mark.slow
@pytest.mark.parametrize("core", CORES)
def test_filters_with_a_state(tmp_path: Path, core: str) -> None:
    def case(rows: int, inputs: int, **options: Any) -> Case:
        def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
            source = m.tensor((rows, inputs), scale=0.05, zero_point=-7)
            return source, svdf(m, rng, source, (rows, inputs), **options)

        return build

    parts: list[dict[str, Any]] = [
        {},
        {"units": 1, "rank": 1, "memory": 1},
        {"units": 3, "rank": 1, "memory": 2},
        {"units": 16, "rank": 4, "memory": 10, "output": (0.4, -128)},
        {"units": 5, "rank": 2, "memory": 17},
    ]
    narrow = {"state": "int8", "state_scale": 0.2}
    cases = [
        case(rows, inputs, **part, **state)
        for part in parts
        for state in ({}, narrow)
        for rows, inputs in ((1, 8), (3, 7), (1, 40))
    ]
    assert set(run(tmp_path, cases, core, samples=8)) == {"CMSIS-NN"}


@pytest.mark.slow
@pytest.mark.parametrize("core", CORES)
def test_lstm(tmp_path: Path, core: str) -> None:
    def case(dtype: str, shape: tuple[int, int, int], **options: Any) -> Case:
        def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
            hidden = (1 / 128, 3) if dtype == "int8" else (2.0**-15, 0)
            scale, zero_point = (0.02, -9) if dtype == "int8" else (1e-4, 0)
            source = m.tensor(shape, dtype, scale, zero_point)
            more = {"cell_clip": 10.0, "hidden": hidden, "input_scale": scale, **options}
            return source, lstm(m, rng, source, shape, dtype=dtype, **more)

        return build

    layers: list[tuple[tuple[int, int, int], dict[str, Any]]] = [
        ((1, 1, 4), {}),
        ((1, 6, 4), {}),
        ((1, 3, 1), {"units": 2}),
        ((3, 4, 5), {}),
        ((4, 1, 5), {"time_major": True}),
        ((4, 3, 5), {"time_major": True, "units": 9, "weights_scale": 0.004}),
        ((1, 4, 8), {"cell_clip": 1.5}),
        ((1, 4, 20), {"cell_scale": 2.0**-12, "units": 18, "weights_scale": 0.002}),
        ((1, 4, 8), {"cell_clip": 1e30, "cell_scale": 2.0**-15}),
        ((1, 4, 8), {"cell_scale": 2.0**-5}),
        ((1, 4, 8), {"cell_scale": 2.0**-13}),
    ]
    cases = [case(dtype, shape, **more) for dtype in ("int8", "int16") for shape, more in layers]
    found = run(tmp_path / "taken", cases, core)
    assert set(found) == {"CMSIS-NN"} or not CORRECTED
    others = [
        case("int8", (1, 4, 8), cell_clip=0.0),
        case("int8", (1, 4, 8), weights_scale=0.5),
        case("int8", (1, 4, 8), cell_scale=2.0**-17, cell_clip=0.1),
        case("int16", (1, 4, 8), weights_scale=200.0),
    ]
    assert "CMSIS-NN" not in run(tmp_path / "not_taken", others, core)
