"""Models of operators that only move elements, and the errors for such as are wrong."""

from __future__ import annotations

from pathlib import Path

import model_builder as mb
import numpy as np
import pytest

from tinyml.codegen import program
from tinyml.errors import InputError

TYPES = ["int8", "int16", "int32", "float32"]
Shape = tuple[int, ...]


class Mover:
    """A model of tensors of one type, scale and zero point."""

    def __init__(self, m: mb.ModelBuilder, dtype: str = "int8", zero_point: int = -128) -> None:
        self.m, self.dtype = m, dtype
        self.zero_point = zero_point if dtype == "int8" else 0

    def tensor(self, shape: Shape, data: np.ndarray | None = None) -> int:
        """An activation, or a constant."""
        scale = 0.05 if self.dtype in ("int8", "int16") else None
        return self.m.tensor(shape, self.dtype, scale, self.zero_point, data)

    def numbers(self, values: list[int], dtype: str = "int32") -> int:
        """A constant list, e.g. of axes."""
        return self.m.tensor((len(values),), dtype, data=np.array(values))

    def one(self, operator: str, source: int, lists: list[list[int]], output: Shape) -> int:
        """A node with one output whose further inputs are constant lists."""
        inputs = [source, *map(self.numbers, lists)]
        return self.m.node(operator, inputs, self.tensor(output))


def refused(tmp_path: Path, build: mb.ModelBuilder, inputs: list[int], outputs: list[int]) -> str:
    """The error for a model."""
    path = build.save(tmp_path / "model.tflite", inputs, outputs)
    with pytest.raises(InputError) as error:
        program.compile_model(path)
    return str(error.value)
