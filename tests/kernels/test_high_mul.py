"""Cores without a 64-bit product multiply by halfwords: to the same high word for all operands."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

import numpy as np
import pytest

GLUE = Path(__file__).resolve().parents[2] / "cmsis_glue"
SOURCE = """
#include "tinyml_math.h"
void high_muls(const int32_t *a, const uint32_t *b, int32_t *high, int32_t count)
{
    for (int32_t i = 0; i < count; ++i) {
        high[i] = tinyml_high_mul_by_halves(a[i], b[i]);
    }
}
"""
EDGES = [0, 1, 2, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x3FFFFFFF, 0x40000000, 0x7FFFFFFF]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The function, compiled for this machine so that undefined behaviour ends it."""
    folder = tmp_path_factory.mktemp("high_mul")
    source, compiled = folder / "high_mul.c", folder / "high_mul.so"
    source.write_text(SOURCE, "utf-8")
    checks = ["-fsanitize=undefined", "-fsanitize-undefined-trap-on-error"]
    command = ["cc", "-std=c99", "-O1", *checks, "-shared", "-fPIC", f"-I{GLUE}"]
    subprocess.run([*command, str(source), "-o", str(compiled)], check=True)
    return ctypes.CDLL(str(compiled))


def operands() -> tuple[np.ndarray, np.ndarray]:
    """Every pair of edges, and a million random ones of every size."""
    rng = np.random.default_rng(0)
    edges = np.array([*EDGES, *(-edge for edge in EDGES), -(1 << 31)])
    left, right = np.meshgrid(edges, np.array([*EDGES, 0xFFFFFFFE]))
    shifts = rng.integers(0, 32, (2, 1_000_000))
    a = rng.integers(-(1 << 31), 1 << 31, 1_000_000) >> shifts[0]
    b = rng.integers(0, (1 << 32) - 1, 1_000_000) >> shifts[1]
    return np.append(left, a), np.append(right, b)


def test_high_words(library):
    a, b = operands()
    expected = [(x * y + (1 << 31)) >> 32 for x, y in zip(a.tolist(), b.tolist())]
    found = np.empty(len(a), np.int32)
    pointers = [np.ascontiguousarray(a, np.int32), np.ascontiguousarray(b, np.uint32), found]
    library.high_muls(*(array.ctypes.data_as(ctypes.c_void_p) for array in pointers), len(a))
    np.testing.assert_array_equal(found, expected)
