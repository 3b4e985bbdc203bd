"""For each channel of each activation, bounds on its value that hold for every possible input.

A channel is the last dimension. int8 convolutions are monotone in each product, and requantization is
monotone, so bounds on the inputs give bounds on the outputs; a channel whose bounds meet is constant.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinyml.graph.ir import Graph, NodeView, Tensor
from tinyml.ops import arithmetic, channels, conv_2d

_INT32 = 1 << 31


@dataclass(frozen=True)
class Bounds:
    """low[c] <= every value of channel c <= high[c]; int64 (channels,)."""

    low: np.ndarray
    high: np.ndarray

    @property
    def constant(self) -> np.ndarray:
        """Which channels have one value only, bool (channels,)."""
        result: np.ndarray = self.low == self.high
        return result


def bounds(graph: Graph) -> dict[int, Bounds]:
    """Bounds of every activation; only those of int8 can be narrower than the type."""
    found: dict[int, Bounds] = {}
    for index in graph.inputs:
        found[index] = _anything(graph.tensors[index])
    for view in graph.views():
        for output, tensor in zip(view.node.outputs, view.outputs):
            found[output] = _anything(tensor)
        sources = [found.get(i) for i in view.node.inputs]
        computed = _of_node(view, sources)
        if computed is not None:
            found[view.node.outputs[0]] = computed
    return found


def _anything(tensor: Tensor) -> Bounds:
    depth = tensor.shape[-1] if tensor.shape else 1
    low, high = arithmetic.LIMITS.get(tensor.dtype, (-_INT32, _INT32 - 1))
    return Bounds(np.full(depth, low), np.full(depth, high))


def _of_node(view: NodeView, sources: list[Bounds | None]) -> Bounds | None:
    operator, source = view.node.operator, sources[0] if sources else None
    if source is None or view.output.dtype != "int8":
        return None
    if operator in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
        return _weighted(view, source)
    if operator in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
        return _pooled(view, source)
    if operator == "RESHAPE" and keeps_channels(view):
        return source
    return None


def keeps_channels(view: NodeView) -> bool:
    """True for a RESHAPE that leaves one value a channel, each in its place."""
    return view.input(0).elements == view.input(0).shape[-1] == view.output.shape[-1]


def sees_padding(view: NodeView) -> bool:
    """True when a convolution's window reaches outside the image anywhere."""
    if view.node.operator == "FULLY_CONNECTED":
        return False
    return any(any(pads) for pads in conv_2d.window_of(view).pads)


def by_input_channel(view: NodeView, depth: int) -> np.ndarray | None:
    """Weights as int64 (outputs, taps, input channels); None when they are laid out otherwise."""
    weights = view.input(1).data
    assert weights is not None
    if view.node.operator == "DEPTHWISE_CONV_2D" or weights.shape[-1] != depth:
        return None
    return weights.astype(np.int64).reshape(len(weights), -1, depth)


def _weighted(view: NodeView, source: Bounds) -> Bounds | None:
    zero_point = view.input(0).q.zero_point
    low, high = source.low - zero_point, source.high - zero_point
    if sees_padding(view):  # padding reads as the zero point
        low, high = np.minimum(low, 0), np.maximum(high, 0)
    if view.node.operator == "DEPTHWISE_CONV_2D":
        if view.output.shape[-1] != len(low):
            return None
        weights = view.input(1).data
        assert weights is not None
        products = _extremes(weights[0].astype(np.int64).reshape(-1, len(low)), low, high)
        sums = [part.sum(axis=0) for part in products]
    else:
        taps = by_input_channel(view, len(low))
        if taps is None:
            return None
        sums = [part.sum(axis=(1, 2)) for part in _extremes(taps, low, high)]
    return _requantized(view, *sums)


def _extremes(
    weights: np.ndarray, low: np.ndarray, high: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    a, b = weights * low, weights * high
    return np.minimum(a, b), np.maximum(a, b)


def _requantized(view: NodeView, low: np.ndarray, high: np.ndarray) -> Bounds | None:
    """Bounds of the outputs from bounds of the sums; None where int32 might wrap."""
    bias = channels.bias_values(view)
    shift = np.maximum(channels.multipliers(view)[1], 0)
    largest = np.maximum(np.abs(low + bias), np.abs(high + bias)) << np.minimum(shift, 30)
    if (largest >= _INT32).any():
        return None
    found = (channels.requantized(view, part).astype(np.int64) for part in (low, high))
    return Bounds(*found)


def _pooled(view: NodeView, source: Bounds) -> Bounds:
    low, high = arithmetic.activation_range(view.attributes.activation, view.output)
    return Bounds(np.clip(source.low, low, high), np.clip(source.high, low, high))
