"""Winograd convolutions equal TFLM on every shape, padding, zero point and weight that they take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import model_builder as mb
import numpy as np
import pytest
from tflm_check import check

from tinyml import targets
from tinyml.codegen import program, project
from tinyml.emulate import ports, validation
from tinyml.graph import tflite_reader
from tinyml.graph.ir import NodeView
from tinyml.kernels import choice, cost, winograd
from tinyml.kernels.base import Candidate, Options
from tinyml.ops import schedules
from tinyml.ops.conv_2d import window_of
from tinyml.targets import Core

M4 = targets.find("cortex-m4").processor
FASTEST = Options(optimize="speed")
RELU: dict[str, Any] = {"zero_point": -128, "activation": "RELU"}
Shape = tuple[int, int, int]

# Input height, width and channels; output channels; options of the convolution.
SHAPES: dict[str, tuple[Shape, int, dict[str, Any]]] = {
    "whole blocks": ((4, 16, 8), 4, {}),
    "whole blocks, valid": ((6, 10, 8), 4, {"padding": "VALID"}),
    "odd height": ((5, 8, 4), 2, {}),
    "odd width": ((4, 13, 4), 2, {}),
    "odd both, valid": ((7, 9, 12), 6, {"padding": "VALID"}),
    "seven columns": ((2, 7, 4), 2, {}),
    "three columns": ((9, 3, 4), 4, {}),
    "one column": ((6, 1, 8), 2, {}),
    "one row": ((1, 20, 4), 2, {}),
    "one pixel": ((1, 1, 4), 2, {}),
    "one output, valid": ((3, 3, 4), 2, {"padding": "VALID"}),
    "one part of channels": ((3, 4, 32), 2, {}),
    "two parts, the first short": ((3, 4, 36), 2, {}),
    "three parts": ((2, 9, 96), 4, {}),
}
REFUSED: dict[str, tuple[Shape, int, dict[str, Any]]] = {
    "stride": ((8, 8, 4), 4, {"stride": (1, 2)}),
    "dilation": ((8, 8, 4), 4, {"dilation": (2, 1)}),
    "window": ((8, 8, 4), 4, {"window": (3, 1)}),
    "groups": ((8, 8, 8), 4, {"groups": 2}),
    "input channels": ((8, 8, 6), 4, {}),
    "output channels": ((8, 8, 4), 3, {}),
    "a clamp inside int8": ((8, 8, 4), 4, {"activation": "RELU", "zero_point": 0}),
}


def layer(shape: Shape, channels: int, input_zero_point: int = 5, **options: Any):
    """A builder of one convolution."""

    def build(m: mb.ModelBuilder, rng: np.random.Generator):
        source = m.tensor((1, *shape), scale=0.05, zero_point=input_zero_point)
        options.setdefault("output_scale", 0.5)
        output, _ = mb.convolution(m, rng, source, (1, *shape), channels, **options)
        return source, output

    return build


def extreme(weights: np.ndarray, output_scale: float):
    """A builder of one convolution with these weights, over 6x9 pixels."""

    def build(m: mb.ModelBuilder, _rng: np.random.Generator):
        channels, depth = weights.shape[0], weights.shape[3]
        source = m.tensor((1, 6, 9, depth), scale=0.05, zero_point=-7)
        data = m.tensor(weights.shape, scale=[0.01] * channels, data=weights)
        output = m.tensor((1, 6, 9, channels), scale=output_scale, zero_point=-128)
        kind = {"kind": "Conv2DOptions", "padding": 0, "strideH": 1, "strideW": 1}
        dilations = {"dilationHFactor": 1, "dilationWFactor": 1, "fusedActivationFunction": 0}
        m.node("CONV_2D", [source, data], output, **kind, **dilations)
        return source, output

    return build


class Only(winograd.Winograd):
    """The candidates that transform the weights of so many blocks together; 0: at export."""

    def __init__(self, held: int) -> None:
        self._held = held

    def candidates(self, node: NodeView, core: Core) -> list[Candidate]:
        found = super().candidates(node, core)
        return [one for one in found if held_by(one) == self._held]


def held_by(candidate: Candidate) -> int:
    params = dict(candidate.calls[0].params)
    return params["held"] if params["weights"] else 0


def only(monkeypatch: pytest.MonkeyPatch, held: int) -> None:
    """No other kernel is taken, even where it would be faster."""
    monkeypatch.setattr(choice.kernels, "specialisations", lambda: (Only(held),))


@pytest.fixture(autouse=True)
def whenever_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where another kernel would be faster."""
    monkeypatch.setattr(cost, "general", lambda node, core: 1 << 40)
    only(monkeypatch, 0)


def offered(tmp_path: Path, build, core=M4) -> list[Candidate]:
    """What is offered for the first node of a model."""
    m = mb.ModelBuilder()
    source, output = build(m, np.random.default_rng(0))
    path = m.save(tmp_path / "m.tflite", [source], [output])
    return winograd.SPECIALISATION.candidates(tflite_reader.read(path).view(0), core)


def was_taken(directory: Path) -> bool:
    return (directory / "kernels/tinyml_winograd_s8.c").is_file()


@pytest.mark.parametrize("name", SHAPES)
def test_shapes(tmp_path, name):
    shape, channels, options = SHAPES[name]
    for case, extra in (("relu", RELU), ("none", {})):
        build = layer(shape, channels, **options, **extra)
        assert was_taken(check(tmp_path / case, build, 1, options=FASTEST))


@pytest.mark.parametrize("name", ["whole blocks", "odd both, valid", "two parts, the first short"])
def test_the_assembly_does_the_same(tmp_path, name):
    shape, channels, options = SHAPES[name]
    for case, extra in (("relu", RELU), ("none", {"zero_point": -20})):
        build = layer(shape, channels, **options, **extra)
        assert was_taken(check(tmp_path / case, build, 2, qemu=True, options=FASTEST))


@pytest.mark.slow
@pytest.mark.parametrize("name", SHAPES)
def test_the_assembly_on_every_shape(tmp_path, name):
    shape, channels, options = SHAPES[name]
    for case, extra in (("relu", RELU), ("none", {"zero_point": 11})):
        build = layer(shape, channels, **options, **extra)
        check(tmp_path / case, build, 3, qemu=True, options=FASTEST)


@pytest.mark.parametrize("zero_point", [-128, -127, 0, 127])
@pytest.mark.parametrize("input_zero_point", [-128, 0, 127])
def test_zero_points(tmp_path, zero_point, input_zero_point):
    build = layer((5, 9, 4), 4, input_zero_point, zero_point=zero_point)
    assert was_taken(check(tmp_path, build, 4, options=FASTEST))


@pytest.mark.parametrize("least", [-127, -128])
@pytest.mark.parametrize("pattern", ["greatest", "least", "signs", "one channel"])
def test_extreme_weights(tmp_path, pattern, least):
    """With the extreme inputs that `check` adds: the transforms' and the sums' largest values."""
    signs = np.sign(np.einsum("ax,by->abxy", winograd._TRANSFORM, winograd._TRANSFORM))
    weights = np.zeros((16, 3, 3, 8), np.int64)
    if pattern == "signs":
        weights[:] = signs.reshape(16, 3, 3, 1)
    elif pattern == "one channel":
        weights[:, :, :, 5] = 1
    else:
        weights[:] = 1 if pattern == "greatest" else -1
    data = np.where(weights > 0, 127, np.where(weights < 0, least, 0))
    assert was_taken(check(tmp_path, extreme(data, 5.0), 5, qemu=True, options=FASTEST))


def test_int16_holds_all_transformed_weights():
    """The transform is linear: its largest value is that of all weights at an end of their range."""
    basis = np.eye(9, dtype=np.int64).reshape(9, 3, 3, 1)
    reach = np.abs(winograd.transformed(basis)).sum(axis=0) * 128
    assert reach.max() == 9 * 128


def test_both_ways_of_requantization_and_constant_channels(tmp_path):
    wide = layer((6, 6, 8), 32, zero_point=-128, output_scale=0.02, dead=3)
    narrow = layer((6, 6, 8), 32, zero_point=9, output_scale=3.0, dead=3)
    assert was_taken(check(tmp_path / "wide", wide, 6, qemu=True, options=FASTEST))
    assert was_taken(check(tmp_path / "narrow", narrow, 6, qemu=True, options=FASTEST))


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_left_alone(tmp_path, name):
    shape, channels, options = REFUSED[name]
    assert not offered(tmp_path, layer(shape, channels, **options))


def test_cores_without_the_instructions_are_left_alone(tmp_path):
    build = layer((8, 8, 4), 4)
    assert offered(tmp_path, build)
    assert not offered(tmp_path, build, targets.find("cortex-m3").processor)


def test_outputs_take_the_place_of_rows_already_read(tmp_path):
    """Three layers of equal size need little more than one of their tensors, and stay exact."""

    def build(m: mb.ModelBuilder, rng: np.random.Generator):
        shape = (1, 12, 8, 8)
        first = last = m.tensor(shape, scale=0.05, zero_point=5)
        for _ in range(3):
            options = {**RELU, "input_scale": 0.05, "output_scale": 0.3}
            last, _ = mb.convolution(m, rng, last, shape, 8, **options)
        return first, last

    directory = check(tmp_path, build, 7, qemu=True, options=FASTEST)
    report = project.read_report(directory)
    image = 12 * 8 * 8
    scratch = max(item["bytes"] for item in report["arena"] if item["scratch"])
    assert report["ram_bytes"]["arena"] < scratch + 1.5 * image


def test_several_images(tmp_path):
    def build(m: mb.ModelBuilder, rng: np.random.Generator):
        source = m.tensor((3, 5, 9, 4), scale=0.05, zero_point=5)
        output, _ = mb.convolution(m, rng, source, (3, 5, 9, 4), 4, **RELU, output_scale=0.5)
        return source, output

    assert was_taken(check(tmp_path, build, 8, qemu=True, options=FASTEST))


# Whole rows of blocks together, and not; the last group short, and not.
@pytest.mark.parametrize("held", [1, 2, 4])
@pytest.mark.parametrize(
    ("shape", "channels"), [((8, 8, 8), 4), ((4, 16, 36), 4), ((5, 9, 4), 6), ((3, 18, 32), 2)]
)
def test_weights_transformed_on_the_device(tmp_path, monkeypatch, shape, channels, held):
    only(monkeypatch, held)
    for case, extra in (("relu", RELU), ("none", {"zero_point": -20})):
        build = layer(shape, channels, **extra)
        assert was_taken(check(tmp_path / case, build, 9, qemu=True, options=FASTEST))


@pytest.mark.parametrize("held", [1, 4])
def test_weights_transformed_on_the_device_take_no_more_flash(tmp_path, held):
    candidates = {held_by(one): one for one in offered(tmp_path, layer((8, 16, 32), 32))}
    general = 32 * 9 * 32 + 32 * (4 + 4 + 1)
    assert candidates[held].constant_bytes < 1.06 * general
    assert candidates[0].constant_bytes > 3 * general
    assert candidates[0].instructions < candidates[held].instructions


@pytest.mark.parametrize("together", [1, 3])
@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("size", [(4, 16), (7, 11), (3, 3), (5, 18)])
def test_the_schedule_says_when_a_pixel_is_first_seen(tmp_path, padding, size, together):
    m = mb.ModelBuilder()
    source, output = layer((*size, 4), 2, padding=padding)(m, np.random.default_rng(0))
    node = tflite_reader.read(m.save(tmp_path / "m.tflite", [source], [output])).view(0)
    claim = schedules.by_blocks(node, window_of(node), (2, 8), together)
    read, written = claim.schedule()
    height, width = node.output.shape[1:3]
    before = 1 if padding == "SAME" else 0
    first = np.full(size, -1)
    steps = np.zeros((height, width), int)
    blocks = [(y, x) for y in range(0, height, 2) for x in range(0, width, 8)]
    for number, (y, x) in enumerate(blocks):
        step = number // together
        steps[y : y + 2, x : x + 8] = step
        seen = first[max(y - before, 0) : y + 4 - before, max(x - before, 0) : x + 10 - before]
        seen[seen < 0] = step
    np.testing.assert_array_equal(read.reshape(*size, 4)[..., 0], first)
    np.testing.assert_array_equal(written.reshape(height, width, 2)[..., 0], steps)


@pytest.mark.slow
@pytest.mark.parametrize("held", [0, 1, 2])
@pytest.mark.parametrize(
    ("shape", "channels"),
    [((16, 16, 16), 16), ((8, 8, 32), 8), ((5, 13, 8), 4), ((4, 4, 100), 6), ((12, 24, 4), 32)],
)
@pytest.mark.parametrize("options", [RELU, {}])
def test_the_estimate_is_right(tmp_path, monkeypatch, shape, channels, options, held):
    only(monkeypatch, held)
    m = mb.ModelBuilder()
    source, output = layer(shape, channels, **options)(m, np.random.default_rng(0))
    path = m.save(tmp_path / "m.tflite", [source], [output])
    compiled = program.compile_model(path, options=FASTEST)
    target = targets.find("cortex-m4")
    (tmp_path / "p").mkdir()
    project.write(tmp_path / "p", compiled, target, path, "0" * 64, "model")
    samples = ports.of_project(tmp_path / "p").random_inputs(1, 0)
    counted = validation.execute(tmp_path / "p", samples, "qemu", 30).instructions
    assert counted is not None
    assert compiled.chosen[0].instructions == pytest.approx(counted["mean"], rel=0.05)
