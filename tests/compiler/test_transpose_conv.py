"""TRANSPOSE_CONV: numpy reference = compiled C = TFLM."""

from __future__ import annotations

from pathlib import Path

import model_builder as mb
import numpy as np
import pytest
from tflm_check import check

CASES = [
    # input size, channels in and out, window, stride, padding, output size
    ((4, 4), (3, 5), (3, 3), (2, 2), "SAME", (8, 8)),
    ((4, 5), (2, 4), (3, 3), (2, 2), "SAME", (7, 9)),
    ((3, 4), (2, 3), (2, 3), (2, 1), "VALID", (6, 6)),
    ((3, 4), (2, 3), (2, 3), (2, 3), "VALID", (7, 13)),
    ((5, 5), (8, 2), (1, 1), (1, 1), "SAME", (5, 5)),
    ((2, 3), (1, 9), (2, 2), (3, 3), "VALID", (5, 8)),
    ((1, 1), (4, 4), (4, 4), (4, 4), "VALID", (4, 4)),
    ((3, 3), (2, 2), (5, 5), (1, 1), "SAME", (3, 3)),
]
ZERO_POINTS = [-128, 0, 127]


@pytest.mark.parametrize("activation", ["NONE", "RELU", "RELU6", "RELU_N1_TO_1"])
@pytest.mark.parametrize("case", range(len(CASES)))
def test_transpose_conv(tmp_path: Path, case: int, activation: str) -> None:
    size, (depth, outputs), window, stride, padding, reached = CASES[case]

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        source = m.tensor((1, *size, depth), scale=0.05, zero_point=ZERO_POINTS[case % 3])
        shape = (1, *reached, outputs)
        scales = rng.uniform(0.002, 0.02, 1 if case == 4 else outputs).astype(np.float32).tolist()
        values = rng.integers(-127, 128, (outputs, *window, depth))
        weights = m.tensor(values.shape, scale=scales, data=values)
        inputs = [m.tensor((4,), "int32", data=np.array(shape)), weights, source]
        if case % 2:
            bias = rng.integers(-2000, 2000, outputs)
            inputs.append(m.tensor((outputs,), "int32", [s * 0.05 for s in scales], data=bias))
        output = m.tensor(shape, scale=0.05, zero_point=(-128, 3)[case % 2])
        options = {
            "kind": "TransposeConvOptions",
            "padding": mb.PADDINGS[padding],
            "strideH": stride[0],
            "strideW": stride[1],
            "fusedActivationFunction": mb.ACTIVATIONS[activation],
        }
        return source, m.node("TRANSPOSE_CONV", inputs, output, **options)

    check(tmp_path, build, seed=case, qemu=case == 1 and activation == "RELU")
