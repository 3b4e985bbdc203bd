"""One over the square root: every value, byte for byte."""

from __future__ import annotations

from pathlib import Path

import model_builder as mb
import numpy as np
import pytest
from tflm_check import check

from tinyml.codegen import program
from tinyml.errors import InputError
from tinyml.graph import reference, tflite_reader


def root(
    m: mb.ModelBuilder, scales: tuple[float, float], zero_points: tuple[int, int]
) -> tuple[list[int], int]:
    """A node over 256 values; they start as every value, sorted."""
    given = m.tensor((1, 256), "int8", scales[0], zero_points[0])
    output = m.tensor((1, 256), "int8", scales[1], zero_points[1])
    m.node("RSQRT", [given], output)
    return [given], output


@pytest.mark.parametrize(
    "scales",
    [(0.01, 0.05), (1.0, 0.004), (0.0003, 0.3), (12.5, 0.0021), (0.1, 0.00003), (2e-5, 3.0)],
)
@pytest.mark.parametrize("zero_point", [-128, 0, 127])
def test_rsqrt(tmp_path: Path, scales: tuple[float, float], zero_point: int) -> None:
    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[list[int], int]:
        return root(m, scales, (-128, zero_point))

    saturates = zero_point == 127 or scales[1] < 1e-4
    check(tmp_path, build, seed=1, samples=12, constant=saturates)


def test_negative_values_are_refused(tmp_path: Path) -> None:
    m = mb.ModelBuilder()
    inputs, output = root(m, (0.1, 0.1), (-127, 0))
    path = m.save(tmp_path / "model.tflite", inputs, [output])
    with pytest.raises(InputError, match=r"RSQRT.*zero point is -128.*zero point -127"):
        program.compile_model(path)


def test_it_is_one_over_the_root(tmp_path: Path) -> None:
    """The largest value for 0, and the nearest value but for one step of the table's rounding."""
    m = mb.ModelBuilder()
    inputs, output = root(m, (0.02, 0.06), (-128, -128))
    graph = tflite_reader.read(m.save(tmp_path / "model.tflite", inputs, [output]))
    given = np.arange(-128, 128, dtype=np.int8)[np.newaxis]
    found = reference.outputs(graph, [given])[0][0].astype(int) + 128
    real = 1 / np.sqrt(0.02 * np.arange(1, 256)) / 0.06
    assert found[0] == 255
    assert np.abs(found[1:] - np.minimum(real, 255)).max() <= 1
