"""Removes channels that have the same value for every possible input; the outputs stay the same bytes.

Where a convolution or fully connected layer reads a constant channel, its share of the sum is known and
goes into the bias. A channel that no node reads any more is not computed. Channels that pass through a
node one by one (depthwise convolution, pool, sum, reshape of single pixels) are kept or removed together.
What is kept is a multiple of four where it can be: fast kernels read words of four channels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from tinyml.graph.ir import ABSENT, Graph, Node, NodeView, Quantization, Tensor
from tinyml.ops import channels
from tinyml.passes import intervals

_DENSE = ("CONV_2D", "FULLY_CONNECTED")
_INT32 = 1 << 31
_WORD = 4  # channels


def remove_constant_channels(graph: Graph) -> Graph:
    """The graph without channels whose value no input can change; exact."""
    plan = _Plan(graph, intervals.bounds(graph))
    keep = plan.kept()
    if all(mask.all() for mask in keep.values()):
        return graph
    return _Rewrite(graph, plan.bounds, keep).run()


def _passes_through(view: NodeView) -> bool:
    """True for a node whose output channel c depends on input channels c only."""
    operator, node, source = view.node.operator, view, view.optional(0)
    if source is None or not source.is_activation:
        return False
    if operator == "DEPTHWISE_CONV_2D":
        return node.output.shape[-1] == node.input(0).shape[-1]
    if operator == "ADD":
        return node.input(1).is_activation and source.shape == node.input(1).shape
    if operator == "RESHAPE":
        return intervals.keeps_channels(node)
    return operator in ("AVERAGE_POOL_2D", "MAX_POOL_2D")


def _is_dense(view: NodeView) -> bool:
    if view.node.operator not in _DENSE or not view.input(0).is_activation:
        return False
    return view.input(0).shape[-1] == view.input(1).shape[-1]


def _drops_outputs(view: NodeView) -> bool:
    """True for a node that can leave out channels of what it computes.

    A fully connected layer with a scale a channel must keep two: TFLM rounds differently with one.
    """
    per_channel = view.node.operator == "FULLY_CONNECTED" and view.input(1).q.per_channel
    return _is_dense(view) and not per_channel


@dataclass
class _Plan:
    """Which channels of which activations are kept."""

    graph: Graph
    bounds: dict[int, intervals.Bounds]
    _group: dict[int, int] = field(default_factory=dict)

    def kept(self) -> dict[int, np.ndarray]:
        """For each activation a mask of its channels, bool (channels,)."""
        for view in self.graph.views():
            if _passes_through(view):
                for tensor in _activations(view):
                    self._join(tensor, view.node.outputs[0])
        masks: dict[int, np.ndarray] = {}
        for tensor, needed in self._needs():
            root = self._root(tensor)
            masks[root] = masks.get(root, np.zeros_like(needed)) | needed
        for mask in masks.values():
            _fill_up(mask)
        return {t: masks[self._root(t)] for t in self.bounds if self._root(t) in masks}

    def _needs(self) -> list[tuple[int, np.ndarray]]:
        """(activation, channels that something needs), for every reason there is."""
        found = []
        ends = (*self.graph.inputs, *self.graph.outputs)
        for tensor in ends:
            found.append((tensor, np.ones(len(self.bounds[tensor].low), bool)))
        for view in self.graph.views():
            if _passes_through(view):
                continue
            for tensor in _activations(view):
                found.append((tensor, self._needed_by(view, tensor)))
            if not _drops_outputs(view):
                for tensor in view.node.outputs:
                    found.append((tensor, np.ones(len(self.bounds[tensor].low), bool)))
        return found

    def _needed_by(self, view: NodeView, tensor: int) -> np.ndarray:
        bounds = self.bounds[tensor]
        if not _is_dense(view):
            return np.ones(len(bounds.low), bool)
        needed = ~bounds.constant
        if intervals.sees_padding(view):  # there the channel reads as the zero point instead
            needed |= bounds.low != view.input(0).q.zero_point
        return needed

    def _root(self, tensor: int) -> int:
        while tensor in self._group:
            tensor = self._group[tensor]
        return tensor

    def _join(self, a: int, b: int) -> None:
        a, b = self._root(a), self._root(b)
        if a != b:
            self._group[a] = b


def _fill_up(mask: np.ndarray) -> None:
    """Keep constant channels, too, up to a multiple of four, for kernels that read words; at least one."""
    kept = int(mask.sum())
    missing = max(-(-kept // _WORD) * _WORD, 1) - kept
    mask[np.flatnonzero(~mask)[:missing]] = True


def _activations(view: NodeView) -> list[int]:
    return [
        index
        for index, tensor in zip(view.node.inputs, view.inputs)
        if index != ABSENT and tensor is not None and tensor.is_activation
    ]


@dataclass
class _Rewrite:
    """The graph with only the kept channels; constants get new tensors, nodes may share the old ones."""

    graph: Graph
    bounds: dict[int, intervals.Bounds]
    keep: dict[int, np.ndarray]
    tensors: list[Tensor] = field(default_factory=list)

    def run(self) -> Graph:
        self.tensors = [self._activation(i, t) for i, t in enumerate(self.graph.tensors)]
        nodes = tuple(self._node(view) for view in self.graph.views())
        return replace(self.graph, tensors=tuple(self.tensors), nodes=nodes)

    def _activation(self, index: int, tensor: Tensor) -> Tensor:
        if tensor.is_constant or index not in self.keep:
            return tensor
        keep = self.keep[index]
        if keep.all():
            return tensor
        places = np.arange(len(keep)) if tensor.channels is None else np.array(tensor.channels)
        channels = tuple(places[keep].tolist())
        return replace(tensor, shape=(*tensor.shape[:-1], len(channels)), channels=channels)

    def _node(self, view: NodeView) -> Node:
        if view.node.operator == "DEPTHWISE_CONV_2D" and _passes_through(view):
            return self._with_weights(view, lambda w, out: w[..., out], channels.bias_values(view))
        if not _is_dense(view):
            return view.node
        source = view.node.inputs[0]
        used = self.keep[source]
        bias = channels.bias_values(view) + self._known_sum(view, source)
        return self._with_weights(view, lambda w, out: w[out][..., used], bias)

    def _known_sum(self, view: NodeView, source: int) -> np.ndarray:
        """What the removed input channels add to each sum, int64 (outputs,)."""
        removed = ~self.keep[source]
        taps = intervals.by_input_channel(view, len(removed))
        assert taps is not None
        value = self.bounds[source].low[removed] - view.input(0).q.zero_point
        total: np.ndarray = (taps[..., removed] * value).sum(axis=(1, 2))
        return total

    def _with_weights(
        self,
        view: NodeView,
        select: Callable[[np.ndarray, np.ndarray], np.ndarray],
        bias: np.ndarray,
    ) -> Node:
        """The node with its kept output channels, its weights selected, and this bias."""
        out = self.keep[view.node.outputs[0]]
        assert (np.abs(bias) < _INT32).all(), "bounds ruled this out"
        weights, old = view.input(1), view.optional(2)
        assert weights.data is not None
        quantization = weights.quantization
        if quantization and quantization.per_channel:
            scales = tuple(np.array(quantization.scales)[out].tolist())
            quantization = Quantization(scales, (0,) * len(scales), quantization.axis)
        data = np.ascontiguousarray(select(weights.data, out))
        selected = replace(weights, shape=data.shape, data=data, quantization=quantization)
        values = bias[out].astype(np.int32)
        name = old.name if old else f"{view.node.name}/bias"
        added = (self._add(selected), self._add(Tensor(name, values.shape, "int32", None, values)))
        return replace(view.node, inputs=(view.node.inputs[0], *added))

    def _add(self, tensor: Tensor) -> int:
        self.tensors.append(tensor)
        return len(self.tensors) - 1
