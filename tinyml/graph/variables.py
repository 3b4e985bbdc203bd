"""Resource variables become state tensors, with the values that CALL_ONCE's subgraphs give them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from tinyml.graph.ir import ABSENT, ITEM_BYTES, Graph, Node, Tensor
from tinyml.ops.var_handle import Attributes as Key

# Of a graph: the tensors that are handles, and the number of the variable behind each
Handles = Mapping[int, int]


def resolve(main: Graph, once: Mapping[int, Graph]) -> Graph:
    """The graph of an inference whose handles are states, every variable one tensor.

    Args:
        main: as read; handles are outputs of VAR_HANDLE nodes.
        once: the other subgraphs, by their index, in order.

    Returns:
        `main`, where VAR_HANDLE has no output any more and CALL_ONCE knows what keeps it from being done at
        export. A variable that nothing assigns stays a handle, for its readers' rules to find.
    """
    keys: list[Key] = []
    handles = {index: _handles(graph, keys) for index, graph in {0: main, **once}.items()}
    kinds: dict[int, Tensor] = {}
    for index, graph in {0: main, **once}.items():
        for number, value in _assigned(graph, handles[index]):
            if graph.tensors[value].dtype in ITEM_BYTES:
                kinds.setdefault(number, graph.tensors[value])
    initial = {number: _default(kind) for number, kind in kinds.items()}
    for node in main.nodes:
        if node.operator == "CALL_ONCE":
            subgraph = node.attributes.subgraph
            for number, value in _assigned(once[subgraph], handles[subgraph]):
                initial.update(_constant(once[subgraph].tensors[value], number, kinds))
    states = {
        number: Tensor(
            keys[number].name, kind.shape, kind.dtype, kind.quantization, None, initial[number]
        )
        for number, kind in kinds.items()
    }
    return _with_states(main, handles[0], states, once)


def filled(byte: int, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    """An array whose bytes are all the low 8 bits of `byte`."""
    value = np.full(ITEM_BYTES[dtype], byte & 0xFF, np.uint8).view(dtype)[0]
    return np.broadcast_to(value, shape)  # takes no memory: the shape is not to be trusted yet


def _default(kind: Tensor) -> np.ndarray:
    """What TFLM fills a variable with, whatever its type."""
    return filled(kind.q.zero_point if kind.quantization else 0, kind.dtype, kind.shape)


def _handles(graph: Graph, keys: list[Key]) -> Handles:
    """The handles of a graph; variables that were not there before are added to `keys`."""
    return {
        node.outputs[0]: _number(node.attributes, keys)
        for node in graph.nodes
        if node.operator == "VAR_HANDLE" and node.outputs
    }


def _number(wanted: Key, keys: list[Key]) -> int:
    """The place of a variable among the known ones; without a container, the name decides."""
    for number, known in enumerate(keys):
        if known.name == wanted.name and wanted.container in (None, known.container):
            return number
    keys.append(wanted)
    return len(keys) - 1


def _assigned(graph: Graph, handles: Handles) -> list[tuple[int, int]]:
    """(variable, value tensor) of every assignment."""
    return [
        (handles[node.inputs[0]], node.inputs[1])
        for node in graph.nodes
        if node.operator == "ASSIGN_VARIABLE"
        and len(node.inputs) == 2
        and node.inputs[0] in handles
        and node.inputs[1] != ABSENT
    ]


def _constant(value: Tensor, number: int, kinds: Mapping[int, Tensor]) -> dict[int, np.ndarray]:
    """The value assigned to a variable, when that can be done at export."""
    kind = kinds.get(number)
    if kind is None or value.data is None or _size(value) != _size(kind):
        return {}
    return {number: value.data.reshape(kind.shape)}


def _size(tensor: Tensor) -> tuple[str, int]:
    return tensor.dtype, tensor.elements


def _with_states(
    main: Graph, handles: Handles, states: Mapping[int, Tensor], once: Mapping[int, Graph]
) -> Graph:
    homes: dict[int, int] = {}  # the tensor of each variable
    for tensor, number in handles.items():
        if number in states:
            homes.setdefault(number, tensor)
    moved = {tensor: homes[number] for tensor, number in handles.items() if number in homes}
    tensors = list(main.tensors)
    for number, tensor in homes.items():
        tensors[tensor] = states[number]
    nodes = tuple(_with_state(main, index, moved, once, states) for index in range(len(main.nodes)))
    return replace(main, tensors=tuple(tensors), nodes=nodes)


def _with_state(
    main: Graph,
    index: int,
    moved: Mapping[int, int],
    once: Mapping[int, Graph],
    states: Mapping[int, Tensor],
) -> Node:
    node = main.nodes[index]
    if node.operator == "VAR_HANDLE":
        return replace(node, outputs=tuple(i for i in node.outputs if i not in moved))
    if node.operator == "CALL_ONCE":
        attributes = replace(
            node.attributes,
            beyond=_beyond(once[node.attributes.subgraph]),
            preceded_by=_first_use(main, index),
        )
        return replace(node, attributes=attributes)
    return replace(node, inputs=tuple(moved.get(i, i) for i in node.inputs))


def _beyond(graph: Graph) -> str:
    """The first node of an initialising subgraph that is more than an assignment of a constant."""
    handles = _handles(graph, [])
    for view in graph.views():
        assigns = view.node.operator == "ASSIGN_VARIABLE" and len(view.inputs) == 2
        value = view.inputs[1] if assigns and view.node.inputs[0] in handles else None
        if view.node.operator != "VAR_HANDLE" and (value is None or value.data is None):
            return view.label
    return ""


def _first_use(main: Graph, index: int) -> str:
    """The first node before `index` that reads or assigns a variable."""
    uses = ("READ_VARIABLE", "ASSIGN_VARIABLE")
    return next((v.label for v in main.views()[:index] if v.node.operator in uses), "")
