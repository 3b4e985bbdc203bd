"""The packed convolutions equal TFLM on every shape, zero point and activation that they take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import model_builder as mb
import numpy as np
import pytest
from tflm_check import check

from tinyml import kernels, targets
from tinyml.graph import tflite_reader
from tinyml.graph.ir import NodeView
from tinyml.kernels import cost, packed_conv
from tinyml.kernels.base import Candidate, Options

M4 = targets.find("cortex-m4").processor
FASTEST = Options(optimize="speed")
RELU: dict[str, Any] = {"zero_point": -128, "activation": "RELU"}

SHAPES: dict[str, tuple[tuple[int, int, int], int, dict[str, Any]]] = {
    "pointwise": ((5, 5, 8), 8, {"window": (1, 1)}),
    "one pixel": ((1, 1, 12), 6, {"window": (1, 1)}),
    "two pixels": ((2, 1, 12), 5, {"window": (1, 1)}),
    "three pixels, one channel": ((1, 3, 4), 1, {"window": (1, 1)}),
    "channels not by four": ((3, 3, 5), 3, {"window": (1, 1)}),
    "strided 1x1": ((7, 6, 8), 4, {"window": (1, 1), "stride": (2, 2)}),
    "3x3": ((9, 10, 4), 6, {}),
    "3x3 image": ((11, 9, 3), 8, {"stride": (2, 2)}),
    "3x3 valid": ((6, 8, 8), 4, {"padding": "VALID"}),
    "5x5 on a small image": ((3, 4, 4), 4, {"window": (5, 5)}),
    "speech": ((12, 10, 1), 8, {"window": (10, 4), "stride": (2, 2)}),
    "1x7": ((3, 12, 2), 4, {"window": (1, 7)}),
    "7x1": ((12, 3, 2), 4, {"window": (7, 1), "padding": "VALID"}),
    "dilated": ((12, 11, 4), 4, {"dilation": (2, 3)}),
    "dilated, gathered": ((9, 9, 3), 5, {"dilation": (3, 2), "window": (3, 2)}),
    "uneven strides": ((9, 12, 4), 4, {"stride": (3, 2), "window": (2, 3)}),
    "narrow": ((9, 1, 4), 4, {}),
    "long": ((2, 2, 64), 2, {}),
}


def layer(shape: tuple[int, int, int], channels: int, **options: Any):
    """A builder of one convolution with an input zero point of 5."""

    def build(m: mb.ModelBuilder, rng: np.random.Generator):
        source = m.tensor((1, *shape), scale=0.05, zero_point=5)
        output, _ = mb.convolution(
            m, rng, source, (1, *shape), channels, **{"output_scale": 0.5, **options}
        )
        return source, output

    return build


@pytest.fixture(autouse=True)
def only_these(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever else there is, and on tiny layers, too, where they do not pay."""
    monkeypatch.setattr(kernels, "specialisations", lambda: (packed_conv.SPECIALISATION,))
    monkeypatch.setattr(cost, "general", lambda node, core: 1 << 40)


def read(path: Path) -> NodeView:
    return tflite_reader.read(path).view(0)


def offered(tmp_path: Path, build) -> list[Candidate]:
    """What is offered for the first node of a model."""
    m = mb.ModelBuilder()
    source, output = build(m, np.random.default_rng(0))
    node = read(m.save(tmp_path / "m.tflite", [source], [output]))
    return packed_conv.SPECIALISATION.candidates(node, M4)


def was_packed(directory: Path) -> bool:
    return (directory / "kernels/tinyml_conv_packed_s8.c").is_file()


@pytest.mark.parametrize("name", SHAPES)
def test_shapes(tmp_path, name):
    shape, channels, options = SHAPES[name]
    assert was_packed(
        check(tmp_path / "relu", layer(shape, channels, **options, **RELU), 1, options=FASTEST)
    )
    assert was_packed(
        check(tmp_path / "none", layer(shape, channels, **options), 2, options=FASTEST)
    )


@pytest.mark.parametrize("name", ["two pixels", "3x3 image", "dilated", "speech"])
def test_the_assembly_does_the_same(tmp_path, name):
    shape, channels, options = SHAPES[name]
    check(
        tmp_path / "relu", layer(shape, channels, **options, **RELU), 3, qemu=True, options=FASTEST
    )
    check(
        tmp_path / "none",
        layer(shape, channels, **options, zero_point=-20),
        4,
        qemu=True,
        options=FASTEST,
    )


@pytest.mark.parametrize("zero_point", [-128, -127, 0, 127])
@pytest.mark.parametrize("activation", ["NONE", "RELU", "RELU6"])
def test_zero_points_and_activations(tmp_path, zero_point, activation):
    build = layer((4, 4, 4), 4, zero_point=zero_point, activation=activation)
    check(tmp_path, build, 5, constant=zero_point == 127 and activation != "NONE", options=FASTEST)
