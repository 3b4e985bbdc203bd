"""The intermediate representation: frozen values; a pass returns a new graph."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

ITEM_BYTES = {"int8": 1, "uint8": 1, "int16": 2, "int32": 4, "int64": 8, "float32": 4}
ABSENT = -1  # an optional input that a node does not have


@dataclass(frozen=True)
class Quantization:
    """real = scale * (q - zero_point); one scale, or one a channel along `axis`.

    The scales are float32 values held exactly in Python floats.
    """

    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int = 0

    @property
    def scale(self) -> float:
        """The scale of a tensor that has only one."""
        return self.scales[0]

    @property
    def zero_point(self) -> int:
        """The zero point of a tensor that has only one."""
        return self.zero_points[0]

    @property
    def per_channel(self) -> bool:
        """True when each channel has a scale of its own."""
        return len(self.scales) > 1


@dataclass(frozen=True, eq=False)
class Tensor:
    """A value: an activation, a constant (it has data), or a state (it has an initial value).

    A state keeps its value from one inference to the next; only operators that say so write it.

    `channels` are the places that the last dimension's channels had in the file, when a pass has removed
    others; None when all are there.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    quantization: Quantization | None = None
    data: np.ndarray | None = None
    initial: np.ndarray | None = None
    channels: tuple[int, ...] | None = None

    @property
    def elements(self) -> int:
        """Number of elements."""
        count = 1
        for size in self.shape:
            count *= size
        return count

    @property
    def nbytes(self) -> int:
        """Size in bytes."""
        return self.elements * ITEM_BYTES[self.dtype]

    @property
    def is_constant(self) -> bool:
        """True when the value is known at export."""
        return self.data is not None

    @property
    def is_state(self) -> bool:
        """True when the value outlives an inference."""
        return self.initial is not None

    @property
    def is_activation(self) -> bool:
        """True when every inference computes the value anew."""
        return self.data is None and self.initial is None

    @property
    def q(self) -> Quantization:
        """The quantization of a tensor that must have one (operators check that first)."""
        assert self.quantization is not None, self.name
        return self.quantization


@dataclass(frozen=True)
class Node:
    """One operator application; inputs and outputs are indices into `Graph.tensors`."""

    operator: str
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    attributes: Any = None


@dataclass(frozen=True)
class NodeView:
    """A node with its tensors at hand; what operators work on."""

    index: int
    node: Node
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]

    @property
    def attributes(self) -> Any:
        """The operator's own attributes."""
        return self.node.attributes

    @property
    def label(self) -> str:
        """How messages name this node."""
        return f"node {self.index} {self.node.operator} '{self.node.name}'"

    @property
    def output(self) -> Tensor:
        """The first output."""
        return self.outputs[0]

    def input(self, position: int) -> Tensor:
        """An input that the node must have."""
        tensor = self.inputs[position]
        assert tensor is not None, f"{self.label} lacks input {position}"
        return tensor

    def optional(self, position: int) -> Tensor | None:
        """An input that the node may lack."""
        return self.inputs[position] if position < len(self.inputs) else None


@dataclass(frozen=True)
class Graph:
    """A model: nodes in execution order over numbered tensors."""

    name: str
    tensors: tuple[Tensor, ...]
    nodes: tuple[Node, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    def view(self, index: int) -> NodeView:
        """Node `index` with its tensors."""
        node = self.nodes[index]
        inputs = tuple(None if i == ABSENT else self.tensors[i] for i in node.inputs)
        return NodeView(index, node, inputs, tuple(self.tensors[i] for i in node.outputs))

    def views(self) -> tuple[NodeView, ...]:
        """Every node with its tensors, in execution order."""
        return tuple(self.view(index) for index in range(len(self.nodes)))

    def constants(self) -> tuple[Tensor, ...]:
        """The constants that nodes read."""
        read = {index for node in self.nodes for index in node.inputs if index != ABSENT}
        return tuple(self.tensors[i] for i in sorted(read) if self.tensors[i].is_constant)

    def readers(self, tensor: int) -> tuple[NodeView, ...]:
        """The nodes that read a tensor, in execution order."""
        found = (index for index, node in enumerate(self.nodes) if tensor in node.inputs)
        return tuple(self.view(index) for index in found)

    def with_nodes(self, nodes: tuple[Node, ...]) -> Graph:
        """The same graph with other nodes."""
        return replace(self, nodes=nodes)
