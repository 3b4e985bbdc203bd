"""Pools and means four channels at a time: every byte is TFLM's, and the estimates hold."""

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

FOURS = "four channels at a time"


def pool(
    m: mb.ModelBuilder, rng: np.random.Generator, shape: tuple[int, ...], **settings: Any
) -> tuple[int, int]:
    source = m.tensor(shape, scale=0.1, zero_point=3)
    output, _ = mb.pool(m, source, shape, **settings)
    return source, output


def mean(
    m: mb.ModelBuilder,
    rng: np.random.Generator,
    shape: tuple[int, ...],
    axes: tuple[int, ...],
    keep: bool = False,
) -> tuple[int, int]:
    source = m.tensor(shape, scale=0.1, zero_point=-9)
    sizes = [1 if i in axes else n for i, n in enumerate(shape) if keep or i not in axes]
    output = m.tensor(tuple(sizes), scale=0.07, zero_point=20)
    over = m.tensor((len(axes),), "int32", data=np.array(axes))
    m.node("MEAN", [source, over], output, kind="ReducerOptions", keepDims=keep)
    return source, output


def chosen(path: Path, core: str = "cortex-m4") -> str:
    options = Options(core=targets.find(core).processor)
    (candidate,) = program.compile_model(path, options=options).chosen.values()
    return candidate.name


@pytest.mark.parametrize("kind", ["AVERAGE", "MAX"])
@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("channels", [4, 12])
@pytest.mark.parametrize(
    ("window", "stride"), [((2, 2), (2, 2)), ((3, 3), (1, 2)), ((9, 7), (1, 1)), ((2, 7), (3, 1))]
)
def test_windows(tmp_path, kind, padding, channels, window, stride):
    settings = {"kind": kind, "padding": padding, "window": window, "stride": stride}
    build = functools.partial(pool, shape=(1, 9, 7, channels), **settings)
    check(tmp_path, build, channels)
    assert chosen(tmp_path / "model.tflite") == FOURS


@pytest.mark.parametrize("kind", ["AVERAGE", "MAX"])
@pytest.mark.parametrize("activation", ["RELU", "RELU6", "RELU_N1_TO_1"])
def test_activations_of_two_images(tmp_path, kind, activation):
    build = functools.partial(pool, shape=(2, 6, 6, 8), kind=kind, activation=activation)
    check(tmp_path, build, 4)
    assert chosen(tmp_path / "model.tflite") == FOURS


@pytest.mark.parametrize(
    ("shape", "axes", "keep"),
    [
        ((1, 25, 5, 8), (1, 2), False),
        ((1, 7, 7, 4), (1, 2), True),
        ((2, 3, 5, 4), (2,), False),
        ((1, 16, 16, 4), (2, 1), False),
        ((3, 4, 6), (0,), False),
    ],
)
def test_means(tmp_path, shape, axes, keep):
    check(tmp_path, functools.partial(mean, shape=shape, axes=axes, keep=keep), 6)
    assert chosen(tmp_path / "model.tflite") == FOURS


@pytest.mark.parametrize(
    "build",
    [
        functools.partial(pool, shape=(1, 6, 6, 6)),
        functools.partial(pool, shape=(1, 17, 16, 4), window=(17, 16), stride=(1, 1)),
        functools.partial(mean, shape=(1, 6, 6, 4), axes=(3,)),
        functools.partial(mean, shape=(1, 17, 16, 4), axes=(1, 2)),
        functools.partial(mean, shape=(4, 6, 4), axes=(0, 2)),
    ],
)
def test_what_does_not_meet_the_precondition_stays_exact(tmp_path, build):
    check(tmp_path, build, 3)
    assert chosen(tmp_path / "model.tflite") == GENERAL


@pytest.mark.parametrize("kind", ["AVERAGE", "MAX"])
def test_on_the_device(tmp_path, kind):
    build = functools.partial(pool, shape=(1, 6, 5, 8), kind=kind, padding="SAME")
    check(tmp_path, build, 3, qemu=True)


def test_means_on_the_device(tmp_path):
    build = functools.partial(mean, shape=(1, 16, 16, 4), axes=(1, 2))
    check(tmp_path, build, 3, qemu=True)


@pytest.mark.parametrize(
    "build",
    [
        functools.partial(pool, shape=(1, 25, 5, 64), window=(25, 5)),
        functools.partial(pool, shape=(1, 16, 16, 32)),
        functools.partial(pool, shape=(1, 16, 16, 32), kind="MAX"),
        functools.partial(
            pool, shape=(1, 12, 12, 16), kind="MAX", window=(3, 3), stride=(1, 1), padding="SAME"
        ),
        functools.partial(mean, shape=(1, 7, 7, 64), axes=(1, 2)),
    ],
)
@pytest.mark.parametrize("target", ["cortex-m4", "cortex-m3"])
def test_estimates_hold_on_the_device(tmp_path, build, target):
    m = mb.ModelBuilder()
    source, output = build(m, np.random.default_rng(0))
    path = m.save(tmp_path / "model.tflite", [source], [output])
    if chosen(path, target) == FOURS:
        check_estimates(path, tmp_path / "project", target)
