"""SVDF: a filter over features, then one over time, which keeps the last features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml.ops import arithmetic, states
from tinyml.ops.base import Array, KernelCall, Operator
from tinyml.ops.rules import input_count

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView

INPUT, FEATURES, TIME, BIAS, STATE = range(5)  # positions of the inputs
_MOST_INPUTS = 1 << 15  # of one sum of int8 products in 32 bits


@dataclass(frozen=True)
class Attributes:
    """How many filters make one unit. TFLM's int8 kernel clamps to int8 whatever activation is fused."""

    rank: int


def int8_ends(node: NodeView) -> str:
    """Input and output are int8 matrices with one scale each. Remedy: quantize the model to int8."""
    for tensor in (node.input(INPUT), node.output):
        if tensor.dtype != "int8" or not tensor.is_activation or len(tensor.shape) != 2:
            return f"'{tensor.name}' is {tensor.dtype} {tensor.shape}"
        if tensor.quantization is None or tensor.quantization.per_channel:
            return f"'{tensor.name}' has no single scale"
        if not -128 <= tensor.q.zero_point <= 127:
            return f"'{tensor.name}' has zero point {tensor.q.zero_point}"
    return ""


def constant_weights(node: NodeView) -> str:
    """Feature weights are a constant int8 matrix, time weights one of the state's type, each with one scale
    and zero point 0. Remedy: convert the model with TensorFlow 2's converter, quantized to int8.
    """
    for position, dtype in ((FEATURES, "int8"), (TIME, node.input(STATE).dtype)):
        weights = node.input(position)
        if weights.data is None or weights.dtype != dtype or len(weights.shape) != 2:
            return f"'{weights.name}', {weights.dtype} {weights.shape}"
        if weights.quantization is None or weights.quantization.per_channel:
            return f"'{weights.name}', which has no single scale"
        if weights.q.zero_point:
            return f"'{weights.name}' with zero point {weights.q.zero_point}"
    return ""


def shapes_fit(node: NodeView) -> str:
    """The filters are a multiple of the rank, both weights have a row for each, and the state has the time
    weights' size for each row of the input. Remedy: convert the model again.
    """
    source, features, times = (node.input(i).shape for i in (INPUT, FEATURES, TIME))
    rank = node.attributes.rank
    if rank < 1 or features[0] % rank:
        return f"rank {rank} for {features[0]} filters"
    fits = features[1] == source[1] < _MOST_INPUTS and times[0] == features[0]
    state = node.input(STATE).shape
    if not fits or state != (source[0], times[0] * times[1]):
        return f"input {source}, weights {features} and {times}, state {state}"
    return ""


def state_zero_point(node: NodeView) -> str:
    """The state's zero point is 0, of int8 -128 to 127. Remedy: quantize the model again."""
    state = node.input(STATE)
    least, most = (-128, 127) if state.dtype == "int8" else (0, 0)
    return "" if least <= state.q.zero_point <= most else str(state.q.zero_point)


def bias_fits(node: NodeView) -> str:
    """The bias is constant int32, a value a unit, and its scale that of the state times that of the time
    weights (TFLM demands it). Remedy: convert the model again.
    """
    bias = node.input(BIAS)
    if bias.data is None or bias.dtype != "int32" or bias.quantization is None:
        return f"'{bias.name}', {bias.dtype}"
    if bias.shape != (_units(node),):
        return f"shape {bias.shape} for {_units(node)} units"
    product = np.float32(node.input(STATE).q.scale) * np.float32(node.input(TIME).q.scale)
    off = abs(bias.q.scale - float(product))
    return "" if off < 1e-5 else f"scales {bias.q.scale:g} and {float(product):g}"


def effective_scales(node: NodeView) -> str:
    """Input times feature weights over state, and state times time weights over output, are below 2^30.
    Remedy: quantize the model again.
    """
    return next((f"{scale:g}" for scale in scales(node) if not scale < 1 << 30), "")


def _units(node: NodeView) -> int:
    return node.input(FEATURES).shape[0] // int(node.attributes.rank)


def scales(node: NodeView) -> tuple[float, float]:
    """The factors of features and outputs; TFLM computes both in float32."""
    source, features, times, state, output = (
        np.float32(tensor.q.scale)
        for tensor in (*(node.input(i) for i in (INPUT, FEATURES, TIME, STATE)), node.output)
    )
    with np.errstate(over="ignore"):
        return float(source * features / state), float(state * times / output)


class Svdf(Operator):
    """int8 with a state of int16 or int8 (TFLM's EvalIntegerSvdfReference)."""

    name = "SVDF"
    summary = "singular value decomposition filter, its state int16 or int8"
    rules = (
        input_count(5, 5),
        int8_ends,
        states.keeps(STATE, "state", ("int16", "int8")),
        state_zero_point,
        constant_weights,
        shapes_fit,
        bias_fits,
        effective_scales,
    )
    states = (STATE,)
    has_effects = True

    def parse(self, options: Any) -> Attributes:
        from tflite.SVDFOptions import SVDFOptions

        stored = SVDFOptions()
        stored.Init(options.Bytes, options.Pos)
        return Attributes(stored.Rank())

    def output_shapes(self, node: NodeView) -> tuple[tuple[int, ...], ...]:
        return ((node.input(INPUT).shape[0], _units(node)),)

    def macs(self, node: NodeView) -> int:
        rows = node.input(INPUT).shape[0]
        return rows * (node.input(FEATURES).elements + node.input(TIME).elements)

    def reference(self, node: NodeView, inputs: list[np.ndarray]) -> list[np.ndarray]:
        source, features, times, bias, state = inputs
        zero_point = node.input(STATE).q.zero_point
        to_state, to_output = map(arithmetic.quantize_multiplier, scales(node))
        centred = source.astype(np.int64) - node.input(INPUT).q.zero_point
        newest = arithmetic.requantize(centred @ features.astype(np.int64).T, *to_state)
        # Clamped first: a zero point other than 0 wraps around in TFLM.
        newest = np.clip(newest, *arithmetic.LIMITS[state.dtype.name]) + zero_point
        memory = state.reshape(len(source), *times.shape)  # (rows, filters, time), a view
        memory[..., :-1] = memory[..., 1:].copy()
        memory[..., -1] = newest.astype(state.dtype)
        sums = ((memory.astype(np.int64) - zero_point) * times).sum(axis=-1)
        units = sums.reshape(len(source), -1, node.attributes.rank).sum(axis=-1) + bias
        scaled = arithmetic.requantize(arithmetic.wrap_int32(units), *to_output)
        return [np.clip(scaled + node.output.q.zero_point, -128, 127).astype(np.int8)]

    def lower(self, node: NodeView) -> KernelCall:
        features, times, state = (node.input(i) for i in (FEATURES, TIME, STATE))
        bias = node.input(BIAS).data
        assert features.data is not None
        assert times.data is not None
        assert bias is not None
        to_state, to_output = map(arithmetic.quantize_multiplier, scales(node))
        folded = -node.input(INPUT).q.zero_point * features.data.astype(np.int64).sum(axis=1)
        layer = (
            ("rows", node.input(INPUT).shape[0]),
            ("inputs", features.shape[1]),
            ("units", _units(node)),
            ("rank", node.attributes.rank),
            ("memory", times.shape[1]),
            ("feature_weights", Array("feature_weights", features.data)),
            ("feature_bias", Array("feature_bias", folded.astype(np.int32))),
            ("bias", Array("bias", bias)),
            ("state_multiplier", to_state[0]),
            ("state_shift", to_state[1]),
            ("state_zero_point", state.q.zero_point),
            ("output_multiplier", to_output[0]),
            ("output_shift", to_output[1]),
            ("output_zero_point", node.output.q.zero_point),
        )
        return KernelCall(
            kernel=f"tinyml_svdf_state_{'s16' if state.dtype == 'int16' else 's8'}",
            params=(("layer", layer), ("time_weights", Array("time_weights", times.data))),
            inputs=(INPUT, STATE),
        )


OPERATOR = Svdf()
