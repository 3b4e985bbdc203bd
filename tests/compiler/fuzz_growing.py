"""A graph that gets one node after the other; what `fuzz_nodes` adds to and `fuzz_graphs` finishes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import model_builder as mb
import numpy as np

_ZERO_POINTS = [-128, 127, 0, 3, -17, 60]


@dataclass(frozen=True)
class Value:
    """A tensor of the growing graph."""

    index: int
    shape: tuple[int, ...]
    scale: float
    zero_point: int

    @property
    def elements(self) -> int:
        return math.prod(self.shape)


@dataclass
class Growing:
    """A graph that gets one node after the other."""

    rng: np.random.Generator  # of the node that is being added
    dtype: str  # of all activations
    m: mb.ModelBuilder = field(default_factory=mb.ModelBuilder)
    values: list[Value] = field(default_factory=list)
    read: set[int] = field(default_factory=set)
    tapped: set[int] = field(default_factory=set)
    operators: list[str] = field(default_factory=list)

    def choice(self, among: list) -> Any:
        return among[int(self.rng.integers(0, len(among)))]

    def number(self, low: int, high: int) -> int:
        """A number from low to high, both included."""
        return int(self.rng.integers(low, high + 1))

    @property
    def wide(self) -> bool:
        return self.dtype == "int16"

    def zero_point(self) -> int:
        return 0 if self.wide else _ZERO_POINTS[self.number(0, len(_ZERO_POINTS) - 1)]

    def scale(self) -> float:
        """Of something that comes from outside."""
        return float(self.rng.uniform(0.01, 0.2)) / (256 if self.wide else 1)

    def activation(self) -> str:
        return str(self.rng.choice(["NONE", "NONE", "RELU", "RELU6", "RELU_N1_TO_1"]))

    def source(self, fits: Callable[[Value], bool] = lambda value: True) -> Value | None:
        """A tensor to read, the latest ones more often; None when no tensor fits."""
        found = [value for value in self.values if fits(value)]
        if not found:
            return None
        return found[max(0, len(found) - 1 - int(self.rng.exponential(1.5)))]

    def image(self) -> Value | None:
        return self.source(lambda value: len(value.shape) == 4)

    def numbers(self, values: list[int]) -> int:
        """A constant int32 vector."""
        return self.m.tensor((len(values),), "int32", data=np.array(values, np.int32))

    def tensor(self, shape: tuple[int, ...], scale: float, zero_point: int) -> Value:
        index = self.m.tensor(shape, self.dtype, scale, zero_point)
        return self.keep(index, shape, scale, zero_point)

    def keep(self, index: int, shape: tuple[int, ...], scale: float, zero_point: int) -> Value:
        self.values.append(Value(index, shape, scale, zero_point))
        return self.values[-1]

    def node(self, operator: str, inputs: list[int], outputs: list[Value], **options: Any) -> None:
        self.m.several(operator, inputs, [value.index for value in outputs], **options)

    def like(self, value: Value, shape: tuple[int, ...] | None = None) -> Value:
        """A new tensor in the units of another one."""
        return self.tensor(value.shape if shape is None else shape, value.scale, value.zero_point)
