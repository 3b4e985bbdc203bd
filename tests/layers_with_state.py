"""Appends layers that keep a state to a model of model_builder."""

from __future__ import annotations

from typing import Any

import model_builder as mb
import numpy as np


def svdf(
    m: mb.ModelBuilder,
    rng: np.random.Generator,
    source: int,
    shape: tuple[int, int],
    *,
    units: int = 4,
    rank: int = 2,
    memory: int = 5,
    state: str = "int16",
    state_zero: int = 0,
    state_scale: float = 1 / 4096,
    input_scale: float = 0.05,
    output: tuple[float, int] = (0.02, 3),
    **options: Any,
) -> int:
    """Append an SVDF with random weights; returns its output, (rows, units). Options: of its parts."""
    rows, inputs = shape
    filters = units * rank
    scale_time = 0.01 if state == "int8" else 1 / 16384
    weights = rng.integers(-127, 128, (filters, inputs))
    limit = 127 if state == "int8" else 32767
    times = rng.integers(-limit, limit + 1, (filters, memory))
    bias_scale = options.get("bias_scale", state_scale * scale_time)
    bias = rng.integers(-3000, 3000, units)
    tensors = [
        source,
        m.tensor((filters, inputs), scale=0.01, data=weights),
        m.tensor((filters, memory), options.get("times", state), scale_time, data=times),
        m.tensor((units,), "int32", bias_scale, data=bias) if options.get("bias", True) else -1,
    ]
    add_state = m.variable if options.get("variable", True) else m.tensor
    tensors.append(add_state((rows, filters * memory), state, state_scale, state_zero))
    target = m.tensor((rows, units), "int8", *output)
    return m.node("SVDF", tensors, target, kind="SVDFOptions", rank=options.get("says", rank))


def lstm(
    m: mb.ModelBuilder,
    rng: np.random.Generator,
    source: int,
    shape: tuple[int, int, int],
    *,
    units: int = 5,
    dtype: str = "int8",
    time_major: bool = False,
    input_scale: float = 0.02,
    weights_scale: float = 0.01,
    hidden: tuple[float, int] = (1 / 128, 3),
    cell_scale: float = 2.0**-11,
    cell_clip: float = 0.0,
    **options: Any,
) -> int:
    """Append an LSTM with random weights; returns its output. Options: `change` of inputs, activation."""
    batch = shape[1] if time_major else shape[0]
    wide = dtype == "int16"
    inputs = [source] + [-1] * 23
    for gate in range(4):
        for first, width in ((1, shape[2]), (5, units)):
            data = rng.integers(-127, 128, (units, width))
            inputs[first + gate] = m.tensor((units, width), scale=weights_scale, data=data)
        bias = rng.integers(-5000, 5000, units) * (250 if wide else 1)
        bias_type = "int64" if wide else "int32"
        inputs[12 + gate] = m.tensor((units,), bias_type, input_scale * weights_scale, data=bias)
    inputs[18] = m.variable((batch, units), dtype, *hidden)
    inputs[19] = m.variable((batch, units), "int16", cell_scale)
    for position, tensor in options.get("change", {}).items():
        inputs[position] = tensor(m) if callable(tensor) else tensor
    target = m.tensor((*shape[:2], units), options.get("output", dtype), *hidden)
    return m.node(
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
        inputs[: options.get("count", 24)],
        target,
        kind="UnidirectionalSequenceLSTMOptions",
        fusedActivationFunction=options.get("activation", 4),
        cellClip=cell_clip,
        timeMajor=time_major,
    )
