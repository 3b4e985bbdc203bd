"""RESIZE_NEAREST_NEIGHBOR and RESIZE_BILINEAR: numpy reference = compiled C = TFLM."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import model_builder as mb
import numpy as np
import pytest
from tflm_check import check

from tinyml.codegen import program
from tinyml.errors import InputError

SIZES = [
    # input, output
    ((4, 6), (8, 12)),
    ((5, 3), (7, 11)),
    ((9, 8), (4, 3)),
    ((1, 1), (3, 4)),
    ((3, 5), (1, 1)),
    ((2, 7), (33, 6)),
]
OPTIONS = [(False, False), (True, False), (False, True)]


Size = tuple[int, int]


@dataclass(frozen=True)
class Resize:
    """One resize; `shape` is batches and channels."""

    operator: str
    size: Size
    wanted: Size
    corners: bool
    centers: bool
    dtype: str = "int8"
    shape: Size = (1, 3)

    def build(self, m: mb.ModelBuilder, rng: np.random.Generator | None = None) -> tuple[int, int]:
        """The model, as `check` wants it."""
        scale = None if self.dtype == "float32" else 0.1
        quantization = (scale, -128 if self.dtype == "int8" else 0)
        batches, channels = self.shape
        source = m.tensor((batches, *self.size, channels), self.dtype, *quantization)
        wanted = m.tensor((2,), "int32", data=np.array(self.wanted))
        output = m.tensor((batches, *self.wanted, channels), self.dtype, *quantization)
        kind = "Bilinear" if self.operator == "RESIZE_BILINEAR" else "NearestNeighbor"
        options = {"alignCorners": self.corners, "halfPixelCenters": self.centers}
        m.node(self.operator, [source, wanted], output, kind=f"Resize{kind}Options", **options)
        return source, output


@pytest.mark.parametrize(("corners", "centers"), OPTIONS)
@pytest.mark.parametrize("case", range(len(SIZES)))
def test_bilinear(tmp_path: Path, case: int, corners: bool, centers: bool) -> None:
    shape = (2, 1) if case == 1 else (1, 3)
    model = Resize("RESIZE_BILINEAR", *SIZES[case], corners, centers, shape=shape)
    check(tmp_path, model.build, seed=0, qemu=case == 1 and centers)


@pytest.mark.parametrize("dtype", ["int8", "int16", "float32"])
@pytest.mark.parametrize(("corners", "centers"), [*OPTIONS, (True, True)])
@pytest.mark.parametrize("case", range(len(SIZES)))
def test_nearest(tmp_path: Path, case: int, corners: bool, centers: bool, dtype: str) -> None:
    shape = (2, 1) if case == 1 else (1, 3)
    model = Resize("RESIZE_NEAREST_NEIGHBOR", *SIZES[case], corners, centers, dtype, shape)
    check(tmp_path, model.build, seed=0, qemu=case == 1 and centers and dtype == "int8")


def test_nearest_positions_at_every_size(tmp_path: Path) -> None:
    """Sizes at which a position in float32 falls next to a whole number: one long row each."""
    for index, (size, wanted) in enumerate([(37, 111), (7, 1000), (1000, 7), (999, 998)]):
        for corners, centers in OPTIONS:
            model = Resize("RESIZE_NEAREST_NEIGHBOR", (1, size), (1, wanted), corners, centers)
            check(tmp_path / f"{index}{corners}{centers}", model.build, seed=index, samples=4)


@pytest.mark.parametrize(
    ("size", "wanted", "corners", "centers", "rule"),
    [
        ((4, 4), (8, 8), True, True, "not both"),
        # 1024 / 89 is 11.51 and becomes 12: 88 steps reach beyond the only pixel.
        ((1, 1), (89, 1), False, False, "past the last pixel"),
    ],
)
def test_bilinear_refuses(
    tmp_path: Path,
    size: Size,
    wanted: Size,
    corners: bool,
    centers: bool,
    rule: str,
) -> None:
    m = mb.ModelBuilder()
    source, output = Resize("RESIZE_BILINEAR", size, wanted, corners, centers).build(m)
    path = m.save(tmp_path / "model.tflite", [source], [output])
    with pytest.raises(InputError, match=rule):
        program.compile_model(path)
