"""Scales that files note in other ways than TensorFlow 2's converter."""

from __future__ import annotations

from pathlib import Path

import model_builder as mb
import numpy as np
import pytest
from tflm_check import check, check_file

from tinyml.codegen import program
from tinyml.errors import InputError
from tinyml.quantize.tflm import Tflm

SHAPE = (1, 6, 6, 4)


def _saved(folder: Path, depthwise: bool, axis: int) -> Path:
    """A convolution whose weights have a scale for each place along `axis`."""
    m, rng = mb.ModelBuilder(), np.random.default_rng(0)
    source = m.tensor(SHAPE, scale=0.05, zero_point=-3)
    output, _ = mb.convolution(m, rng, source, SHAPE, 8, depthwise=depthwise, bias=False)
    weights = m.tensors[1]
    weights.quantization.quantizedDimension = axis
    weights.quantization.scale = [0.01] * weights.shape[axis]
    weights.quantization.zeroPoint = [0] * weights.shape[axis]
    return m.save(folder / "model.tflite", [source], [output])


@pytest.mark.parametrize(
    ("depthwise", "axis"), [(False, 1), (False, 2), (False, 3), (True, 1), (True, 2)]
)
def test_scales_of_anything_but_output_channels_are_refused(
    tmp_path: Path, depthwise: bool, axis: int
) -> None:
    path = _saved(tmp_path, depthwise, axis)
    with pytest.raises(InputError, match=r"found \d scales for 8 output channels"):
        program.compile_model(path)
    with pytest.raises(InputError):
        Tflm(path)


@pytest.mark.parametrize(("depthwise", "axis"), [(False, 0), (True, 0), (True, 3)])
def test_one_scale_or_one_an_output_channel(tmp_path: Path, depthwise: bool, axis: int) -> None:
    check_file(_saved(tmp_path, depthwise, axis), tmp_path, seed=0)


def test_a_bias_with_the_axis_of_its_weights(tmp_path: Path) -> None:
    """As converters of 2019 wrote it; the only dimension that a bias has is meant."""

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        source = m.tensor(SHAPE, scale=0.05, zero_point=3)
        output, _ = mb.convolution(m, rng, source, SHAPE, 8)
        m.tensors[2].quantization.quantizedDimension = 3
        return source, output

    check(tmp_path, build, seed=1)
