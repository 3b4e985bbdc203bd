"""UNIDIRECTIONAL_SEQUENCE_LSTM."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from tinyml.kernels.cmsis_nn.structs import NULL, too_large, too_old
from tinyml.ops import arithmetic
from tinyml.ops import unidirectional_sequence_lstm as lstm
from tinyml.ops.base import Array, Fields, KernelCall

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView
    from tinyml.kernels.base import Options

_SIGMOID, _TANH = 0, 1  # arm_nn_activation_type
_GATES = (
    ("input_gate", _SIGMOID),
    ("forget_gate", _SIGMOID),
    ("cell_gate", _TANH),
    ("output_gate", _SIGMOID),
)
# From these revisions on the states are kept from one inference to the next.
_STATES_KEPT = {
    "int8": ("LSTMFunctions/arm_lstm_unidirectional_s8.c", (1, 1, 1)),
    "int16": ("LSTMFunctions/arm_lstm_unidirectional_s16.c", (1, 0, 1)),
}
_INT16 = arithmetic.LIMITS["int16"]


def lower(node: NodeView, options: Options) -> KernelCall | str:
    """UNIDIRECTIONAL_SEQUENCE_LSTM."""
    dtype = node.input(0).dtype
    fault = too_old(options, *_STATES_KEPT[dtype]) or too_large(node) or _range_fault(node)
    if fault:
        return fault
    return KernelCall(
        kernel=f"tinyml_cmsis_lstm_{'s8' if dtype == 'int8' else 's16'}",
        params=(("layer", _layer(node)),),
        inputs=(0, lstm.HIDDEN, lstm.CELL),
        has_scratch=True,
    )


def _range_fault(node: NodeView) -> str:
    """Where TFLM clamps one sum more than CMSIS-NN does, and the clamp might change it."""
    if lstm.cell_bound(node) < 1:
        return "a cell without a bound: CMSIS-NN clamps it at -32767"
    if _power(node) < -15:
        return "products of gates beyond 16 bits"
    for gate in range(len(_GATES)):
        if not _sums_fit(node, gate):
            return "gates whose sums may leave 16 bits, or 32 on the way"
    return ""


def _sums_fit(node: NodeView, gate: int) -> bool:
    """True when the hidden state's part of every sum fits int16, and all sums fit int32."""
    weights, recurrent = lstm.gate_weights(node, gate)
    least, most = arithmetic.LIMITS[node.input(0).dtype]
    zero_point = node.input(lstm.HIDDEN).q.zero_point
    ends = _extremes(recurrent, least - zero_point, most - zero_point)
    factor = lstm.gate_factors(node, gate)[1]
    if node.input(0).dtype == "int8":
        scaled = arithmetic.requantize(ends, *factor)
        return bool(_INT16[0] <= scaled.min() and scaled.max() <= _INT16[1])
    sums = np.abs(_extremes(weights, least, most)).max(axis=0) + np.abs(lstm.gate_bias(node, gate))
    if max(int(sums.max()), int(np.abs(ends).max())) >= 1 << 31:
        return False
    scaled = arithmetic.requantize_wide(ends, *(np.array(part) for part in factor))
    return bool(_INT16[0] <= scaled.min() and scaled.max() <= _INT16[1])


def _extremes(weights: np.ndarray, least: int, most: int) -> np.ndarray:
    """The least and greatest sum of products with values in a range, int64 (2, units)."""
    products = np.stack([weights * least, weights * most])
    return np.stack([products.min(axis=0).sum(axis=1), products.max(axis=0).sum(axis=1)])


def _power(node: NodeView) -> int:
    return round(math.log2(node.input(lstm.CELL).q.scale))


def _layer(node: NodeView) -> Fields:
    """cmsis_nn_lstm_params."""
    s = lstm.sizes(node)
    keep, renew, show = lstm.products(node)
    return (
        ("time_major", bool(node.attributes.time_major)),
        ("batch_size", s.batch),
        ("time_steps", s.steps),
        ("input_size", s.inputs),
        ("hidden_size", s.units),
        ("input_offset", 0),  # the biases hold it
        ("forget_to_cell_multiplier", keep[0]),
        ("forget_to_cell_shift", keep[1]),
        ("input_to_cell_multiplier", renew[0]),
        ("input_to_cell_shift", renew[1]),
        ("cell_clip", lstm.cell_bound(node)),
        ("cell_scale_power", _power(node)),
        ("output_multiplier", show[0]),
        ("output_shift", show[1]),
        ("output_offset", node.input(lstm.HIDDEN).q.zero_point),
        *((name, _gate(node, gate, kind)) for gate, (name, kind) in enumerate(_GATES)),
    )


def _gate(node: NodeView, gate: int, activation: int) -> Fields:
    """cmsis_nn_lstm_gate, with the zero points of input and hidden state folded into biases."""
    weights, recurrent = lstm.gate_weights(node, gate)
    now, before = lstm.full_gate_factors(node, gate)
    bias = lstm.gate_bias(node, gate) - node.input(0).q.zero_point * weights.sum(axis=1)
    past = -node.input(lstm.HIDDEN).q.zero_point * recurrent.sum(axis=1)
    return (
        ("input_multiplier", now[0]),
        ("input_shift", now[1]),
        ("input_weights", Array(f"weights_{gate}", weights.astype(np.int8))),
        ("input_effective_bias", Array(f"bias_{gate}", _typed(node, bias))),
        ("hidden_multiplier", before[0]),
        ("hidden_shift", before[1]),
        ("hidden_weights", Array(f"recurrent_weights_{gate}", recurrent.astype(np.int8))),
        ("hidden_effective_bias", Array(f"recurrent_bias_{gate}", _typed(node, past))),
        ("bias", NULL),
        ("activation_type", activation),
    )


def _typed(node: NodeView, bias: np.ndarray) -> np.ndarray:
    """int64 for int16, else int32."""
    if node.input(0).dtype == "int16":
        return bias
    return arithmetic.wrap_int32(bias).astype(np.int32)
