"""int16 activations with int8 weights (int16x8), and grouped convolutions, byte for byte."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import model_builder as mb
import numpy as np
import pytest
from tflm_check import check

from tinyml.codegen import program
from tinyml.errors import InputError
from tinyml.ops import channels

SCALE = 0.0004  # of activations
CONVOLUTIONS: list[tuple[tuple[int, int], int, int, int, dict[str, Any]]] = [
    # size, channels in, channels out, groups, the rest
    ((8, 8), 3, 5, 1, {}),
    ((7, 9), 1, 4, 1, {"stride": (2, 2), "activation": "RELU"}),
    ((7, 9), 4, 6, 2, {"stride": (2, 1), "padding": "VALID"}),
    ((5, 5), 8, 8, 1, {"window": (1, 1), "activation": "RELU6"}),
    ((9, 9), 6, 9, 3, {"dilation": (2, 3), "bias": False}),
    ((9, 9), 2, 4, 1, {"window": (2, 3), "dilation": (3, 2), "padding": "VALID"}),
    ((2, 2), 4, 4, 4, {"window": (5, 5), "activation": "RELU_N1_TO_1"}),
    ((1, 1), 16, 1, 1, {"window": (1, 1), "bias": False}),
]


@pytest.mark.parametrize("kind", ["int64", "int32", "int8"])
@pytest.mark.parametrize("case", range(len(CONVOLUTIONS)))
def test_convolution(tmp_path: Path, case: int, kind: str) -> None:
    """int16 with either bias; int8 for the groups."""
    size, channels, outputs, groups, settings = CONVOLUTIONS[case]
    wide = kind != "int8"

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        shape = (1, *size, channels)
        dtype = "int16" if wide else "int8"
        units = (SCALE, 0) if wide else (0.05, (-128, 5, 127)[case % 3])
        source = m.tensor(shape, dtype, *units)
        output, _ = mb.convolution(
            m, rng, source, shape, outputs, groups=groups, dtype=dtype,
            bias_type=kind if wide else "int32", input_scale=units[0],
            output_scale=units[0] * 4, zero_point=0, **settings,
        )  # fmt: skip
        return source, output

    check(tmp_path, build, seed=case, qemu=case == 4)


@pytest.mark.parametrize("multiplier", [1, 3])
@pytest.mark.parametrize("case", range(len(CONVOLUTIONS)))
def test_depthwise_convolution(tmp_path: Path, case: int, multiplier: int) -> None:
    size, channels, _, _, settings = CONVOLUTIONS[case]

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        shape = (1, *size, channels)
        source = m.tensor(shape, "int16", SCALE, 0)
        output, _ = mb.convolution(
            m, rng, source, shape, channels * multiplier, depthwise=True, dtype="int16",
            bias_type="int64", input_scale=SCALE, output_scale=SCALE, zero_point=0, **settings,
        )  # fmt: skip
        return source, output

    check(tmp_path, build, seed=case, qemu=case == 4 and multiplier == 3)


@pytest.mark.parametrize("bias", ["int64", "int32", ""])
@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize(("width", "outputs", "rows"), [(16, 10, 1), (5, 4, 3), (700, 6, 1)])
def test_fully_connected(
    tmp_path: Path, width: int, outputs: int, rows: int, per_channel: bool, bias: str
) -> None:
    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        source = m.tensor((1, rows * width), "int16", SCALE, 0)
        output = mb.dense(
            m, rng, source, width, outputs, rows=rows, per_channel=per_channel, bias=bool(bias),
            dtype="int16", bias_type=bias or "int64", input_scale=SCALE, output_scale=SCALE * 9,
            zero_point=0,
        )  # fmt: skip
        return source, output

    check(tmp_path, build, seed=width, qemu=rows == 3 and per_channel)


class WithBiasType:
    """Options with a field that TensorFlow 2.14's schema does not have yet."""

    def __init__(self, options: Any, bias_type: int) -> None:
        self._values = {**vars(options), "quantizedBiasType": bias_type}
        self._kind = type(options).__name__[:-1]

    def Pack(self, builder: Any) -> Any:  # noqa: N802 - the generated schema calls it so
        module = importlib.import_module(f"tflite.{self._kind}")
        getattr(module, f"{self._kind}Start")(builder)
        for name, value in self._values.items():
            add = f"{self._kind}Add{name[0].upper()}{name[1:]}"
            getattr(module, add)(builder, value)
        return getattr(module, f"{self._kind}End")(builder)


@pytest.mark.parametrize("bias_type", [2, 4])
def test_without_a_bias_the_options_say_how_wide_sums_are(tmp_path: Path, bias_type: int) -> None:
    """TFLite's types 2, int32, and 4, int64."""

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, list[int]]:
        shape = (1, 9, 9, 3)
        source = m.tensor(shape, "int16", SCALE, 0)
        seen, shape = mb.convolution(
            m, rng, source, shape, 4, bias=False, dtype="int16", output_scale=SCALE, zero_point=0
        )
        output = mb.dense(
            m, rng, source, 243, 9, bias=False, dtype="int16", output_scale=SCALE * 9, zero_point=0
        )
        for node in m._graph.operators:
            node.builtinOptions = WithBiasType(node.builtinOptions, bias_type)
        return source, [seen, output]

    check(tmp_path, build, seed=1)
    graph = program.compile_model(tmp_path / "model.tflite").graph
    assert [channels.is_wide(view) for view in graph.views()] == [bias_type == 4] * 2


@pytest.mark.parametrize("below", [2**-20, 2**-16, 2**-15, 2**-9])
def test_multiplier_that_would_round_to_one(tmp_path: Path, below: float) -> None:
    """15 bits cannot hold 1: it saturates."""

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        source = m.tensor((1, 30), "int16", 2.0**-10, 0)
        weights = m.tensor(
            (9, 30), scale=2.0**-6 * (1 - below), data=rng.integers(-127, 128, (9, 30))
        )
        output = m.tensor((1, 9), "int16", 2.0**-10, 0)
        options = {"kind": "FullyConnectedOptions"}
        return source, m.node("FULLY_CONNECTED", [source, weights], output, **options)

    check(tmp_path, build, seed=6, samples=40)


@pytest.mark.parametrize("bias", ["int64", "int16", ""])
@pytest.mark.parametrize(
    ("stride", "padding", "window", "size", "output"),
    [
        ((2, 2), "SAME", (3, 3), (3, 4), (6, 8)),
        ((2, 1), "VALID", (2, 3), (3, 4), (6, 6)),
        ((1, 1), "SAME", (4, 4), (5, 5), (5, 5)),
    ],
)
def test_transposed_convolution(
    tmp_path: Path,
    stride: tuple[int, int],
    padding: str,
    window: tuple[int, int],
    size: tuple[int, int],
    output: tuple[int, int],
    bias: str,
) -> None:
    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        scales = rng.uniform(0.002, 0.02, 5).astype(np.float32).tolist()
        wanted = m.tensor((4,), "int32", data=np.array([1, *output, 5]))
        weights = m.tensor(
            (5, *window, 3), scale=scales, data=rng.integers(-127, 128, (5, *window, 3))
        )
        source = m.tensor((1, *size, 3), "int16", SCALE, 0)
        inputs = [wanted, weights, source]
        if bias:
            units = [scale * SCALE for scale in scales]
            inputs.append(m.tensor((5,), bias, units, data=rng.integers(-2000, 2000, 5)))
        result = m.tensor((1, *output, 5), "int16", SCALE * 3, 0)
        m.node(
            "TRANSPOSE_CONV", inputs, result, kind="TransposeConvOptions",
            padding=mb.PADDINGS[padding], strideH=stride[0], strideW=stride[1],
        )  # fmt: skip
        return source, result

    check(tmp_path, build, seed=2, qemu=padding == "VALID" and bias == "int64")


@pytest.mark.parametrize("kind", ["AVERAGE", "MAX"])
@pytest.mark.parametrize(
    ("window", "stride", "padding", "activation"),
    [
        ((2, 2), (2, 2), "VALID", "NONE"),
        ((3, 3), (2, 2), "SAME", "RELU"),
        ((3, 2), (1, 2), "SAME", "RELU6"),
        ((9, 7), (9, 7), "VALID", "RELU_N1_TO_1"),
    ],
)
def test_pools(
    tmp_path: Path,
    kind: str,
    window: tuple[int, int],
    stride: tuple[int, int],
    padding: str,
    activation: str,
) -> None:
    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        shape = (1, 9, 7, 5)
        source = m.tensor(shape, "int16", SCALE, 0)
        output, _ = mb.pool(
            m, source, shape, kind=kind, window=window, stride=stride, padding=padding,
            activation=activation, scale=SCALE, zero_point=0, dtype="int16",
        )  # fmt: skip
        return source, output

    check(tmp_path, build, seed=3, qemu=activation == "RELU")


@pytest.mark.parametrize(("axes", "scale"), [([1, 2], 1.0), ([1, 2], 0.1), ([3], 1.7), ([-2], 0.9)])
def test_mean(tmp_path: Path, axes: list[int], scale: float) -> None:
    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        shape = (1, 5, 7, 6)
        source = m.tensor(shape, "int16", SCALE, 0)
        over = m.tensor((len(axes),), "int32", data=np.array(axes))
        reduced = tuple(1 if i in axes or i - 4 in axes else n for i, n in enumerate(shape))
        output = m.tensor(reduced, "int16", SCALE * scale, 0)
        return source, m.node("MEAN", [source, over], output, kind="ReducerOptions", keepDims=True)

    check(tmp_path, build, seed=4, qemu=axes == [3])


def test_network(tmp_path: Path) -> None:
    """Constant channels of int16 stay: the pass that removes them is for int8."""

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        shape = (1, 8, 8, 3)
        source = m.tensor(shape, "int16", SCALE, 0)
        settings: dict[str, Any] = {
            "dtype": "int16", "bias_type": "int64", "zero_point": 0, "input_scale": SCALE,
            "output_scale": SCALE,
        }  # fmt: skip
        seen, shape = mb.convolution(
            m, rng, source, shape, 6, dead=3, activation="RELU", **settings
        )
        seen, shape = mb.convolution(m, rng, seen, shape, 6, depthwise=True, dead=2, **settings)
        seen, shape = mb.pool(
            m, seen, shape, scale=SCALE, zero_point=0, dtype="int16", window=(8, 8), stride=(8, 8)
        )
        return source, mb.dense(m, rng, seen, 6, 5, **settings)

    directory = check(tmp_path, build, seed=5)
    graph = program.compile_model(directory / "model.tflite").graph
    assert [node.operator for node in graph.nodes][:2] == ["CONV_2D", "DEPTHWISE_CONV_2D"]
    assert graph.view(1).input(0).shape[-1] == 6


def test_refusals(tmp_path: Path) -> None:
    """A zero point, a bias that TFLM would misread, a scale that 15 bits cannot hold."""

    def refused(zero_point: int, bias: str, scale: float) -> str:
        m = mb.ModelBuilder()
        shape = (1, 4, 4, 2)
        source = m.tensor(shape, "int16", 0.1, zero_point)
        output, _ = mb.convolution(
            m, np.random.default_rng(0), source, shape, 2, depthwise=True, dtype="int16",
            bias_type=bias, output_scale=scale, zero_point=0,
        )  # fmt: skip
        path = m.save(tmp_path / "model.tflite", [source], [output])
        with pytest.raises(InputError) as error:
            program.compile_model(path)
        return str(error.value)

    assert "zero point 0" in refused(1, "int64", 0.1)
    assert "next to int16 activations int64" in refused(0, "int32", 0.1)
    assert "effective scale" in refused(0, "int64", 1e-6)
