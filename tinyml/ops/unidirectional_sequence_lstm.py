"""UNIDIRECTIONAL_SEQUENCE_LSTM: the LSTM layer of Keras, over a sequence."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml.ops import arithmetic, sigmoids, states
from tinyml.ops.base import Array, Fields, KernelCall, Operator
from tinyml.ops.elementwise import quantization_fault
from tinyml.ops.logistic import OPERATOR as LOGISTIC
from tinyml.ops.rules import activation_name
from tinyml.ops.tanh import OPERATOR as TANH

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView, Tensor

_INPUTS = 24
_WEIGHTS, _RECURRENT, _BIAS = 1, 5, 12  # of the input gate; those of the others follow
HIDDEN, CELL = 18, 19  # the states
_NEEDED = (0, *range(1, 9), *range(12, 16), HIDDEN, CELL)
# Which of TFLite's input, forget, cell and output gates; ours end with the one through TANH
_GATES = (1, 0, 3, 2)
_GATE_SCALE = 2.0**-12  # of the sums
_UNIT_SCALE = 2.0**-15  # of sigmoids and hyperbolic tangents
_INT16 = arithmetic.LIMITS["int16"]
_MOST_BIAS = 1 << 46


@dataclass(frozen=True)
class Attributes:
    """The cell gate's activation, the bound of the cell's value (0: none), and whether time is first."""

    activation: str
    cell_clip: float
    time_major: bool


def plain_lstm(node: NodeView) -> str:
    """It has 24 inputs and one output, without peephole connections, projection and layer normalization (TFLM
    has none either). Remedy: use the LSTM layer of Keras with its defaults.
    """
    if len(node.inputs) != _INPUTS or len(node.outputs) != 1:
        return f"{len(node.inputs)} inputs and {len(node.outputs)} outputs"
    wrong = [i for i, tensor in enumerate(node.inputs) if (tensor is not None) != (i in _NEEDED)]
    verb = "lacks" if wrong and wrong[0] in _NEEDED else "has"
    return f"one that {verb} input {wrong[0]}" if wrong else ""


def one_type(node: NodeView) -> str:
    """Input and output are both int8 or both int16 with 3 dimensions, one scale and zero point each; of int16
    the zero point is 0. Remedy: quantize the model to int8 first.
    """
    source, output = node.input(0), node.output
    for tensor in (source, output):
        fault = quantization_fault(tensor, ("int8", "int16"))
        if fault or not tensor.is_activation or len(tensor.shape) != 3:
            return fault or f"'{tensor.name}' {tensor.shape}"
    return "" if source.dtype == output.dtype else f"{source.dtype} and {output.dtype}"


def hidden_type(node: NodeView) -> str:
    """The hidden state has the input's type; its zero point is one of that type, of int16 it is 0. Remedy:
    convert the model again.
    """
    return quantization_fault(node.input(HIDDEN), (node.input(0).dtype,))


def constant_weights(node: NodeView) -> str:
    """Weights are constant int8 with one scale each and zero point 0. Remedy: convert the model with
    per-tensor weights, as TensorFlow 2's converter does for LSTM.
    """
    for position in range(_WEIGHTS, _WEIGHTS + 8):
        weights = node.input(position)
        if weights.data is None or weights.dtype != "int8":
            return f"'{weights.name}' is {'computed' if weights.data is None else weights.dtype}"
        if weights.quantization is None or weights.quantization.per_channel:
            return f"'{weights.name}' has no single scale"
        if weights.q.zero_point:
            return f"'{weights.name}' has zero point {weights.q.zero_point}"
    return ""


def constant_biases(node: NodeView) -> str:
    """Biases are constant, int32 for int8 inputs and int64 (below 2^46) for int16. Remedy: convert the model
    again.
    """
    dtype = "int32" if node.input(0).dtype == "int8" else "int64"
    for position in range(_BIAS, _BIAS + 4):
        bias = node.input(position)
        if bias.data is None or bias.dtype != dtype:
            return f"'{bias.name}' is {'computed' if bias.data is None else bias.dtype}"
        if not ((bias.data > -_MOST_BIAS) & (bias.data < _MOST_BIAS)).all():
            return f"'{bias.name}' holds more"
    return ""


def shapes_fit(node: NodeView) -> str:
    """Weights are (units, inputs) and (units, units), biases (units,), and the states have (batch, units).
    Remedy: convert the model again.
    """
    if len(node.input(HIDDEN).shape) != 2:
        return f"a hidden state {node.input(HIDDEN).shape}"
    s = sizes(node)
    expected: list[tuple[int, tuple[int, ...]]] = []
    for gate in _GATES:
        expected.append((_WEIGHTS + gate, (s.units, s.inputs)))
        expected.append((_RECURRENT + gate, (s.units, s.units)))
        expected.append((_BIAS + gate, (s.units,)))
    for position, shape in (*expected, (HIDDEN, (s.batch, s.units)), (CELL, (s.batch, s.units))):
        tensor = node.input(position)
        if tensor.shape != shape:
            return f"'{tensor.name}' {tensor.shape}, not {shape}"
    return ""


def tanh_cell(node: NodeView) -> str:
    """The cell gate's activation is TANH. Remedy: use the LSTM layer of Keras with its defaults."""
    return "" if node.attributes.activation == "TANH" else node.attributes.activation


def cell_scale(node: NodeView) -> str:
    """The cell state's scale is a power of two from 2^-31 to 4. Remedy: convert the model again."""
    power = math.log2(node.input(CELL).q.scale)
    near = abs(power - round(power)) < 9e-4  # TFLite: 1e-3, in float32
    return "" if near and -31 <= round(power) <= 2 else f"{node.input(CELL).q.scale:g}"


def effective_scales(node: NodeView) -> str:
    """Input and hidden state times their weights are below 2^18 (of int16 2^-5), and the hidden state's scale
    is at least 2^-30. Remedy: quantize the model again.
    """
    most = 1 << (30 if node.input(0).dtype == "int8" else 7)
    largest = max(scale for gate in _GATES for scale in _gate_scales(node, gate))
    if not largest < most:
        return f"{largest * _GATE_SCALE:g}"
    hidden = node.input(HIDDEN).q.scale
    return "" if hidden >= 2.0**-30 else f"a hidden state of scale {hidden:g}"


@dataclass(frozen=True)
class Sizes:
    """What the shapes say."""

    batch: int
    steps: int
    inputs: int
    units: int


def sizes(node: NodeView) -> Sizes:
    """The sizes of an LSTM whose input has 3 dimensions and whose hidden state has 2."""
    first, second, inputs = node.input(0).shape
    batch, steps = (second, first) if node.attributes.time_major else (first, second)
    return Sizes(batch, steps, inputs, node.input(HIDDEN).shape[-1])


def _gate_scales(node: NodeView, gate: int) -> tuple[float, float]:
    """The factors of the input's and the hidden state's sums; the first product is one of float32."""

    def factor(source: Tensor, weights: Tensor) -> float:
        with np.errstate(over="ignore"):
            return float(np.float32(source.q.scale) * np.float32(weights.q.scale)) / _GATE_SCALE

    return (
        factor(node.input(0), node.input(_WEIGHTS + gate)),
        factor(node.input(HIDDEN), node.input(_RECURRENT + gate)),
    )


def products(node: NodeView) -> tuple[tuple[int, int], ...]:
    """(multiplier, shift) of forget gate times cell, of input times cell gate, and of the hidden state."""
    cell, hidden = node.input(CELL).q.scale, node.input(HIDDEN).q.scale
    factors = (_UNIT_SCALE * cell / cell, _UNIT_SCALE**2 / cell, _UNIT_SCALE**2 / hidden)
    return tuple(map(arithmetic.quantize_multiplier, factors))


def _cell_argument(node: NodeView) -> sigmoids.Argument:
    """How a cell's value goes into the hyperbolic tangent."""
    left = round(math.log2(node.input(CELL).q.scale)) + 12
    return sigmoids.Argument(3 << left, 0) if left >= 0 else sigmoids.Argument(3, -left)


_GATE_ARGUMENT = sigmoids.Argument(3, 0)


def cell_bound(node: NodeView) -> int:
    """The greatest size of the cell's value; -1 when there is no bound."""
    clip = node.attributes.cell_clip
    return int(min(clip / node.input(CELL).q.scale, 32767.0)) if clip > 0 else -1


def full_gate_factors(node: NodeView, gate: int) -> list[tuple[int, int]]:
    """(multiplier, shift) of both sums of a gate."""
    return [arithmetic.quantize_multiplier(scale) for scale in _gate_scales(node, gate)]


def gate_factors(node: NodeView, gate: int) -> list[tuple[int, int]]:
    """(multiplier, shift) of both sums of a gate; for sums of 64 bits, those of int16, with 15 bits."""
    pairs = full_gate_factors(node, gate)
    if node.input(0).dtype == "int8":
        return pairs
    return [(int(arithmetic.reduced_multiplier(np.array(pair[0]))), pair[1]) for pair in pairs]


def _requantized(sums: np.ndarray, factor: tuple[int, int], wide: bool) -> np.ndarray:
    """Sums in the gates' scale, clamped to int16."""
    multiplier, shift = np.array(factor[0]), np.array(factor[1])
    if wide:
        scaled = arithmetic.requantize_wide(sums, multiplier, shift)
    else:
        scaled = arithmetic.requantize(arithmetic.wrap_int32(sums), multiplier, shift)
    return np.clip(scaled, *_INT16)


class UnidirectionalSequenceLstm(Operator):
    """int8 or int16 with int8 weights and a cell state of int16 (TFLM's EvalLstm)."""

    name = "UNIDIRECTIONAL_SEQUENCE_LSTM"
    summary = "LSTM layer over a sequence, batch or time first"
    rules = (
        plain_lstm,
        one_type,
        states.keeps(HIDDEN, "hidden state", ("int8", "int16")),
        states.keeps(CELL, "cell state", ("int16",)),
        hidden_type,
        constant_weights,
        constant_biases,
        shapes_fit,
        tanh_cell,
        cell_scale,
        effective_scales,
    )
    states = (HIDDEN, CELL)
    has_effects = True

    def parse(self, options: Any) -> Attributes:
        from tflite.UnidirectionalSequenceLSTMOptions import UnidirectionalSequenceLSTMOptions

        stored = UnidirectionalSequenceLSTMOptions()
        stored.Init(options.Bytes, options.Pos)
        return Attributes(
            activation_name(stored.FusedActivationFunction()),
            float(stored.CellClip()),
            bool(stored.TimeMajor()),
        )

    def output_shapes(self, node: NodeView) -> tuple[tuple[int, ...], ...]:
        return ((*node.input(0).shape[:2], sizes(node).units),)

    def macs(self, node: NodeView) -> int:
        s = sizes(node)
        return s.batch * s.steps * s.units * (4 * (s.inputs + s.units) + 3)

    def reference(self, node: NodeView, inputs: list[np.ndarray]) -> list[np.ndarray]:
        hidden, cell = inputs[-2:]
        time_axis = 0 if node.attributes.time_major else 1
        outputs = []
        for rows in np.moveaxis(inputs[0], time_axis, 0):
            cell[...], hidden[...] = _step(node, rows, hidden, cell)
            outputs.append(hidden.copy())
        return [np.stack(outputs, axis=time_axis)]

    def lower(self, node: NodeView) -> KernelCall:
        narrow = node.input(0).dtype == "int8"
        return KernelCall(
            kernel=f"tinyml_lstm_{'s8' if narrow else 's16'}",
            params=(("layer", _layer(node)), *(_narrow_biases(node) if narrow else _biases(node))),
            inputs=(0, HIDDEN, CELL),
        )


def _step(
    node: NodeView, rows: np.ndarray, hidden: np.ndarray, cell: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The next cell and hidden states (batch, units) from the inputs (batch, inputs) of one step."""
    sums = [_gate(node, gate, rows, hidden) for gate in _GATES]
    forget, add, output = (LOGISTIC.wide(_GATE_ARGUMENT.of(gate)) for gate in sums[:3])
    candidate = TANH.wide(_GATE_ARGUMENT.of(sums[3]))
    keep, renew, show = products(node)
    kept = np.clip(arithmetic.requantize(forget * cell.astype(np.int64), *keep), *_INT16)
    added = np.clip(arithmetic.requantize(add * candidate, *renew), *_INT16)
    next_cell = np.clip(kept + added, *_INT16)
    clip = cell_bound(node)
    if clip >= 0:
        next_cell = np.clip(next_cell, -clip, clip)
    shown = TANH.wide(_cell_argument(node).of(next_cell)) * output
    next_hidden = arithmetic.requantize(shown, *show) + node.input(HIDDEN).q.zero_point
    return next_cell, np.clip(next_hidden, *arithmetic.LIMITS[hidden.dtype.name])


def _gate(node: NodeView, gate: int, rows: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """A gate before its activation, int16 values in int64."""
    weights, recurrent = gate_weights(node, gate)
    wide = rows.dtype == np.int16
    centred = rows.astype(np.int64) - node.input(0).q.zero_point
    past = hidden.astype(np.int64) - node.input(HIDDEN).q.zero_point
    now, before = gate_factors(node, gate)
    first = _requantized(centred @ weights.T + gate_bias(node, gate), now, wide)
    return np.clip(first + _requantized(past @ recurrent.T, before, wide), *_INT16)


def gate_weights(node: NodeView, gate: int) -> tuple[np.ndarray, np.ndarray]:
    """Of the input and of the hidden state, int64 (units, ...)."""
    found = node.input(_WEIGHTS + gate).data, node.input(_RECURRENT + gate).data
    assert found[0] is not None
    assert found[1] is not None
    return found[0].astype(np.int64), found[1].astype(np.int64)


def gate_bias(node: NodeView, gate: int) -> np.ndarray:
    """Of a gate, int64 (units,)."""
    data = node.input(_BIAS + gate).data
    assert data is not None
    return data.astype(np.int64)


def _layer(node: NodeView) -> Fields:
    """The kernels' tinyml_lstm."""
    s = sizes(node)
    keep, renew, show = products(node)
    return (
        ("batch", s.batch),
        ("steps", s.steps),
        ("inputs", s.inputs),
        ("units", s.units),
        ("batch_stride", 1 if node.attributes.time_major else s.steps),
        ("step_stride", s.batch if node.attributes.time_major else 1),
        *((f"gates[{i}]", _gate_fields(node, i, gate)) for i, gate in enumerate(_GATES)),
        ("sigmoid", _table(3, _GATE_ARGUMENT)),
        ("gate_tanh", _table(1, _GATE_ARGUMENT)),
        ("cell_tanh", _table(1, _cell_argument(node))),
        ("keep", _factor(keep)),
        ("renew", _factor(renew)),
        ("show", _factor(show)),
        ("hidden_zero_point", node.input(HIDDEN).q.zero_point),
        ("cell_clip", cell_bound(node)),
    )


def _gate_fields(node: NodeView, place: int, gate: int) -> Fields:
    weights, recurrent = gate_weights(node, gate)
    now, before = gate_factors(node, gate)
    return (
        ("weights", Array(f"weights_{place}", weights.astype(np.int8))),
        ("recurrent_weights", Array(f"recurrent_weights_{place}", recurrent.astype(np.int8))),
        ("input", _factor(now)),
        ("recurrent", _factor(before)),
    )


def _factor(pair: tuple[int, int]) -> Fields:
    return (("multiplier", pair[0]), ("shift", pair[1]))


def _table(elements: int, argument: sigmoids.Argument) -> Fields:
    return (
        ("elements", elements),
        ("multiplier", argument.multiplier),
        ("right_shift", argument.shift),
        ("table", Array("table", sigmoids.half_sigmoid())),
    )


def _biases(node: NodeView) -> Fields:
    return tuple(
        (f"bias[{i}]", Array(f"bias_{i}", gate_bias(node, gate))) for i, gate in enumerate(_GATES)
    )


def _narrow_biases(node: NodeView) -> Fields:
    """Biases that take up the zero points of the input and the hidden state."""
    found: list[tuple[str, Any]] = []
    for i, gate in enumerate(_GATES):
        weights, recurrent = (w.sum(axis=1) for w in gate_weights(node, gate))
        bias = gate_bias(node, gate) - node.input(0).q.zero_point * weights
        past = -node.input(HIDDEN).q.zero_point * recurrent
        for name, values in (("bias", bias), ("recurrent_bias", past)):
            data = arithmetic.wrap_int32(values).astype(np.int32)
            found.append((f"{name}[{i}]", Array(f"{name}_{i}", data)))
    return tuple(found)


OPERATOR = UnidirectionalSequenceLstm()
