"""What a layer's sums can be, from its weights: the ground of every proof about a channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tinyml.kernels.requantize import Channels
from tinyml.ops import arithmetic, channels

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView

_INT8 = arithmetic.LIMITS["int8"]


def channel_weights(node: NodeView) -> np.ndarray:
    """The weights of a convolution or fully connected layer, int64 (output channels, taps)."""
    weights = node.input(1).data
    assert weights is not None
    if node.node.operator == "DEPTHWISE_CONV_2D":
        return np.ascontiguousarray(weights[0].reshape(-1, weights.shape[-1]).T, np.int64)
    return weights.reshape(weights.shape[0], -1).astype(np.int64)


def folded_bias(node: NodeView) -> np.ndarray:
    """The bias with the input's zero point folded in, int64: what sums of raw bytes start from.

    Padding then reads as the zero point.
    """
    offset = node.input(0).q.zero_point * channel_weights(node).sum(axis=1)
    return channels.bias_values(node) - offset


def channel_sums(node: NodeView) -> Channels:
    """The requantization of a layer with int8 activations, for every sum that some input bytes give."""
    weights, bias = channel_weights(node), folded_bias(node)
    ends = np.stack([weights * _INT8[0], weights * _INT8[1]])
    multipliers, shifts = channels.multipliers(node)
    least, most = arithmetic.activation_range(node.attributes.activation, node.output)
    return Channels(
        multipliers,
        shifts,
        node.output.q.zero_point,
        bias + ends.min(axis=0).sum(axis=1),
        bias + ends.max(axis=0).sum(axis=1),
        least,
        most,
    )
