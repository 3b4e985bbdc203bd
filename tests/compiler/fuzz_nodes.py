"""The nodes of random graphs: each function adds one, or answers False when no tensor fits."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import model_builder as mb
import numpy as np
from fuzz_growing import Growing, Value

MOST_ELEMENTS = 700  # of a tensor, about


def spread(g: Growing, taps: int, scale: float, weight_scale: float = 0.01) -> float:
    """An output scale with which sums of that many products fill the range, or half, or overflow it."""
    likely = scale * weight_scale * 73 * 74 * math.sqrt(taps) / 64
    return likely * math.exp(float(g.rng.uniform(-2.5, 1)))


def window_of(g: Growing, value: Value) -> dict:
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


def convolved(g: Growing, value: Value, channels: int, taps: int, **settings: Any) -> bool:
    zero_point = g.zero_point()
    scale = spread(g, taps, value.scale)
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
    window = window_of(g, value)
    depth = value.shape[3]
    groups = g.choice([1, 1, *(n for n in (2, 3) if depth % n == 0)])
    channels = g.number(1, 9) if groups == 1 else groups * g.number(1, 3)
    taps = math.prod(window["window"]) * depth // groups
    window["bias_type"] = g.choice(["int64", "int32"]) if g.wide else "int32"
    return convolved(g, value, channels, taps, groups=groups, **window)


def depthwise(g: Growing) -> bool:
    value = g.image()
    if value is None:
        return False
    window = window_of(g, value)
    multiplier = 1 if value.shape[3] > 4 else g.number(1, 3)
    taps = math.prod(window["window"])
    window["bias_type"] = "int64" if g.wide else "int32"
    return convolved(g, value, value.shape[3] * multiplier, taps, depthwise=True, **window)


def narrowing(g: Growing) -> bool:
    """A convolution with constant channels that only the next one reads, maybe channel by channel between:
    what `remove-constant-channels` is for.
    """
    value = g.image()
    if value is None:
        return False
    scale, zero_point = spread(g, value.shape[3], value.scale), g.zero_point()
    g.read.add(value.index)
    channels = g.number(2, 8)
    settings: dict[str, Any] = {
        "dtype": g.dtype,
        "bias_type": "int64" if g.wide else "int32",
        "zero_point": zero_point,
        "output_scale": scale,
    }
    index, shape = mb.convolution(
        g.m, g.rng, value.index, value.shape, channels, window=(1, 1), dead=g.number(1, channels),
        activation=g.activation(), input_scale=value.scale, **settings,
    )  # fmt: skip
    if g.rng.random() < 0.5:
        index, shape = mb.convolution(
            g.m, g.rng, index, shape, channels, depthwise=True, window=(2, 2),
            dead=g.number(0, 2), activation=g.activation(), input_scale=scale, **settings,
        )  # fmt: skip
    between = Value(index, shape, scale, zero_point)
    window = window_of(g, between)
    window["bias_type"] = settings["bias_type"]
    return convolved(g, between, g.number(1, 9), channels, **window)


def pool(g: Growing) -> bool:
    value = g.image()
    if value is None:
        return False
    window = window_of(g, value)
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
    scale, zero_point = spread(g, width, value.scale), g.zero_point()
    index = mb.dense(
        g.m, g.rng, value.index, width, outputs, rows=rows,
        per_channel=bool(g.rng.random() < 0.5), bias=bool(g.rng.random() < 0.8),
        activation=g.activation(), input_scale=value.scale, output_scale=scale,
        zero_point=zero_point, dtype=g.dtype, bias_type="int64" if g.wide else "int32",
    )  # fmt: skip
    g.keep(index, (rows, outputs), scale, zero_point)
    return True


def two_operands(g: Growing) -> bool:
    """ADD, SUB or MUL of tensors of one shape, or of a tensor and a constant for all or for each channel."""
    first = g.source()
    if first is None:
        return False
    operator = str(g.rng.choice(["ADD", "ADD", "SUB", "MUL"]))
    second = g.source(lambda value: value.shape == first.shape)
    assert second is not None
    other, scale = second.index, second.scale
    if g.rng.random() < 0.3:
        scale, limits = g.scale(), np.iinfo(g.dtype)
        shape = g.choice([first.shape[-1:], (1,)])
        data = g.rng.integers(limits.min, limits.max + 1, shape)
        other = g.m.tensor(shape, g.dtype, scale, g.zero_point(), data=data)
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
    batches, _, _, channels = value.shape
    shape = (batches, 1, 1, channels) if keep else (batches, channels)
    output = g.tensor(shape, value.scale * float(g.rng.uniform(0.2, 1.5)), g.zero_point())
    inputs = [value.index, g.numbers([1, 2])]
    g.node("MEAN", inputs, [output], kind="ReducerOptions", keepDims=keep)
    return True


def softmax(g: Growing) -> bool:
    value = g.source(lambda value: 1 < value.shape[-1] < 512)  # from 512 equal ones on TFLM aborts
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
    if g.wide:  # TFLM's tables of int16 reach so far
        fixed = dict.fromkeys(fixed, (2**-15, 0)) if value.scale < 2.6 else {}
    narrow_only = [] if g.wide else ["HARD_SWISH", "ELU"]
    if not g.wide and value.zero_point == -128:
        narrow_only.append("RSQRT")
    operator = str(g.rng.choice(["RELU", "RELU6", *narrow_only, *fixed]))
    free = (value.scale * float(g.rng.uniform(0.5, 1.5)), g.zero_point())
    g.node(operator, [value.index], [g.tensor(value.shape, *fixed.get(operator, free))])
    return True


def concatenation(g: Growing) -> bool:
    """Of tensors in the same units that differ in their channels only, or in their rows."""
    first = g.source(lambda value: value.elements <= MOST_ELEMENTS)
    if first is None:
        return False
    last = len(first.shape) - 1
    axis = g.choice([min(1, last), last])

    def like(value: Value) -> tuple:
        others = (*value.shape[:axis], *value.shape[axis + 1 :])
        return len(value.shape), others, value.scale, value.zero_point

    fits = [value for value in g.values if like(value) == like(first)]
    parts = [first, *(fits[g.number(0, len(fits) - 1)] for _ in range(g.number(1, 2)))]
    joined = sum(part.shape[axis] for part in parts)
    shape = (*first.shape[:axis], joined, *first.shape[axis + 1 :])
    inputs = [part.index for part in parts]
    options = {"kind": "ConcatenationOptions", "axis": axis}
    g.node("CONCATENATION", inputs, [g.like(first, shape)], **options)
    return True


def pad(g: Growing) -> bool:
    value = g.source(lambda value: len(value.shape) == 4 and value.elements <= MOST_ELEMENTS // 3)
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
    """Of the channels or the rows, into two or three parts."""
    along = g.choice([1, -1])

    def divides(value: Value) -> bool:
        size = value.shape[along] if len(value.shape) > 1 else 1
        return size % 2 == 0 or size % 3 == 0

    value = g.source(divides)
    if value is None:
        return False
    count = 2 if value.shape[along] % 2 == 0 else 3
    sizes = list(value.shape)
    sizes[along] //= count
    shape = tuple(sizes)
    axis = g.m.tensor((), "int32", data=np.array(along))
    parts = [g.like(value, shape) for _ in range(count)]
    g.node("SPLIT", [axis, value.index], parts, kind="SplitOptions", numSplits=count)
    return True


def leaky(g: Growing) -> bool:
    value = g.source()
    assert value is not None
    alpha = float(g.rng.choice([0.1, 0.3, 1.7, -0.2]))
    output = g.tensor(value.shape, value.scale * float(g.rng.uniform(0.5, 1.5)), g.zero_point())
    g.node("LEAKY_RELU", [value.index], [output], kind="LeakyReluOptions", alpha=alpha)
    return True


def prelu(g: Growing) -> bool:
    """With a slope for each channel."""
    value = g.source()
    assert value is not None
    data = g.rng.integers(-128, 128, value.shape[-1:])
    alpha = g.m.tensor(value.shape[-1:], "int8", 0.01, g.zero_point(), data=data)
    output = g.tensor(value.shape, value.scale * float(g.rng.uniform(0.5, 1.5)), g.zero_point())
    g.node("PRELU", [value.index, alpha], [output])
    return True


def resize(g: Growing) -> bool:
    value = g.source(lambda value: len(value.shape) == 4 and value.elements <= MOST_ELEMENTS // 4)
    if value is None:
        return False
    bilinear = not g.wide and bool(g.rng.random() < 0.5)
    kind = "Bilinear" if bilinear else "NearestNeighbor"
    wanted = [g.number(1, 2 * size) for size in value.shape[1:3]]
    corners, centers = g.choice([(False, False), (True, False), (False, True)])
    output = g.like(value, (value.shape[0], *wanted, value.shape[3]))
    g.node(
        "RESIZE_BILINEAR" if bilinear else "RESIZE_NEAREST_NEIGHBOR",
        [value.index, g.numbers(wanted)], [output],
        kind=f"Resize{kind}Options", alignCorners=corners, halfPixelCenters=centers,
    )  # fmt: skip
    return True


def part(g: Growing) -> bool:
    """SLICE, or STRIDED_SLICE backwards or with steps."""
    value = g.source()
    assert value is not None
    begin = [g.number(0, size - 1) for size in value.shape]
    sizes = [g.number(1, size - first) for size, first in zip(value.shape, begin)]
    if g.rng.random() < 0.5:
        inputs = [value.index, g.numbers(begin), g.numbers(sizes)]
        g.node("SLICE", inputs, [g.like(value, tuple(sizes))])
        return True
    steps = [g.number(1, 2) for _ in sizes]
    end = [first + size for first, size in zip(begin, sizes)]
    shape = tuple(-(-size // step) for size, step in zip(sizes, steps))
    inputs = [value.index, g.numbers(begin), g.numbers(end), g.numbers(steps)]
    g.node("STRIDED_SLICE", inputs, [g.like(value, shape)], kind="StridedSliceOptions")
    return True


def rescale(g: Growing) -> bool:
    """QUANTIZE to other units of the same type."""
    value = g.source()
    assert value is not None
    output = g.tensor(value.shape, value.scale * float(g.rng.uniform(0.3, 3)), g.zero_point())
    g.node("QUANTIZE", [value.index], [output])
    return True


def transposed_convolution(g: Growing) -> bool:
    value = g.source(lambda value: len(value.shape) == 4 and value.elements <= MOST_ELEMENTS // 4)
    if value is None:
        return False
    channels, strides = g.number(1, 4), [g.number(1, 2), g.number(1, 2)]
    window = [g.number(1, 3), g.number(1, 3)]
    padding = str(g.rng.choice(["SAME", "VALID"]))
    reach = window if padding == "VALID" else [1, 1]
    sizes = [(n - 1) * s + r for n, s, r in zip(value.shape[1:3], strides, reach)]
    scales = g.rng.uniform(0.002, 0.02, channels).astype(np.float32).tolist()
    shape = (channels, *window, value.shape[3])
    weights = g.m.tensor(shape, scale=scales, data=g.rng.integers(-127, 128, shape))
    reached = (value.shape[0], *sizes, channels)
    output = g.tensor(reached, spread(g, shape[3], value.scale), g.zero_point())
    g.node(
        "TRANSPOSE_CONV", [g.numbers(list(reached)), weights, value.index], [output],
        kind="TransposeConvOptions", padding=mb.PADDINGS[padding],
        strideH=strides[0], strideW=strides[1],
    )  # fmt: skip
    return True


KINDS: list[Callable[[Growing], bool]] = [
    *[convolution] * 5,
    *[depthwise] * 4,
    *[narrowing] * 3,
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
    leaky,
    prelu,
    resize,
    part,
    rescale,
    transposed_convolution,
]
