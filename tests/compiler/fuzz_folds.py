"""Groups of nodes for random graphs that passes simplify; each function is one kind, as in `fuzz_nodes`."""

from __future__ import annotations

import math
from collections.abc import Callable

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


KINDS: list[Callable[[Growing], bool]] = [*[padded] * 3, *[of_constants] * 2]
