"""Depthwise 3x3 from planes: every byte is TFLM's, and the estimates hold."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import model_builder as mb
import numpy as np
import pytest
from counts_check import check_estimates
from tflm_check import check

from tinyml import targets
from tinyml.codegen import program
from tinyml.kernels.base import GENERAL, Options

SPEED = Options(optimize="speed")  # whatever scratch the planes take
RELU = {"activation": "RELU", "zero_point": -128}  # what the proven form is for
SHAPES = [
    (height, width, stride, padding)
    for height, width in (
        (3, 5),
        (4, 6),
        (5, 9),
        (7, 4),
        (11, 5),
        (6, 13),
        (1, 7),
        (8, 1),
        (12, 12),
    )
    for stride in (1, 2)
    for padding in ("SAME", "VALID")
    if padding == "SAME" or min(height, width) >= 3
]


def depthwise(
    m: mb.ModelBuilder,
    rng: np.random.Generator,
    shape: tuple[int, ...],
    input_zero: int = -7,
    **settings: Any,
) -> tuple[int, int]:
    source = m.tensor(shape, scale=0.05, zero_point=input_zero)
    settings = {"channels": shape[3], **settings}
    output, _ = mb.convolution(m, rng, source, shape, depthwise=True, **settings)
    return source, output


def chosen(path: Path) -> str:
    (candidate,) = program.compile_model(path, options=SPEED).chosen.values()
    return candidate.name


@pytest.mark.parametrize("zero_point", [-128, 3])
@pytest.mark.parametrize(("height", "width", "stride", "padding"), SHAPES)
def test_every_shape(tmp_path, height, width, stride, padding, zero_point):
    settings = {
        "activation": "RELU" if zero_point == -128 else "NONE",
        "zero_point": zero_point,
        "stride": (stride, stride),
        "padding": padding,
    }
    build = functools.partial(depthwise, shape=(1, height, width, 5), **settings)
    check(tmp_path, build, height * width + stride, options=SPEED)
    assert chosen(tmp_path / "model.tflite") == "planar depthwise"


@pytest.mark.parametrize("input_zero", [-128, 127])
@pytest.mark.parametrize("activation", ["RELU", "RELU6"])
@pytest.mark.parametrize("channels", [1, 4, 12])
def test_channels_and_multipliers(tmp_path, channels, activation, input_zero):
    settings = {"zero_point": -128, "activation": activation, "output_scale": 6 / 255}
    build = functools.partial(
        depthwise, shape=(1, 6, 7, 4), channels=4 * channels, input_zero=input_zero, **settings
    )
    check(tmp_path, build, channels, options=SPEED)
    assert chosen(tmp_path / "model.tflite") == "planar depthwise"


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("zero_point", [-128, 10])
@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m3", "cortex-m0plus"])
def test_on_the_device(tmp_path, core, zero_point, stride):
    """Strips of four, two and one output."""
    build = functools.partial(
        depthwise,
        shape=(1, 11, 7, 6),
        stride=(stride, stride),
        zero_point=zero_point,
        activation="RELU" if zero_point == -128 else "NONE",
    )
    options = Options(core=targets.find(core).processor, optimize="speed")
    check(tmp_path, build, 3, qemu=True, options=options)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(
    ("padding", "size"), [("SAME", (5, 9)), ("SAME", (2, 24)), ("VALID", (10, 12))], ids=str
)
def test_two_channels_are_copied_together_where_there_is_room(tmp_path, padding, size, stride):
    settings = {"stride": (stride, stride), "padding": padding, "channels": 6, **RELU}
    build = functools.partial(depthwise, shape=(2, *size, 6), **settings)
    directory = check(tmp_path, build, 7, qemu=True, options=SPEED)
    kernel = f"tinyml_depthwise_3x3_pairs{'_stride_2' if stride == 2 else ''}_s8"
    assert (directory / f"kernels/{kernel}.c").is_file()
    balanced = program.compile_model(tmp_path / "model.tflite").chosen.values()
    assert not any(candidate.roomy for candidate in balanced)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"activation": "RELU", "zero_point": 10}, "a clamp above the zero point's steps"),
        ({"output_scale": 1e-5}, "effective scales above 1/2"),
    ],
)
def test_what_does_not_meet_the_precondition_stays_exact(tmp_path, settings, why):
    check(tmp_path, functools.partial(depthwise, shape=(1, 9, 9, 3), **settings), 1, options=SPEED)
    assert chosen(tmp_path / "model.tflite") == GENERAL, why


def test_lies_on_its_own_input(tmp_path):
    """Planes go one by one: of two equal layers both fit on one tensor's memory and a plane."""

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        shape = (1, 10, 10, 16)
        source = m.tensor(shape, scale=0.05)
        first, _ = mb.convolution(m, rng, source, shape, 16, depthwise=True, **RELU)
        second, _ = mb.convolution(m, rng, first, shape, 16, depthwise=True, **RELU)
        return source, second

    check(tmp_path, build, 5)
    plan = program.compile_model(tmp_path / "model.tflite").plan
    assert plan.arena_bytes < 1.3 * 1600


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("zero_point", [-128, 10])
@pytest.mark.parametrize(
    ("target", "size"),
    [
        (target, size)
        for target in ("cortex-m4", "cortex-m3", "cortex-m0plus")
        for size in ((25, 5, 16), (24, 24, 4), (7, 9, 8), (3, 3, 32))
        if size != (3, 3, 32) or target != "cortex-m0plus"  # the general kernel is as fast there
    ],
)
def test_estimates_hold_on_the_device(tmp_path, size, zero_point, stride, target):
    build = functools.partial(
        depthwise,
        shape=(1, *size),
        stride=(stride, stride),
        zero_point=zero_point,
        activation="RELU" if zero_point == -128 else "NONE",
    )
    m = mb.ModelBuilder()
    ends = build(m, np.random.default_rng(0))
    path = m.save(tmp_path / "model.tflite", [ends[0]], [ends[1]])
    assert check_estimates(path, tmp_path / "project", target) == ["planar depthwise"]
