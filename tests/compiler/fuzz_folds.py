"""Groups of nodes for random graphs that passes simplify; each function is one kind, as in `fuzz_nodes`."""

from __future__ import annotations

import math
from collections.abc import Callable

import fuzz_nodes
import model_builder as mb
import numpy as np
from fuzz_growing import Growing, Value
from fuzz_nodes import MOST_ELEMENTS, convolved, window_of


def padded(g: Growing) -> bool:
    """A border, mostly of the zero point, and a convolution of what is in it."""
    value = g.source(lambda value: len(value.shape) == 4 and value.elements <= MOST_ELEMENTS // 3)
    if value is None:
        return False
    around = [0, 0, *(g.number(0, 2) for _ in range(4)), 0, g.number(0, 5) // 5]
    shape = tuple(n + around[2 * i] + around[2 * i + 1] for i, n in enumerate(value.shape))
    inputs = [value.index, g.m.tensor((4, 2), "int32", data=np.array(around))]
    if g.rng.random() < 0.3:
        content = value.zero_point if g.rng.random() < 0.7 else g.number(-9, 9)
        data = np.array([content], g.dtype)
        inputs.append(g.m.tensor((1,), g.dtype, value.scale, value.zero_point, data=data))
    border = g.like(value, shape)
    g.node("PADV2" if len(inputs) == 3 else "PAD", inputs, [border])
    g.read.update(inputs)
    window = window_of(g, border)
    window["bias_type"] = "int64" if g.wide else "int32"
    taps, depth = math.prod(window["window"]), shape[3]
    if g.rng.random() < 0.4:
        return convolved(g, border, depth * g.number(1, 2), taps, depthwise=True, **window)
    return convolved(g, border, g.number(1, 9), taps * depth, **window)


def of_constants(g: Growing) -> bool:
    """A node or two that read constants only, and one that reads what they give and something else."""
    value = g.source()
    assert value is not None
    shape = g.choice([value.shape, value.shape[-1:]])
    limits = np.iinfo(g.dtype)
    data = g.rng.integers(limits.min, limits.max + 1, shape)
    made = Value(-1, shape, g.scale(), g.zero_point())
    index = g.m.tensor(shape, g.dtype, made.scale, made.zero_point, data=data)
    for _ in range(g.number(1, 2)):
        operator = g.choice(["RELU", "RELU6", "QUANTIZE", "RESHAPE", "ADD"])
        others = {"RESHAPE": [g.numbers(list(shape))], "ADD": [index]}.get(operator, [])
        after = (
            g.like(made)
            if operator == "RESHAPE"
            else g.tensor(shape, made.scale * 1.3, g.zero_point())
        )
        options = {"kind": "AddOptions"} if operator == "ADD" else {}
        g.node(operator, [index, *others], [after], **options)
        g.read.add(after.index)
        made, index = after, after.index
    total = (value.scale + made.scale) * float(g.rng.uniform(0.5, 2))
    code = mb.ACTIVATIONS[g.activation()]
    output = g.tensor(value.shape, total, g.zero_point())
    g.node("ADD", [value.index, index], [output], kind="AddOptions", fusedActivationFunction=code)
    return True


def _near(g: Growing, value: Value) -> Value:
    """A new tensor, mostly in the units of another one."""
    if g.rng.random() < 0.7:
        return g.like(value)
    return g.tensor(value.shape, value.scale * g.choice([1, 0.5, 1.1]), g.zero_point())


def rectified(g: Growing) -> bool:
    """A node that can apply an activation, and a rectifier of its own behind it, mostly in the same units."""
    if not g.choice([fuzz_nodes.convolution, fuzz_nodes.dense, fuzz_nodes.two_operands])(g):
        return False
    g.read.update(int(index) for index in g.m.nodes[-1].inputs)
    between = g.values[-1]
    for _ in range(g.number(1, 2)):
        after = _near(g, between)
        g.node(str(g.rng.choice(["RELU", "RELU", "RELU6"])), [between.index], [after])
        g.read.add(between.index)
        between = after
    return True


def there_and_back(g: Growing) -> bool:
    """Conversions to other units or to float, and mostly back to the units before."""
    value = g.source()
    assert value is not None
    seen = value
    for _ in range(g.number(0, 1)):
        other = g.tensor(value.shape, seen.scale * g.choice([1, 0.3, 1.2]), g.zero_point())
        g.node("QUANTIZE", [seen.index], [other])
        g.read.add(seen.index)
        seen = other
    g.read.add(seen.index)
    index = seen.index
    if g.rng.random() < 0.6:
        index = g.m.node("DEQUANTIZE", [index], g.m.tensor(value.shape, "float32"))
    g.node("QUANTIZE", [index], [_near(g, value)])
    return True


def functions(g: Growing) -> bool:
    """Element-wise nodes that all compute functions of one value."""
    value, values = g.source(), g.values
    assert value is not None
    g.values = [value]  # the nodes find nothing else
    several = [fuzz_nodes.function, fuzz_nodes.leaky, fuzz_nodes.rescale, fuzz_nodes.two_operands]
    for _ in range(g.number(2, 4)):
        g.choice(several)(g)
        g.read.update(int(index) for index in g.m.nodes[-1].inputs)
    values.extend(g.values[1:])
    g.values = values
    return True


KINDS: list[Callable[[Growing], bool]] = [
    *[padded] * 4,
    *[of_constants] * 2,
    *[rectified] * 3,
    *[there_and_back] * 2,
    *[functions] * 3,
]
