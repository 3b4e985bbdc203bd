"""CMSIS-NN, where the user has it: every operator of its, byte for byte, on the device and on this machine.

A model is made of all cases of an operator side by side, so that one firmware runs them all.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import model_builder as mb
import numpy as np
import pytest
from layers_with_state import lstm, svdf
from tflm_check import check

from tinyml import cmsis_nn, targets
from tinyml.codegen import program, project
from tinyml.emulate import ports, validation
from tinyml.kernels import cmsis_nn as kernels
from tinyml.kernels.base import Options
from tinyml.quantize.tflm import Tflm

LIBRARY = cmsis_nn.find()
CORES = [
    "cortex-m4",
    "cortex-m55",
]  # DSP, Helium; plain C is what the check compiles for this machine

pytestmark = pytest.mark.skipif(
    LIBRARY is None,
    reason=f"CMSIS-NN IS NOT TESTED: it was not found, name its folder in {cmsis_nn.ENVIRONMENT}",
)
# What older ones still have wrong gets a kernel of ours, and is exact all the same.
CORRECTED = LIBRARY is not None and LIBRARY.revision(
    "ConvolutionFunctions/arm_transpose_conv_s8.c"
) >= (2, 0, 1)
SMALL = Path(__file__).parents[1] / "models" / "small.tflite"

Shape = tuple[tuple[int, int], int, int, tuple[int, int], tuple[int, int], tuple[int, int], str]
Case = Callable[[mb.ModelBuilder, np.random.Generator], "tuple[int | Sequence[int], int]"]
ZERO_POINTS = [-128, 0, 127, 3]
ACTIVATIONS = ["NONE", "RELU", "RELU6", "RELU_N1_TO_1"]
WINDOWS: list[Shape] = [
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
    ((1, 16), 4, 9, (1, 3), (1, 1), (1, 1), "SAME"),
    ((1, 5), 4, 3, (1, 7), (1, 1), (1, 1), "SAME"),
    ((6, 7), 17, 18, (3, 3), (1, 1), (1, 1), "SAME"),
    ((4, 4), 33, 4, (2, 2), (1, 1), (1, 1), "SAME"),
]
GROUPS: list[tuple[Shape, int]] = [
    (((5, 6), 6, 4, (3, 3), (1, 1), (1, 1), "SAME"), 2),
    (((5, 6), 6, 9, (2, 3), (2, 1), (1, 1), "VALID"), 3),
    (((4, 4), 8, 8, (1, 1), (1, 1), (1, 1), "SAME"), 4),
]


def run(tmp_path: Path, cases: Sequence[Case], core: str, samples: int = 4) -> list[str]:
    """Checks all cases in one model; returns the names of the choices, in order."""

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[list[int], list[int]]:
        inputs: list[int] = []
        outputs = []
        for case in cases:
            sources, output = case(m, rng)
            inputs += [sources] if isinstance(sources, int) else sources
            outputs.append(output)
        return inputs, outputs

    options = Options(targets.find(core).processor, "cmsis-nn", cmsis_nn=LIBRARY)
    directory = check(tmp_path, build, 1, samples, qemu=True, options=options)
    nodes = json.loads((directory / "report.json").read_text("utf-8"))["nodes"]
    return [node["choice"]["name"] for node in nodes if node["choice"]]


def convolution(shape: Shape, place: int, dtype: str = "int8", **options: Any) -> Case:
    """A convolution whose zero points, activation and bias vary with its place among others."""
    size, channels, outputs, window, stride, dilation, padding = shape
    wide = dtype == "int16"

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        image = (1, *size, channels)
        scale, zero_point = (0.001, 0) if wide else (0.05, ZERO_POINTS[place % 4])
        source = m.tensor(image, dtype, scale, zero_point)
        count = channels * options.get("multiplier", 0) or outputs
        output, _ = mb.convolution(
            m, rng, source, image, count, depthwise="multiplier" in options,
            window=window, stride=stride, dilation=dilation, padding=padding,
            activation=ACTIVATIONS[place % 3], bias=place % 4 != 0, dtype=dtype,
            bias_type=options.get("bias_type", "int64" if wide else "int32"),
            groups=options.get("groups", 1), input_scale=scale,
            zero_point=0 if wide else ZERO_POINTS[(place + 1) % 4 // 2],
            output_scale=0.003 if wide else 0.06,
        )  # fmt: skip
        return source, output

    return build


def exported(tmp_path: Path, library: str, core: str) -> Path:
    """The small network, with its convolutions, sum, pool, fully connected layer and softmax."""
    target = targets.find(core)
    options = Options(
        target.processor,
        library,
        cmsis_nn=kernels.found(library, target.processor, None),
    )
    compiled = program.compile_model(SMALL, options=options)
    tmp_path.mkdir(exist_ok=True)
    project.write(tmp_path, compiled, target, SMALL, "0" * 64, "small")
    return tmp_path


@pytest.mark.parametrize("core", ["cortex-m3", *CORES])
def test_small_network(tmp_path: Path, core: str) -> None:
    directory = exported(tmp_path, "cmsis-nn", core)
    inputs = ports.of_project(directory).random_inputs(5, seed=1)
    expected = Tflm(SMALL).predict_all(inputs)
    for emulator in ("host", "qemu"):
        found = validation.execute(directory, inputs, emulator, 30)
        np.testing.assert_array_equal(found.outputs[0], expected[0])


def test_a_project_holds_what_it_needs_and_nothing_else(tmp_path: Path) -> None:
    directory = exported(tmp_path, "cmsis-nn", "cortex-m4")
    assert "Apache License" in (directory / "cmsis-nn/LICENSE").read_text("utf-8")
    sources = {path.name for path in directory.glob("cmsis-nn/Source/*/*.c")}
    assert {"arm_convolve_s8.c", "arm_depthwise_conv_3x3_s8.c", "arm_softmax_s8.c"} <= sources
    assert not any("s16.c" in name and "s8" not in name for name in sources)
    assert not any("lstm" in name or "svdf_s8" in name for name in sources)


def test_auto_takes_it_with_helium_only(tmp_path: Path) -> None:
    for core, taken in (("cortex-m4", False), ("cortex-m55", True)):
        directory = exported(tmp_path / core, "auto", core)
        assert (directory / "cmsis-nn").exists() == taken


def test_what_it_lacks_gets_ours_and_the_report_says_so(tmp_path: Path) -> None:
    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        source = m.tensor((1, 4, 4, 2), scale=0.1, zero_point=3)
        output = m.tensor((1, 4, 4, 2), scale=1 / 256, zero_point=-128)
        return source, m.node("LOGISTIC", [source], output)

    assert run(tmp_path, [build], "cortex-m4") == ["general"]
    report = json.loads((tmp_path / "project/report.json").read_text("utf-8"))
    assert report["nodes"][0]["choice"]["why"] == "CMSIS-NN has no kernel for this operator"
    assert not (tmp_path / "project/cmsis-nn").exists()


@pytest.mark.slow
@pytest.mark.parametrize("core", CORES)
def test_convolutions(tmp_path: Path, core: str) -> None:
    cases = [convolution(shape, place) for place, shape in enumerate(WINDOWS)]
    cases += [
        convolution(shape, place, groups=groups) for place, (shape, groups) in enumerate(GROUPS)
    ]
    found = run(tmp_path, cases, core)
    assert set(found) == {"CMSIS-NN"} or not CORRECTED


@pytest.mark.slow
@pytest.mark.parametrize("core", CORES)
def test_convolutions_of_one_row(tmp_path: Path, core: str) -> None:
    """Of several windows, strides and paddings; Helium's kernel for them is exact for some only."""
    rows = [
        ((1, width), 4, 3, (1, window), (1, stride), (1, 1), padding)
        for width in (16, 17)
        for window in (1, 2, 3, 4, 8)
        for stride in (1, 2, 3)
        for padding in ("SAME", "VALID")
    ]
    found = run(tmp_path, [convolution(shape, place) for place, shape in enumerate(rows)], core)
    assert (set(found) == {"CMSIS-NN"}) == (core != "cortex-m55")
    assert found.count("CMSIS-NN") >= 40


@pytest.mark.slow
@pytest.mark.parametrize("core", CORES)
def test_depthwise_convolutions(tmp_path: Path, core: str) -> None:
    cases = [
        convolution(shape, place, multiplier=multiplier)
        for multiplier in (1, 2, 3, 12)
        for place, shape in enumerate(WINDOWS)
    ]
    assert set(run(tmp_path, cases, core)) == {"CMSIS-NN"}


@pytest.mark.slow
@pytest.mark.parametrize("core", CORES)
def test_int16_convolutions(tmp_path: Path, core: str) -> None:
    cases = [
        convolution(shape, place, "int16", bias_type=bias_type)
        for bias_type in ("int64", "int32")
        for place, shape in enumerate(WINDOWS)
    ]
    cases += [
        convolution(shape, place, "int16", multiplier=multiplier)
        for multiplier in (1, 2)
        for place, shape in enumerate(WINDOWS)
    ]
    assert set(run(tmp_path, cases, core)) == {"CMSIS-NN"}


@pytest.mark.slow
@pytest.mark.parametrize("core", CORES)
def test_transposed_convolutions(tmp_path: Path, core: str) -> None:
    def case(place: int, size: tuple[int, int], channels: int, outputs: int, window: tuple[int, int],
             stride: tuple[int, int], padding: str) -> Case:  # fmt: skip
        def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
            scales = rng.uniform(0.002, 0.02, outputs).astype(np.float32).tolist()
            source = m.tensor((1, *size, channels), scale=0.05, zero_point=ZERO_POINTS[place % 4])
            values = rng.integers(-127, 128, (outputs, *window, channels))
            weights = m.tensor((outputs, *window, channels), scale=scales, data=values)
            spread = [(n - 1) * s + w for n, s, w in zip(size, stride, window)]
            made = [n * s for n, s in zip(size, stride)] if padding == "SAME" else spread
            shape = (1, *made, outputs)
            inputs = [m.tensor((4,), "int32", data=np.array(shape)), weights, source]
            if place % 3:
                bias_scales = [scale * 0.05 for scale in scales]
                bias = rng.integers(-2000, 2000, outputs)
                inputs.append(m.tensor((outputs,), "int32", bias_scales, data=bias))
            output = m.tensor(shape, scale=0.1, zero_point=3)
            return source, m.node(
                "TRANSPOSE_CONV", inputs, output, kind="TransposeConvOptions",
                padding=mb.PADDINGS[padding], strideH=stride[0], strideW=stride[1],
            )  # fmt: skip

        return build

    shapes = [
        (size, channels, outputs, window, stride, padding)
        for size, channels, outputs in [((3, 4), 3, 5), ((4, 3), 20, 4), ((2, 5), 17, 1)]
        for window, stride in [((3, 3), (2, 2)), ((2, 2), (2, 2)), ((4, 4), (2, 2)), ((3, 3), (1, 1)),
                               ((5, 3), (3, 2)), ((2, 3), (2, 1))]
        for padding in ("SAME", "VALID")
    ]  # fmt: skip
    cases = [case(place, *shape) for place, shape in enumerate(shapes)]
    found = run(tmp_path, cases, core)
    assert set(found) == {"CMSIS-NN"} or not CORRECTED


@pytest.mark.slow
@pytest.mark.parametrize("core", CORES)
def test_fully_connected(tmp_path: Path, core: str) -> None:
    def case(width: int, outputs: int, rows: int, **options: Any) -> Case:
        def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
            wide = options.get("dtype") == "int16"
            scale, zero_point = (0.001, 0) if wide else (0.1, 7)
            source = m.tensor((rows, width), options.get("dtype", "int8"), scale, zero_point)
            more = {"zero_point": 0, "input_scale": scale, "output_scale": 0.01} if wide else {}
            return source, mb.dense(m, rng, source, width, outputs, rows=rows, **options, **more)

        return build

    sizes = [(16, 10, 1), (7, 3, 1), (5, 4, 3), (64, 1, 1), (33, 17, 2), (640, 5, 1)]
    cases = [
        case(*size, per_channel=per_channel, bias=bias, activation=activation)
        for size in sizes
        for per_channel in (False, True)
        for bias, activation in ((True, "NONE"), (False, "RELU"))
    ]
    cases += [
        case(*size, dtype="int16", bias_type="int64", bias=bias)
        for size in sizes
        for bias in (True, False)
    ]
    assert set(run(tmp_path, cases, core)) == {"CMSIS-NN"}


@pytest.mark.slow
@pytest.mark.parametrize("core", CORES)
def test_pools(tmp_path: Path, core: str) -> None:
    def case(kind: str, dtype: str, size: tuple[int, int], channels: int, **options: Any) -> Case:
        def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
            shape, zero_point = (1, *size, channels), 0 if dtype == "int16" else 3
            source = m.tensor(shape, dtype, 0.1, zero_point)
            output, _ = mb.pool(
                m, source, shape, kind=kind, dtype=dtype, zero_point=zero_point, **options
            )
            return source, output

        return build

    windows = [
        {"window": (2, 2), "stride": (2, 2), "padding": "VALID", "activation": "NONE"},
        {"window": (3, 3), "stride": (2, 2), "padding": "SAME", "activation": "RELU"},
        {"window": (3, 2), "stride": (1, 2), "padding": "SAME", "activation": "RELU6"},
        {"window": (7, 5), "stride": (7, 5), "padding": "VALID", "activation": "NONE"},
    ]
    cases = [
        case(kind, dtype, (7, 5), channels, **window)
        for kind in ("AVERAGE", "MAX")
        for dtype in ("int8", "int16")
        for channels in (1, 5, 18)
        for window in windows
    ]
    assert set(run(tmp_path, cases, core)) == {"CMSIS-NN"}


@pytest.mark.slow
@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("operator", ["ADD", "MUL"])
def test_sums_and_products(tmp_path: Path, operator: str, core: str) -> None:
    def case(
        dtype: str, count: int, scales: Sequence[float], zero_points: Sequence[int], activation: str
    ) -> Case:
        def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[list[int], int]:
            points = zero_points if dtype == "int8" else (0, 0, 0)
            *sources, output = (
                m.tensor((1, count), dtype, scale, point) for scale, point in zip(scales, points)
            )
            code, kind = mb.ACTIVATIONS[activation], f"{operator.capitalize()}Options"
            m.node(operator, sources, output, kind=kind, fusedActivationFunction=code)
            return sources, output

        return build

    cases = [
        case(dtype, count, scales, zero_points, activation)
        for dtype in ("int8", "int16")
        for count in (1, 7, 33)
        for scales in [(0.1, 0.1, 0.2), (0.01, 0.3, 0.25), (0.2, 0.05, 0.01)]
        for zero_points in [(-128, -128, -128), (127, 5, -3), (0, -9, 120)]
        for activation in ("NONE", "RELU6")
    ]
    assert set(run(tmp_path, cases, core, samples=20)) == {"CMSIS-NN"}


@pytest.mark.slow
@pytest.mark.parametrize("core", CORES)
def test_softmax(tmp_path: Path, core: str) -> None:
    def case(types: tuple[str, str], rows: int, classes: int, scale: float, beta: float) -> Case:
        def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
            narrow = types[0] == "int8"
            source = m.tensor((rows, classes), types[0], scale, 11 if narrow else 0)
            real = {
                "int8": (1 / 256, -128),
                "int16": (1 / 65536, -32768) if narrow else (1 / 32768, 0),
            }
            output = m.tensor((rows, classes), types[1], *real[types[1]])
            return source, m.node("SOFTMAX", [source], output, kind="SoftmaxOptions", beta=beta)

        return build

    cases = [
        case(types, rows, classes, scale if types[0] == "int8" else scale / 256, beta)
        for types in [("int8", "int8"), ("int8", "int16"), ("int16", "int16")]
        for rows, classes in [(1, 2), (3, 10), (2, 100), (1, 18)]
        for scale in (0.002, 0.05, 0.2, 1.5)
        for beta in (1.0, 0.3)
    ]
    assert set(run(tmp_path, cases, core, samples=20)) == {"CMSIS-NN"}


@pytest.mark.slow
@pytest.mark.parametrize("core", CORES)
def test_filters_with_a_state(tmp_path: Path, core: str) -> None:
    def case(rows: int, inputs: int, **options: Any) -> Case:
        def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
            source = m.tensor((rows, inputs), scale=0.05, zero_point=-7)
            return source, svdf(m, rng, source, (rows, inputs), **options)

        return build

    parts: list[dict[str, Any]] = [
        {},
        {"units": 1, "rank": 1, "memory": 1},
        {"units": 3, "rank": 1, "memory": 2},
        {"units": 16, "rank": 4, "memory": 10, "output": (0.4, -128)},
        {"units": 5, "rank": 2, "memory": 17},
    ]
    narrow = {"state": "int8", "state_scale": 0.2}
    cases = [
        case(rows, inputs, **part, **state)
        for part in parts
        for state in ({}, narrow)
        for rows, inputs in ((1, 8), (3, 7), (1, 40))
    ]
    assert set(run(tmp_path, cases, core, samples=8)) == {"CMSIS-NN"}


@pytest.mark.slow
@pytest.mark.parametrize("core", CORES)
def test_lstm(tmp_path: Path, core: str) -> None:
    def case(dtype: str, shape: tuple[int, int, int], **options: Any) -> Case:
        def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
            hidden = (1 / 128, 3) if dtype == "int8" else (2.0**-15, 0)
            scale, zero_point = (0.02, -9) if dtype == "int8" else (1e-4, 0)
            source = m.tensor(shape, dtype, scale, zero_point)
            more = {"cell_clip": 10.0, "hidden": hidden, "input_scale": scale, **options}
            return source, lstm(m, rng, source, shape, dtype=dtype, **more)

        return build

    layers: list[tuple[tuple[int, int, int], dict[str, Any]]] = [
        ((1, 1, 4), {}),
        ((1, 6, 4), {}),
        ((1, 3, 1), {"units": 2}),
        ((3, 4, 5), {}),
        ((4, 1, 5), {"time_major": True}),
        ((4, 3, 5), {"time_major": True, "units": 9, "weights_scale": 0.004}),
        ((1, 4, 8), {"cell_clip": 1.5}),
        ((1, 4, 20), {"cell_scale": 2.0**-12, "units": 18, "weights_scale": 0.002}),
        ((1, 4, 8), {"cell_clip": 1e30, "cell_scale": 2.0**-15}),
        ((1, 4, 8), {"cell_scale": 2.0**-5}),
        ((1, 4, 8), {"cell_scale": 2.0**-13}),
    ]
    cases = [case(dtype, shape, **more) for dtype in ("int8", "int16") for shape, more in layers]
    found = run(tmp_path / "taken", cases, core)
    assert set(found) == {"CMSIS-NN"} or not CORRECTED
    others = [
        case("int8", (1, 4, 8), cell_clip=0.0),
        case("int8", (1, 4, 8), weights_scale=0.5),
        case("int8", (1, 4, 8), cell_scale=2.0**-17, cell_clip=0.1),
        case("int16", (1, 4, 8), weights_scale=200.0),
    ]
    assert "CMSIS-NN" not in run(tmp_path / "not_taken", others, core)


@pytest.mark.slow
@pytest.mark.parametrize("core", CORES)
def test_movement_and_extremes(tmp_path: Path, core: str) -> None:
    def padded(
        shape: tuple[int, ...], around: Sequence[tuple[int, int]], value: int | None
    ) -> Case:
        def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
            source = m.tensor(shape, scale=0.1, zero_point=5)
            inputs = [source, m.tensor((len(shape), 2), "int32", data=np.array(around))]
            if value is not None:
                inputs.append(m.tensor((1,), "int8", 0.1, 5, data=np.array([value])))
            made = tuple(n + sum(pair) for n, pair in zip(shape, around))
            output = m.tensor(made, scale=0.1, zero_point=5)
            return source, m.node("PAD" if value is None else "PADV2", inputs, output)

        return build

    def turned(shape: tuple[int, ...], order: Sequence[int]) -> Case:
        def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
            source = m.tensor(shape, scale=0.1, zero_point=5)
            inputs = [source, m.tensor((len(order),), "int32", data=np.array(order))]
            output = m.tensor(tuple(shape[axis] for axis in order), scale=0.1, zero_point=5)
            return source, m.node("TRANSPOSE", inputs, output)

        return build

    def extreme(operator: str, shapes: tuple[tuple[int, ...], ...], constant: bool) -> Case:
        def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[Sequence[int], int]:
            data = rng.integers(-128, 128, shapes[1]) if constant else None
            first = m.tensor(shapes[0], scale=0.1, zero_point=5)
            second = m.tensor(shapes[1], scale=0.1, zero_point=5, data=data)
            made = tuple(map(int, np.broadcast_shapes(*shapes)))
            output = m.tensor(made, scale=0.1, zero_point=5)
            m.node(operator, [first, second], output, kind="MaximumMinimumOptions")
            return [first] if constant else [first, second], output

        return build

    cases = [
        padded(shape, around, value)
        for shape, around in [
            ((7,), [(2, 3)]),
            ((3, 5), [(0, 2), (1, 0)]),
            ((2, 4, 3), [(1, 1), (0, 0), (2, 1)]),
            ((1, 5, 6, 18), [(0, 0), (1, 2), (3, 0), (0, 0)]),
            ((2, 3, 4, 5), [(1, 0), (1, 1), (0, 2), (3, 1)]),
        ]
        for value in (None, -100)
    ]
    cases += [
        turned(shape, order)
        for shape in [(2, 3, 4, 18), (3, 9, 5), (7, 18)]
        for order in itertools.permutations(range(len(shape)))
        if list(order) != sorted(order)
    ]
    cases += [
        extreme(operator, shapes, constant)
        for operator in ("MAXIMUM", "MINIMUM")
        for constant in (False, True)
        for shapes in [
            ((2, 3, 4, 18), (2, 3, 4, 18)),
            ((33,), (33,)),
            ((2, 3, 4, 5), (5,)),
            ((2, 3, 4, 18), (1,)),
            ((1,), (3, 17)),
            ((2, 1, 4, 1), (1, 3, 4, 18)),
            ((2, 3, 1, 5), (2, 3, 4, 1)),
        ]
        if not (constant and (1,) in shapes)  # one constant value makes a table
    ]
    assert set(run(tmp_path, cases, core)) == {"CMSIS-NN"}


@pytest.mark.slow
@pytest.mark.parametrize("core", CORES)
def test_products_of_matrices(tmp_path: Path, core: str) -> None:
    def case(left: tuple[int, ...], right: tuple[int, ...], sides: tuple[bool, bool]) -> Case:
        def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[Sequence[int], int]:
            shapes = [
                (*shape[:-2], shape[-1], shape[-2]) if swapped else shape
                for shape, swapped in zip((left, right), sides)
            ]
            first = m.tensor(shapes[0], scale=0.05, zero_point=-4)
            second = m.tensor(shapes[1], scale=0.02, zero_point=9)
            batches = np.broadcast_shapes(left[:-2], right[:-2])
            output = m.tensor((*map(int, batches), left[-2], right[-1]), scale=0.1, zero_point=2)
            kind = "BatchMatMulOptions"
            m.node("BATCH_MATMUL", [first, second], output, kind=kind, adjX=sides[0], adjY=sides[1])
            return [first, second], output

        return build

    cases = [
        case(left, right, sides)
        for left, right in [
            ((3, 4), (4, 5)),
            ((2, 3, 18), (2, 18, 6)),
            ((2, 2, 1, 33), (2, 2, 33, 4)),
            ((1, 3, 7, 5), (1, 3, 5, 9)),
        ]
        for sides in itertools.product([False, True], repeat=2)
    ]
    assert set(run(tmp_path / "taken", cases, core)) == {"CMSIS-NN"}
    broadcast = [case((2, 3, 4), (1, 4, 5), (False, False))]
    assert "CMSIS-NN" not in run(tmp_path / "not_taken", broadcast, core)
