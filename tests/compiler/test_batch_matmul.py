"""BATCH_MATMUL: numpy reference = compiled C = TFLM."""

from __future__ import annotations

from pathlib import Path

import model_builder as mb
import numpy as np
import pytest
from tflm_check import check

SHAPES = [
    # left, right, output
    ((3, 5), (5, 4), (3, 4)),
    ((1, 3, 5), (1, 5, 4), (1, 3, 4)),
    ((2, 3, 5), (2, 5, 4), (2, 3, 4)),
    ((2, 3, 5), (1, 5, 4), (2, 3, 4)),
    ((1, 3, 5), (4, 5, 1), (4, 3, 1)),
    ((2, 1, 3, 5), (1, 4, 5, 2), (2, 4, 3, 2)),
    ((2, 3, 5), (5, 2), (2, 3, 2)),
    ((3, 5), (2, 4, 5, 2), (2, 4, 3, 2)),
    ((1, 2, 3, 2, 5), (2, 2, 1, 5, 3), (2, 2, 3, 2, 3)),
]
ZERO_POINTS = [-128, 127, 5, 0]


def swapped(shape: tuple[int, ...], swap: bool) -> tuple[int, ...]:
    """A shape with its last two dimensions exchanged."""
    return (*shape[:-2], shape[-1], shape[-2]) if swap else shape


@pytest.mark.parametrize("transposed", [(False, False), (True, False), (False, True), (True, True)])
@pytest.mark.parametrize("case", range(len(SHAPES)))
def test_batch_matmul(tmp_path: Path, case: int, transposed: tuple[bool, bool]) -> None:
    left, right, output = SHAPES[case]

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[list[int], int]:
        zero_points = [ZERO_POINTS[(case + i) % 4] for i in range(3)]
        a = m.tensor(swapped(left, transposed[0]), scale=0.013, zero_point=zero_points[0])
        b = m.tensor(swapped(right, transposed[1]), scale=0.07, zero_point=zero_points[1])
        c = m.tensor(output, scale=0.21, zero_point=zero_points[2])
        options = {"adjX": transposed[0], "adjY": transposed[1]}
        return [a, b], m.node("BATCH_MATMUL", [a, b], c, kind="BatchMatMulOptions", **options)

    check(tmp_path, build, seed=case, samples=8, qemu=case == 5 and transposed[0])


@pytest.mark.parametrize("constant", [0, 1])
def test_batch_matmul_with_a_constant(tmp_path: Path, constant: int) -> None:
    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        shapes = [(2, 3, 4), (2, 4, 3)]
        fixed = rng.integers(-128, 128, shapes[constant])
        data = [fixed if side == constant else None for side in (0, 1)]
        sides = [m.tensor(s, scale=0.03, zero_point=-3, data=d) for s, d in zip(shapes, data)]
        output = m.tensor((2, 3, 3), scale=0.1, zero_point=7)
        m.node("BATCH_MATMUL", sides, output, kind="BatchMatMulOptions")
        return sides[1 - constant], output

    check(tmp_path, build, seed=constant)
