"""The packed fully connected layer equals TFLM on every width, zero point and activation that it takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import model_builder as mb
import numpy as np
import pytest
from counts_check import check_estimates
from tflm_check import check

from tinyml import kernels, targets
from tinyml.kernels import cost, packed_fully_connected
from tinyml.kernels.base import Options

KERNELS = {
    "cortex-m4": ("packed matrix", "tinyml_fully_connected_packed_s8"),
    "cortex-m3": ("blocked matrix", "tinyml_fully_connected_blocked_s8"),
}
FASTEST = {core: Options(core=targets.find(core).processor, optimize="speed") for core in KERNELS}
RELU: dict[str, Any] = {"zero_point": -128, "activation": "RELU"}


@pytest.fixture(autouse=True)
def only_these(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever else there is, and on tiny layers, too, where they do not pay."""
    monkeypatch.setattr(
        kernels, "specialisations", lambda: (packed_fully_connected.SPECIALISATION,)
    )
    monkeypatch.setattr(cost, "general", lambda node, core: 1 << 40)


def layer(width: int, outputs: int, rows: int = 1, **options: Any):
    """A builder of one layer with an input zero point of -7."""

    def build(m: mb.ModelBuilder, rng: np.random.Generator):
        source = m.tensor((rows, width), scale=0.1, zero_point=-7)
        settings = {"output_scale": 2.0, "rows": rows, **options}
        return source, mb.dense(m, rng, source, width, outputs, **settings)

    return build


def was_packed(directory: Path, core: str) -> bool:
    return (directory / f"kernels/{KERNELS[core][1]}.c").is_file()


SIZES = [(1, 1), (2, 3), (3, 4), (4, 5), (5, 8), (16, 10), (17, 12), (21, 7), (130, 9)]


@pytest.mark.parametrize("core", KERNELS)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_sizes(tmp_path, size, core):
    options = FASTEST[core]
    assert was_packed(check(tmp_path / "relu", layer(*size, **RELU), 3, options=options), core)
    several = layer(*size, rows=3, per_channel=True)
    assert was_packed(check(tmp_path / "rows", several, 2, options=options), core)


@pytest.mark.parametrize("core", KERNELS)
@pytest.mark.parametrize("size", [(21, 7), (64, 12)], ids=str)
def test_the_assembly_does_the_same(tmp_path, size, core):
    options = FASTEST[core]
    check(tmp_path / "relu", layer(*size, **RELU), 3, qemu=True, options=options)
    rows = layer(*size, rows=2, per_channel=True)
    check(tmp_path / "rows", rows, 4, qemu=True, options=options)


@pytest.mark.parametrize("core", KERNELS)
@pytest.mark.parametrize("dilated", [False, True])
def test_a_convolution_of_one_pixel_is_the_same(tmp_path, dilated, core):
    def build(m: mb.ModelBuilder, rng: np.random.Generator):
        source = m.tensor((2, 3, 2, 5), scale=0.05, zero_point=-7)
        options: dict[str, Any] = {"window": (3, 2), "stride": (3, 3), "output_scale": 0.5}
        options["dilation"] = (2, 2) if dilated else (1, 1)  # sees beyond the image
        return source, mb.convolution(m, rng, source, (2, 3, 2, 5), 6, **options)[0]

    assert was_packed(check(tmp_path, build, 6, options=FASTEST[core]), core) != dilated


@pytest.mark.parametrize("core", KERNELS)
@pytest.mark.parametrize("size", [(64, 12), (64, 10, 3), (320, 64), (8, 128)], ids=str)
def test_estimates(tmp_path, size, core):
    m = mb.ModelBuilder()
    source, output = layer(*size, **RELU)(m, np.random.default_rng(0))
    path = m.save(tmp_path / "m.tflite", [source], [output])
    assert check_estimates(path, tmp_path / "p", core) == [KERNELS[core][0]]


@pytest.mark.parametrize("core", KERNELS)
@pytest.mark.parametrize("zero_point", [-128, -127, 0, 127])
@pytest.mark.parametrize("activation", ["NONE", "RELU", "RELU6"])
def test_zero_points_and_activations(tmp_path, zero_point, activation, core):
    build = layer(24, 6, zero_point=zero_point, activation=activation)
    dead = zero_point == 127 and activation != "NONE"
    check(tmp_path, build, 5, constant=dead, options=FASTEST[core])
