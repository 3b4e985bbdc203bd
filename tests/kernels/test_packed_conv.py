"""The packed convolutions equal TFLM on every shape, zero point and activation that they take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import model_builder as mb
import numpy as np
import pytest
from convolutions import COUNTED, MATRIX, RELU, SHAPES, extreme, layer
from counts_check import check_estimates
from tflm_check import check

from tinyml import kernels, targets
from tinyml.graph import tflite_reader
from tinyml.kernels import cost, packed_conv
from tinyml.kernels.base import Candidate, Options

FASTEST = Options(optimize="speed")
KERNELS = {kernel.kernel: kernel for kernel in packed_conv._KERNELS}


@pytest.fixture(autouse=True, params=KERNELS)
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """That alone is offered, on tiny layers, too, where it does not pay; answers its name."""
    monkeypatch.setattr(kernels, "specialisations", lambda: (packed_conv.SPECIALISATION,))
    monkeypatch.setattr(packed_conv, "_KERNELS", (KERNELS[request.param],))
    monkeypatch.setattr(cost, "general", lambda node, core: 1 << 40)
    return str(request.param)


def offered(tmp_path: Path, build: Any, core: str = "cortex-m4") -> list[Candidate]:
    """What is offered for the first node of a model."""
    m = mb.ModelBuilder()
    source, output = build(m, np.random.default_rng(0))
    node = tflite_reader.read(m.save(tmp_path / "m.tflite", [source], [output])).view(0)
    return packed_conv.SPECIALISATION.candidates(node, targets.find(core).processor)


def uses(directory: Path, kernel: str) -> bool:
    return (directory / f"kernels/{kernel}.c").is_file()


@pytest.mark.parametrize("name", MATRIX)
def test_shapes(tmp_path, kernel, name):
    shape, channels, options = SHAPES[name]
    relu = layer(shape, channels, **options, **RELU)
    assert uses(check(tmp_path / "relu", relu, 1, options=FASTEST), kernel)
    plain = layer(shape, channels, **options, batches=2)
    assert uses(check(tmp_path / "none", plain, 2, options=FASTEST), kernel)


@pytest.mark.parametrize("name", ["two pixels", "3x3 image", "dilated", "speech"])
def test_the_assembly_does_the_same(tmp_path, name):
    shape, channels, options = SHAPES[name]
    relu = layer(shape, channels, **options, **RELU)
    check(tmp_path / "relu", relu, 3, qemu=True, options=FASTEST)
    plain = layer(shape, channels, **options, zero_point=-20, batches=2)
    check(tmp_path / "none", plain, 4, qemu=True, options=FASTEST)


@pytest.mark.parametrize("zero_point", [-128, -127, 0, 127])
@pytest.mark.parametrize("activation", ["NONE", "RELU", "RELU6"])
def test_zero_points_and_activations(tmp_path, zero_point, activation):
    build = layer((4, 4, 4), 4, zero_point=zero_point, activation=activation)
    dead = zero_point == 127 and activation != "NONE"
    check(tmp_path, build, 5, constant=dead, options=FASTEST)


@pytest.mark.parametrize("weights", [(127, 127), (-127, -127), (-127, 127), (127, -127)], ids=str)
def test_the_largest_sums(tmp_path, kernel, weights):
    directory = check(tmp_path, extreme(*weights), 6, qemu=weights[0] > 0, options=FASTEST)
    assert uses(directory, kernel)


def test_weights_that_do_not_fit_a_halfword_are_not_packed(tmp_path, kernel):
    assert len(offered(tmp_path, extreme(-128, 127))) == 1
    fits = kernel == "tinyml_conv_halves_s8"
    assert len(offered(tmp_path, extreme(-1, -128))) == fits
    assert uses(check(tmp_path / "m", extreme(-1, -128), 6, options=FASTEST), kernel) == fits


def test_sums_of_more_than_24_bits_are_not_packed(tmp_path, kernel):
    fits = kernel == "tinyml_conv_halves_s8"
    assert len(offered(tmp_path, layer((1, 1, 2500), 2, window=(1, 1)))) == fits


def test_a_clamp_within_reach_is_left_to_the_general_kernel(tmp_path):
    assert offered(tmp_path, layer((4, 4, 4), 4, zero_point=0, activation="RELU")) == []
    assert len(offered(tmp_path, layer((4, 4, 4), 4, zero_point=0))) == 1


def test_who_gets_no_offer(tmp_path):
    plain, grouped = layer((4, 4, 4), 4), layer((4, 4, 4), 4, groups=2)
    assert offered(tmp_path, plain, "cortex-m3") == []
    assert offered(tmp_path, grouped) == []
    # An effective scale of 1 or more is a left shift.
    assert offered(tmp_path, layer((4, 4, 4), 4, output_scale=1e-5)) == []


def test_why_says_what_was_proven(tmp_path):
    (candidate,) = offered(tmp_path, layer((4, 4, 4), 6, **RELU))
    assert "3 of 3 channel pairs" in candidate.why
    (candidate,) = offered(tmp_path, layer((4, 4, 4), 6))
    assert "0 of 3 channel pairs" in candidate.why


@pytest.mark.parametrize("name", COUNTED)
def test_estimates(tmp_path, kernel, name):
    shape, channels, options = COUNTED[name]
    m = mb.ModelBuilder()
    build = layer(shape, channels, **options, **RELU)
    source, output = build(m, np.random.default_rng(0))
    path = m.save(tmp_path / "m.tflite", [source], [output])
    assert check_estimates(path, tmp_path / "p") == [KERNELS[kernel].name]
