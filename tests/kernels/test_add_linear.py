"""Sums as a linear function: proven for every pair of bytes, or not offered."""

from __future__ import annotations

import functools
from typing import Any

import model_builder as mb
import numpy as np
import pytest
from counts_check import check_estimates
from tflm_check import check

from tinyml.codegen import program
from tinyml.graph import tflite_reader
from tinyml.kernels import add_linear
from tinyml.kernels.base import GENERAL
from tinyml.ops import arithmetic
from tinyml.quantize.tflm import Tflm


def total(
    m: mb.ModelBuilder,
    rng: np.random.Generator,
    operator: str = "ADD",
    elements: int = 41,
    scales: tuple[float, float, float] = (0.0503, 0.0317, 0.0811),
    zero_points: tuple[int, int, int] = (-128, 5, -20),
    activation: str = "NONE",
    **same: Any,
) -> tuple[tuple[int, int], int]:
    first = m.tensor((1, elements), scale=scales[0], zero_point=zero_points[0])
    second = m.tensor((1, elements), scale=scales[1], zero_point=zero_points[1])
    output = m.tensor((1, elements), scale=scales[2], zero_point=zero_points[2])
    options = {"fusedActivationFunction": mb.ACTIVATIONS[activation]}
    kind = {"ADD": "AddOptions", "SUB": "SubOptions"}[operator]
    return (first, second), m.node(operator, [first, second], output, kind=kind, **options)


def saved(tmp_path, build, seed=0):
    m = mb.ModelBuilder()
    inputs, output = build(m, np.random.default_rng(seed))
    return m.save(tmp_path / "model.tflite", list(inputs), [output])


def chosen(path):
    (candidate,) = program.compile_model(path).chosen.values()
    return candidate.name


@pytest.mark.parametrize("operator", ["ADD", "SUB"])
@pytest.mark.parametrize("elements", [2, 7, 8, 64])
def test_of_every_length(tmp_path, operator, elements):
    build = functools.partial(total, operator=operator, elements=elements)
    check(tmp_path, build, elements)
    assert chosen(tmp_path / "model.tflite") == "linear sum"


def test_on_the_device(tmp_path):
    check(tmp_path, total, 1, qemu=True)


@pytest.mark.parametrize("seed", range(40))
def test_nearly_all_scales_have_a_proof(tmp_path, seed):
    rng = np.random.default_rng(seed)
    settings = {
        "operator": "ADD" if seed % 4 else "SUB",
        "scales": tuple(rng.uniform(0.02, 0.1, 3).tolist()),
        "zero_points": tuple(rng.integers(-128, 128, 3).tolist()),
    }
    path = saved(tmp_path, functools.partial(total, **settings))
    found = add_linear.linear(tflite_reader.read(path).view(0))
    assert found is not None
    assert found.shift >= 20


def test_all_pairs_of_bytes_against_tflm(tmp_path):
    """Not by the numpy reference: the interpreter adds every byte to every byte."""
    build = functools.partial(total, elements=1 << 16)
    path = saved(tmp_path, build)
    grid = np.meshgrid(np.arange(-128, 128), np.arange(-128, 128), indexing="ij")
    batches = [part.reshape(1, -1).astype(np.int8) for part in grid]
    (expected,) = Tflm(path).predict_all(batches)
    found = add_linear.linear(tflite_reader.read(path).view(0))
    assert found is not None
    sums = np.clip(found.sums() >> found.shift, *arithmetic.LIMITS["int8"])
    np.testing.assert_array_equal(sums.ravel(), expected.ravel())


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"scales": (0.05, 0.031, 0.08)}, "halves, of sums below zero, too, round away from it"),
        ({"activation": "RELU", "zero_points": (0, 0, 0)}, "a clamp in the middle"),
        ({"scales": (0.0503, 0.0317, 1e-4)}, "sums beyond int32"),
    ],
)
def test_what_no_linear_function_computes_stays_exact(tmp_path, settings, why):
    check(tmp_path, functools.partial(total, **settings), 2)
    assert chosen(tmp_path / "model.tflite") == GENERAL, why


@pytest.mark.parametrize("elements", [64, 1001])
def test_estimates_hold_on_the_device(tmp_path, elements):
    path = saved(tmp_path, functools.partial(total, elements=elements))
    assert check_estimates(path, tmp_path / "project") == ["linear sum"]
