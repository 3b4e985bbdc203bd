"""Depthwise windows of any size from planes: every byte is TFLM's, and the estimates hold."""

from __future__ import annotations

import functools
from pathlib import Path

import model_builder as mb
import numpy as np
import pytest
from counts_check import check_estimates
from test_depthwise_planar import RELU, SPEED, chosen, depthwise
from tflm_check import check

from tinyml import targets
from tinyml.kernels.base import Options

NAME = "planar depthwise, any window"
SIZES = [
    ((9, 8), {"window": (5, 5)}),
    ((9, 8), {"window": (5, 5), "stride": (2, 2)}),
    ((8, 9), {"window": (7, 7)}),
    ((8, 9), {"window": (7, 7), "stride": (2, 1)}),
    ((11, 6), {"window": (10, 4), "stride": (1, 2)}),
    ((1, 21), {"window": (1, 9)}),
    ((1, 21), {"window": (1, 4), "stride": (1, 2)}),
    ((21, 1), {"window": (10, 1), "stride": (2, 1)}),
    ((13, 9), {"window": (3, 3), "stride": (3, 3)}),
    ((10, 9), {"window": (3, 3), "dilation": (2, 2)}),
    ((10, 9), {"window": (2, 3), "dilation": (1, 3)}),
    ((1, 24), {"window": (1, 5), "dilation": (1, 4)}),
    ((2, 2), {"window": (5, 5)}),
]


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("form", [RELU, {}], ids=["proven", "exact"])
@pytest.mark.parametrize(("size", "window"), SIZES)
def test_every_window(tmp_path, size, window, form, padding):
    if size == (2, 2) and padding == "VALID":
        padding = "SAME"
    build = functools.partial(depthwise, shape=(1, *size, 5), padding=padding, **window, **form)
    check(tmp_path, build, sum(size), options=SPEED)
    assert chosen(tmp_path / "model.tflite") == NAME


@pytest.mark.parametrize("input_zero", [-128, 127])
@pytest.mark.parametrize("channels", [1, 8])
def test_channels_and_multipliers(tmp_path, channels, input_zero):
    shape = (1, 7, 10, min(channels, 4))
    build = functools.partial(
        depthwise, shape=shape, channels=channels, input_zero=input_zero, window=(5, 5), **RELU
    )
    check(tmp_path, build, channels, options=SPEED)
    assert chosen(tmp_path / "model.tflite") == NAME


@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m3", "cortex-m0plus"])
@pytest.mark.parametrize("form", [RELU, {}], ids=["proven", "exact"])
@pytest.mark.parametrize(("size", "window"), [SIZES[i] for i in (0, 1, 4, 6, 8, 9, 11)])
def test_on_the_device(tmp_path, size, window, form, core):
    """Each loop: stride 1, stride 2, any; with lines of all rests."""
    build = functools.partial(depthwise, shape=(1, *size, 3), **window, **form)
    options = Options(core=targets.find(core).processor, optimize="speed")
    check(tmp_path, build, 3, qemu=True, options=options)


@pytest.mark.parametrize("target", ["cortex-m4", "cortex-m3"])
@pytest.mark.parametrize(
    ("size", "window"),
    [
        ((12, 12, 16), {"window": (5, 5)}),
        ((12, 12, 16), {"window": (5, 5), "stride": (2, 2)}),
        ((9, 9, 8), {"window": (7, 7)}),
        ((5, 5, 24), {"window": (5, 5)}),
        ((25, 10, 8), {"window": (10, 4), "stride": (2, 2)}),
        ((1, 49, 32), {"window": (1, 9)}),
        ((49, 1, 32), {"window": (10, 1)}),
        ((10, 20, 8), {"window": (1, 7), "stride": (1, 2)}),
        ((12, 12, 8), {"window": (3, 3), "dilation": (2, 2)}),
        ((1, 32, 8), {"window": (1, 5), "dilation": (1, 4)}),
    ],
)
def test_estimates_hold_on_the_device(tmp_path: Path, size, window, target):
    m = mb.ModelBuilder()
    ends = depthwise(m, np.random.default_rng(0), (1, *size), **window, **RELU)
    path = m.save(tmp_path / "model.tflite", [ends[0]], [ends[1]])
    assert check_estimates(path, tmp_path / "project", target) == [NAME]
