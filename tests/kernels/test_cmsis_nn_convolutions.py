"""CMSIS-NN's convolutions and matrix products, byte for byte, on the device and on this machine."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import model_builder as mb
import numpy as np
import pytest
from cmsis_nn_cases import ACTIVATIONS, CORES, CORRECTED, NEEDED, ZERO_POINTS, Case, run

pytestmark = NEEDED
Shape = tuple[tuple[int, int], int, int, tuple[int, int], tuple[int, int], tuple[int, int], str]
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
