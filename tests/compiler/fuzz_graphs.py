"""Random graphs, int8 or int16x8: a seed and a number of nodes always give the same model.

The first n nodes of a seed do not depend on how many follow, so that dropping trailing nodes shrinks a
graph. Every tensor that no node reads is an output of the model, and some that are read, too.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import model_builder as mb
import numpy as np

MOST_NODES = 9
_MOST_ELEMENTS = 700
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


def build(seed: int, nodes: int) -> tuple[Growing, list[int], list[int]]:
    """The graph of a seed, cut to its first nodes, with its inputs and outputs."""
    growing = Growing(np.random.default_rng([seed, 0]), "int16" if seed % 4 == 3 else "int8")
    inputs = _inputs(growing)
    for number in range(nodes):
        growing.rng = np.random.default_rng([seed, number + 1])
        _add(growing)
    outputs = [
        value.index
        for value in growing.values[len(inputs) :]
        if value.index not in growing.read or value.index in growing.tapped
    ]
    return growing, inputs, outputs


def content(seed: int, nodes: int) -> bytes:
    """The .tflite of `build`."""
    growing, inputs, outputs = build(seed, nodes)
    return growing.m.content(inputs, outputs)


def size(seed: int) -> int:
    """How many nodes the whole graph of a seed has."""
    return int(np.random.default_rng([seed, 0, 0]).integers(1, MOST_NODES + 1))


def _inputs(g: Growing) -> list[int]:
    for _ in range(g.number(1, 2)):
        shape = (1, g.number(1, 9), g.number(1, 9), g.number(1, 6))
        g.tensor(shape, g.scale(), g.zero_point())
    return [value.index for value in g.values]


def _add(g: Growing) -> None:
    """One node of a random kind that finds tensors it can read."""
    while True:
        kind = _KINDS[int(g.rng.integers(0, len(_KINDS)))]
        before = len(g.values)
        if kind(g):
            break
    stored = g.m._graph.operators[-1]
    g.read.update(int(index) for index in stored.inputs)
    g.operators.append(kind.__name__)
    for value in g.values[before:]:
        if g.rng.random() < 0.15:
            g.tapped.add(value.index)


def _spread(g: Growing, taps: int, scale: float, weight_scale: float = 0.01) -> float:
    """An output scale with which sums of that many products fill the range, or half, or overflow it."""
    likely = scale * weight_scale * 73 * 74 * math.sqrt(taps) / 64
    return likely * math.exp(float(g.rng.uniform(-2.5, 1)))


def _window(g: Growing, value: Value) -> dict:
    """Window, stride, dilation and padding of a convolution of an image."""
    padding = str(g.rng.choice(["SAME", "VALID"]))
    sizes, strides, dilations = [], [], []
    for pixels in value.shape[1:3]:
        most = min(4, pixels) if padding == "VALID" else 4
        size = g.number(1, most)
        dilation = g.number(1, 2) if (size - 1) * 2 < pixels else 1
        sizes.append(size)
        strides.append(g.number(1, 3))
        dilations.append(dilation)
    return {
        "window": tuple(sizes),
        "stride": tuple(strides),
        "dilation": tuple(dilations),
        "padding": padding,
    }


def _convolved(g: Growing, value: Value, channels: int, taps: int, **settings: Any) -> bool:
    zero_point = g.zero_point()
    scale = _spread(g, taps, value.scale)
    index, shape = mb.convolution(
        g.m, g.rng, value.index, value.shape, channels,
        activation=g.activation(), bias=bool(g.rng.random() < 0.8), input_scale=value.scale,
        output_scale=scale, zero_point=zero_point, dead=g.number(0, channels) // 2,
        dtype=g.dtype, **settings,
    )  # fmt: skip
    g.keep(index, shape, scale, zero_point)
    return True


def convolution(g: Growing) -> bool:
    value = g.image()
    if value is None:
        return False
    window = _window(g, value)
    depth = value.shape[3]
    groups = g.choice([1, 1, *(n for n in (2, 3) if depth % n == 0)])
    channels = g.number(1, 9) if groups == 1 else groups * g.number(1, 3)
    taps = math.prod(window["window"]) * depth // groups
    window["bias_type"] = g.choice(["int64", "int32"]) if g.wide else "int32"
    return _convolved(g, value, channels, taps, groups=groups, **window)


def depthwise(g: Growing) -> bool:
    value = g.image()
    if value is None:
        return False
    window = _window(g, value)
    multiplier = 1 if value.shape[3] > 4 else g.number(1, 3)
    taps = math.prod(window["window"])
    window["bias_type"] = "int64" if g.wide else "int32"
    return _convolved(g, value, value.shape[3] * multiplier, taps, depthwise=True, **window)


def pool(g: Growing) -> bool:
    value = g.image()
    if value is None:
        return False
    window = _window(g, value)
    index, shape = mb.pool(
        g.m, value.index, value.shape, kind=str(g.rng.choice(["AVERAGE", "MAX"])),
        window=window["window"], stride=window["stride"], padding=window["padding"],
        activation=g.activation(), scale=value.scale, zero_point=value.zero_point,
        dtype=g.dtype,
    )  # fmt: skip
    g.keep(index, shape, value.scale, value.zero_point)
    return True


def dense(g: Growing) -> bool:
    value = g.source(lambda value: value.elements <= 300)
    if value is None:
        return False
    outputs, rows = g.number(1, 10), 1
    if value.shape[-1] != value.elements and g.rng.random() < 0.4:
        rows = value.elements // value.shape[-1]
    width = value.elements // rows
    scale, zero_point = _spread(g, width, value.scale), g.zero_point()
    index = mb.dense(
        g.m, g.rng, value.index, width, outputs, rows=rows,
        per_channel=bool(g.rng.random() < 0.5), bias=bool(g.rng.random() < 0.8),
        activation=g.activation(), input_scale=value.scale, output_scale=scale,
        zero_point=zero_point, dtype=g.dtype, bias_type="int64" if g.wide else "int32",
    )  # fmt: skip
    g.keep(index, (rows, outputs), scale, zero_point)
    return True


def two_operands(g: Growing) -> bool:
    """ADD, SUB or MUL of tensors of one shape, or of a tensor and a constant for each channel."""
    first = g.source()
    if first is None:
        return False
    operator = str(g.rng.choice(["ADD", "ADD", "SUB", "MUL"]))
    second = g.source(lambda value: value.shape == first.shape)
    assert second is not None
    other, scale = second.index, second.scale
    if g.rng.random() < 0.3:
        scale, limits = g.scale(), np.iinfo(g.dtype)
        data = g.rng.integers(limits.min, limits.max + 1, first.shape[-1:])
        other = g.m.tensor(first.shape[-1:], g.dtype, scale, g.zero_point(), data=data)
    typical = 15000 if g.wide else 60
    total = first.scale + scale if operator != "MUL" else typical * first.scale * scale
    output = g.tensor(first.shape, total * float(g.rng.uniform(0.5, 2)), g.zero_point())
    code = mb.ACTIVATIONS[g.activation()]
    kind = f"{operator.title()}Options"
    g.node(operator, [first.index, other], [output], kind=kind, fusedActivationFunction=code)
    return True


def extreme(g: Growing) -> bool:
    """MAXIMUM or MINIMUM."""
    first = g.source()
    assert first is not None
    like = (first.shape, first.scale, first.zero_point)
    second = g.source(lambda value: (value.shape, value.scale, value.zero_point) == like)
    assert second is not None
    operator = str(g.rng.choice(["MAXIMUM", "MINIMUM"]))
    g.node(operator, [first.index, second.index], [g.like(first)])
    return True


def reshape(g: Growing) -> bool:
    value = g.source()
    assert value is not None
    shape = g.choice([(1, value.elements), (1, 1, 1, value.elements), (1, value.elements, 1, 1)])
    g.node("RESHAPE", [value.index, g.numbers(list(shape))], [g.like(value, shape)])
    return True


def mean(g: Growing) -> bool:
    value = g.image()
    if value is None:
        return False
    keep = bool(g.rng.random() < 0.5)
    shape = (1, 1, 1, value.shape[3]) if keep else (1, value.shape[3])
    output = g.tensor(shape, value.scale * float(g.rng.uniform(0.2, 1.5)), g.zero_point())
    inputs = [value.index, g.numbers([1, 2])]
    g.node("MEAN", inputs, [output], kind="ReducerOptions", keepDims=keep)
    return True


def softmax(g: Growing) -> bool:
    value = g.source(lambda value: value.shape[-1] > 1)
    if value is None:
        return False
    output = g.tensor(value.shape, *((2**-15, 0) if g.wide else (1 / 256, -128)))
    g.node("SOFTMAX", [value.index], [output], kind="SoftmaxOptions", beta=1.0)
    return True


def function(g: Growing) -> bool:
    """A function of one value, done by a table."""
    value = g.source()
    assert value is not None
    fixed = {"LOGISTIC": (1 / 256, -128), "TANH": (1 / 128, 0)}
    if g.wide:
        fixed = dict.fromkeys(fixed, (2**-15, 0))
    narrow_only = [] if g.wide else ["HARD_SWISH", "ELU"]
    operator = str(g.rng.choice(["RELU", "RELU6", *narrow_only, *fixed]))
    free = (value.scale * float(g.rng.uniform(0.5, 1.5)), g.zero_point())
    g.node(operator, [value.index], [g.tensor(value.shape, *fixed.get(operator, free))])
    return True


def concatenation(g: Growing) -> bool:
    """Of tensors in the same units that differ in their channels only."""
    first = g.source(lambda value: value.elements <= _MOST_ELEMENTS)
    if first is None:
        return False
    like = (first.shape[:-1], first.scale, first.zero_point)
    fits = [v for v in g.values if (v.shape[:-1], v.scale, v.zero_point) == like]
    parts = [first, *(fits[g.number(0, len(fits) - 1)] for _ in range(g.number(1, 2)))]
    shape = (*first.shape[:-1], sum(part.shape[-1] for part in parts))
    inputs = [part.index for part in parts]
    options = {"kind": "ConcatenationOptions", "axis": len(shape) - 1}
    g.node("CONCATENATION", inputs, [g.like(first, shape)], **options)
    return True


def pad(g: Growing) -> bool:
    value = g.source(lambda value: len(value.shape) == 4 and value.elements <= _MOST_ELEMENTS // 3)
    if value is None:
        return False
    around = [0, 0, *(g.number(0, 2) for _ in range(4)), 0, 0]
    shape = tuple(n + around[2 * i] + around[2 * i + 1] for i, n in enumerate(value.shape))
    paddings = g.m.tensor((4, 2), "int32", data=np.array(around))
    g.node("PAD", [value.index, paddings], [g.like(value, shape)])
    return True


def transpose(g: Growing) -> bool:
    value = g.source()
    assert value is not None
    order = [0, *(1 + g.rng.permutation(len(value.shape) - 1))]
    shape = tuple(value.shape[i] for i in order)
    g.node("TRANSPOSE", [value.index, g.numbers(order)], [g.like(value, shape)])
    return True


def split(g: Growing) -> bool:
    """Of the channels, into two or three parts."""
    value = g.source(lambda value: value.shape[-1] % 2 == 0 or value.shape[-1] % 3 == 0)
    if value is None:
        return False
    count = 2 if value.shape[-1] % 2 == 0 else 3
    shape = (*value.shape[:-1], value.shape[-1] // count)
    axis = g.m.tensor((), "int32", data=np.array(len(shape) - 1))
    parts = [g.like(value, shape) for _ in range(count)]
    g.node("SPLIT", [axis, value.index], parts, kind="SplitOptions", numSplits=count)
    return True


_KINDS: list[Callable[[Growing], bool]] = [
    *[convolution] * 5,
    *[depthwise] * 4,
    *[pool] * 3,
    *[dense] * 3,
    *[two_operands] * 4,
    *[reshape] * 2,
    mean,
    softmax,
    extreme,
    function,
    concatenation,
    pad,
    transpose,
    split,
]
