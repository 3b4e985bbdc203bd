"""The blocked convolutions equal TFLM on every shape, zero point and activation that they take."""

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
from tinyml.kernels import blocked_conv, cost
from tinyml.kernels.base import Candidate, Options

KERNELS = {"cortex-m3": "tinyml_conv_blocked_s8", "cortex-m0plus": "tinyml_conv_blocked_v6m_s8"}


@pytest.fixture(autouse=True)
def only_these(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever else there is, and on tiny layers, too, where they do not pay."""
    monkeypatch.setattr(kernels, "specialisations", lambda: (blocked_conv.SPECIALISATION,))
    monkeypatch.setattr(cost, "general", lambda node, core: 1 << 40)


@pytest.fixture(params=KERNELS)
def core(request: pytest.FixtureRequest) -> str:
    """Of which each kernel is."""
    return str(request.param)


def fastest(core: str) -> Options:
    return Options(core=targets.find(core).processor, optimize="speed")


def offered(tmp_path: Path, build: Any, core: str = "cortex-m3") -> list[Candidate]:
    """What is offered for the first node of a model."""
    m = mb.ModelBuilder()
    source, output = build(m, np.random.default_rng(0))
    node = tflite_reader.read(m.save(tmp_path / "m.tflite", [source], [output])).view(0)
    return blocked_conv.SPECIALISATION.candidates(node, targets.find(core).processor)


def was_blocked(directory: Path, core: str) -> bool:
    return (directory / f"kernels/{KERNELS[core]}.c").is_file()


@pytest.mark.parametrize("name", MATRIX)
def test_shapes(tmp_path, core, name):
    shape, channels, options = SHAPES[name]
    relu = layer(shape, channels, **options, **RELU)
    assert was_blocked(check(tmp_path / "relu", relu, 1, options=fastest(core)), core)
    plain = layer(shape, channels, **options, batches=2)
    assert was_blocked(check(tmp_path / "none", plain, 2, options=fastest(core)), core)


@pytest.mark.parametrize("name", ["two pixels", "3x3 image", "dilated", "speech"])
def test_the_assembly_does_the_same(tmp_path, core, name):
    shape, channels, options = SHAPES[name]
    relu = layer(shape, channels, **options, **RELU)
    check(tmp_path / "relu", relu, 3, qemu=True, options=fastest(core))
    plain = layer(shape, channels, **options, zero_point=-20, batches=2)
    check(tmp_path / "none", plain, 4, qemu=True, options=fastest(core))


@pytest.mark.parametrize("zero_point", [-128, 127])
@pytest.mark.parametrize("activation", ["NONE", "RELU", "RELU6"])
def test_zero_points_and_activations(tmp_path, core, zero_point, activation):
    build = layer((4, 4, 4), 4, zero_point=zero_point, activation=activation)
    dead = zero_point == 127 and activation != "NONE"
    check(tmp_path, build, 5, constant=dead, options=fastest(core))


@pytest.mark.parametrize("weights", [(127, 127), (-128, 127)], ids=str)
def test_the_largest_sums(tmp_path, core, weights):
    assert was_blocked(
        check(tmp_path, extreme(*weights), 6, qemu=True, options=fastest(core)), core
    )


def test_who_gets_no_offer(tmp_path):
    plain, grouped = layer((4, 4, 4), 4), layer((4, 4, 4), 4, groups=2)
    assert len(offered(tmp_path, plain)) == 1
    assert offered(tmp_path, plain, "cortex-m4") == []
    assert offered(tmp_path, grouped) == []
    # An effective scale of 1 or more is a left shift.
    assert offered(tmp_path, layer((4, 4, 4), 4, output_scale=1e-5)) == []


@pytest.mark.parametrize("name", COUNTED)
def test_estimates(tmp_path, core, name):
    shape, channels, options = COUNTED[name]
    m = mb.ModelBuilder()
    source, output = layer(shape, channels, **options, **RELU)(m, np.random.default_rng(0))
    path = m.save(tmp_path / "m.tflite", [source], [output])
    assert check_estimates(path, tmp_path / "p", core) == ["blocked GEMM"]
