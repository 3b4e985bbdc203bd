"""Every operator, over shapes and quantizations, byte for byte: numpy reference = compiled C = TFLM."""

from __future__ import annotations

import itertools
from pathlib import Path

import model_builder as mb
import numpy as np
import pytest
from tflm_check import check

from tinyml import targets
from tinyml.codegen import program, project
from tinyml.emulate.host import HostModel
from tinyml.quantize.tflm import Tflm

CONVOLUTIONS = [
    # size, channels in, channels out, window, stride, dilation, padding
    ((8, 8), 3, 5, (3, 3), (1, 1), (1, 1), "SAME"),
    ((7, 9), 1, 4, (3, 3), (2, 2), (1, 1), "SAME"),
    ((7, 9), 2, 6, (3, 3), (2, 1), (1, 1), "VALID"),
    ((5, 5), 8, 8, (1, 1), (1, 1), (1, 1), "SAME"),
    ((5, 5), 8, 7, (1, 1), (2, 2), (1, 1), "SAME"),
    ((10, 4), 1, 3, (10, 4), (2, 2), (1, 1), "SAME"),
    ((9, 9), 2, 4, (3, 3), (1, 1), (2, 3), "SAME"),
    ((9, 9), 2, 4, (2, 3), (1, 1), (3, 2), "VALID"),
    ((1, 1), 16, 1, (1, 1), (1, 1), (1, 1), "VALID"),
    ((2, 2), 1, 4, (5, 5), (1, 1), (1, 1), "SAME"),
]
ZERO_POINTS = [-128, 0, 127]


@pytest.mark.parametrize(
    ("case", "zero_points", "activation"),
    [
        (case, zero_points, activation)
        for case, (zero_points, activation) in zip(
            itertools.cycle(range(len(CONVOLUTIONS))),
            itertools.product(
                itertools.product(ZERO_POINTS, ZERO_POINTS),
                ["NONE", "RELU", "RELU6", "RELU_N1_TO_1"],
            ),
        )
    ],
)
def test_convolution(
    tmp_path: Path, case: int, zero_points: tuple[int, int], activation: str
) -> None:
    size, channels, outputs, window, stride, dilation, padding = CONVOLUTIONS[case]

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        shape = (1, *size, channels)
        source = m.tensor(shape, scale=0.05, zero_point=zero_points[0])
        output, _ = mb.convolution(
            m, rng, source, shape, outputs,
            window=window, stride=stride, dilation=dilation, padding=padding,
            activation=activation, bias=case % 3 != 0, zero_point=zero_points[1],
        )  # fmt: skip
        return source, output

    # With zero point 127 these activations leave one value.
    constant = zero_points[1] == 127 and activation in ("RELU", "RELU6")
    check(tmp_path, build, seed=case, constant=constant)


@pytest.mark.parametrize("multiplier", [1, 3])
@pytest.mark.parametrize("case", range(len(CONVOLUTIONS)))
def test_depthwise_convolution(tmp_path: Path, case: int, multiplier: int) -> None:
    size, channels, _, window, stride, dilation, padding = CONVOLUTIONS[case]

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        shape = (1, *size, channels)
        source = m.tensor(shape, scale=0.05, zero_point=ZERO_POINTS[case % 3])
        output, _ = mb.convolution(
            m, rng, source, shape, channels * multiplier, depthwise=True,
            window=window, stride=stride, dilation=dilation, padding=padding,
            activation=["NONE", "RELU", "RELU6"][case % 3], output_scale=0.03,
        )  # fmt: skip
        return source, output

    check(tmp_path, build, seed=case)


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize(
    ("width", "outputs", "rows"), [(16, 10, 1), (7, 3, 1), (5, 4, 3), (64, 1, 1)]
)
def test_fully_connected(
    tmp_path: Path, width: int, outputs: int, rows: int, per_channel: bool
) -> None:
    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        source = m.tensor((1, rows * width), scale=0.1, zero_point=7)
        return source, mb.dense(m, rng, source, width, outputs, per_channel=per_channel, rows=rows)

    check(tmp_path, build, seed=width)


@pytest.mark.parametrize("kind", ["AVERAGE", "MAX"])
@pytest.mark.parametrize(
    ("size", "window", "stride", "padding", "activation"),
    [
        ((8, 8), (2, 2), (2, 2), "VALID", "NONE"),
        ((7, 5), (3, 3), (2, 2), "SAME", "RELU"),
        ((7, 5), (3, 2), (1, 2), "SAME", "RELU6"),
        ((25, 5), (25, 5), (25, 5), "VALID", "NONE"),
    ],
)
def test_pools(
    tmp_path: Path,
    kind: str,
    size: tuple[int, int],
    window: tuple[int, int],
    stride: tuple[int, int],
    padding: str,
    activation: str,
) -> None:
    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        shape = (1, *size, 5)
        source = m.tensor(shape, scale=0.1, zero_point=3)
        output, _ = mb.pool(
            m, source, shape,
            kind=kind, window=window, stride=stride, padding=padding, activation=activation,
        )  # fmt: skip
        return source, output

    check(tmp_path, build, seed=1)


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize(("size", "scale"), [((4, 4), 0.1), ((7, 3), 0.02), ((1, 1), 0.3)])
def test_mean(tmp_path: Path, size: tuple[int, int], scale: float, keep: bool) -> None:
    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        source = m.tensor((1, *size, 6), scale=0.1, zero_point=-7)
        axes = m.tensor((2,), "int32", data=np.array([1, 2]))
        shape = (1, 1, 1, 6) if keep else (1, 6)
        output = m.tensor(shape, scale=scale, zero_point=4)
        return source, m.node("MEAN", [source, axes], output, kind="ReducerOptions", keepDims=keep)

    check(tmp_path, build, seed=2)


@pytest.mark.parametrize("activation", ["NONE", "RELU", "RELU6", "RELU_N1_TO_1"])
@pytest.mark.parametrize(
    ("scales", "zero_points"),
    [
        ((0.1, 0.1, 0.2), (-128, -128, -128)),
        ((0.01, 0.3, 0.25), (127, 5, -3)),
        ((0.2, 0.05, 0.01), (0, -9, 120)),
    ],
)
def test_add(
    tmp_path: Path,
    scales: tuple[float, float, float],
    zero_points: tuple[int, int, int],
    activation: str,
) -> None:
    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        source = m.tensor((1, 6, 6, 4), scale=scales[0], zero_point=zero_points[0])
        other, shape = mb.convolution(
            m, rng, source, (1, 6, 6, 4), 4, output_scale=scales[1], zero_point=zero_points[1]
        )
        output = m.tensor(shape, scale=scales[2], zero_point=zero_points[2])
        code = mb.ACTIVATIONS[activation]
        m.node("ADD", [source, other], output, kind="AddOptions", fusedActivationFunction=code)
        return source, output

    check(tmp_path, build, seed=3)


@pytest.mark.parametrize("beta", [1.0, 0.3])
@pytest.mark.parametrize("scale", [0.002, 0.05, 0.2, 1.5])
@pytest.mark.parametrize("classes", [2, 10, 100])
def test_softmax(tmp_path: Path, classes: int, scale: float, beta: float) -> None:
    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        source = m.tensor((1, classes), scale=scale, zero_point=11)
        output = m.tensor((1, classes), scale=1 / 256, zero_point=-128)
        return source, m.node("SOFTMAX", [source], output, kind="SoftmaxOptions", beta=beta)

    check(tmp_path, build, seed=4, samples=40)


def test_small_network(tmp_path: Path) -> None:
    path = tmp_path / "small.tflite"
    path.write_bytes(mb.small_network())
    compiled = program.compile_model(path)
    directory = tmp_path / "project"
    directory.mkdir()
    project.write(directory, compiled, targets.find("cortex-m4"), path, "0" * 64, "small")
    batch = np.random.default_rng(0).integers(-128, 128, (200, 8, 8, 1)).astype(np.int8)
    np.testing.assert_array_equal(HostModel(directory).predict(batch), Tflm(path).predict(batch))


def test_several_inputs_and_outputs(tmp_path: Path) -> None:
    """Two inputs of different shapes, two outputs; one output is also read by a later node."""

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[list[int], list[int]]:
        image = m.tensor((1, 6, 6, 2), scale=0.05, zero_point=1, name="left/image")
        other = m.tensor((1, 6, 6, 4), scale=0.07, zero_point=-3, name="right image")
        seen, shape = mb.convolution(m, rng, image, (1, 6, 6, 2), 4)
        total = m.tensor(shape, scale=0.1, zero_point=3, name="sum")
        m.node("ADD", [seen, other], total, kind="AddOptions", fusedActivationFunction=0)
        pooled, _ = mb.pool(m, total, shape, window=(3, 3), stride=(3, 3))
        return [image, other], [total, pooled]

    directory = check(tmp_path, build, seed=7, qemu=True)
    assert "model_input_left_image(void)" in (directory / "model.h").read_text()
