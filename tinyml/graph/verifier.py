"""What every graph must satisfy, checked after reading and after each pass."""

from __future__ import annotations

from tinyml import ops
from tinyml.errors import InputError
from tinyml.graph.ir import ABSENT, ITEM_BYTES, Graph

_MAX_BYTES = 1 << 30  # no microcontroller holds more; keeps a wild shape from exhausting the host
_MAX_RANK = 6


def verify(graph: Graph, where: object) -> None:
    """Check that tensors are well formed and nodes in an executable order.

    Args:
        graph: the graph.
        where: the file or pass to name in the error.

    Raises:
        InputError: a rule is broken.
    """
    fault = _first_fault(graph)
    if fault:
        raise InputError(where, f"not a well-formed model: {fault}", "convert the model again")


def _first_fault(graph: Graph) -> str:
    for index in _used(graph):
        fault = _tensor_fault(graph, index)
        if fault:
            return fault
    return _order_fault(graph)


def _used(graph: Graph) -> list[int]:
    """The tensors that matter; converters leave others behind, of sizes like 0."""
    used = {i for node in graph.nodes for i in (*node.inputs, *node.outputs)}
    used.update(graph.inputs, graph.outputs)
    return sorted(used.intersection(range(len(graph.tensors))))


def _tensor_fault(graph: Graph, index: int) -> str:
    tensor = graph.tensors[index]
    name = f"tensor {index} '{tensor.name}'"
    if tensor.dtype not in ITEM_BYTES:
        return ""  # judged by the operators that use it
    if len(tensor.shape) > _MAX_RANK:
        return f"{name} has {len(tensor.shape)} dimensions, at most {_MAX_RANK} are possible"
    if any(size < 1 for size in tensor.shape):
        return f"{name} has shape {tensor.shape}; sizes must be known and at least 1"
    if tensor.nbytes > _MAX_BYTES:
        return f"{name} with shape {tensor.shape} is larger than 1 GB"
    if tensor.data is not None and tensor.data.shape != tensor.shape:
        return f"{name} has shape {tensor.shape} but its data has {tensor.data.shape}"
    if tensor.is_state and tensor.is_constant:
        return f"{name} is a constant and a variable"
    return _quantization_fault(graph, index)


def _quantization_fault(graph: Graph, index: int) -> str:
    tensor = graph.tensors[index]
    quantization = tensor.quantization
    name = f"tensor {index} '{tensor.name}'"
    if quantization is None:
        return ""
    if not all(0 < scale < float("inf") for scale in quantization.scales):
        return f"{name} has a scale that is not a positive number"
    if len(quantization.zero_points) != len(quantization.scales):
        return f"{name} has {len(quantization.scales)} scales, {len(quantization.zero_points)} zero points"
    if not quantization.per_channel:
        return ""
    if not 0 <= quantization.axis < len(tensor.shape):
        return f"{name} is quantized along axis {quantization.axis}, which it does not have"
    if len(quantization.scales) != tensor.shape[quantization.axis]:
        return f"{name} has {len(quantization.scales)} scales for {tensor.shape[quantization.axis]} channels"
    return ""


def _order_fault(graph: Graph) -> str:
    count = len(graph.tensors)
    everything = [i for node in graph.nodes for i in (*node.inputs, *node.outputs) if i != ABSENT]
    if any(not 0 <= i < count for i in (*everything, *graph.inputs, *graph.outputs)):
        return "a node or the graph refers to a tensor that does not exist"
    fixed = [i for i in (*graph.inputs, *graph.outputs) if not graph.tensors[i].is_activation]
    if fixed:
        kind = "constant" if graph.tensors[fixed[0]].is_constant else "variable"
        return f"tensor {fixed[0]} is an input or output of the model, but {kind}"
    known = {i for i, tensor in enumerate(graph.tensors) if not tensor.is_activation}
    known |= set(graph.inputs)
    for index, node in enumerate(graph.nodes):
        missing = [i for i in node.inputs if i != ABSENT and i not in known]
        # An unknown operator is refused by name, whatever its inputs are (Ethos-U's has scratch among them).
        if missing and ops.known(node.operator):
            return f"node {index} {node.operator} reads tensor {missing[0]} before it is computed"
        again = [i for i in node.outputs if i in known]
        if again:
            return (
                f"node {index} {node.operator} writes tensor {again[0]}, which has a value already"
            )
        known.update(node.outputs)
    missing = [i for i in graph.outputs if i not in known]
    if missing:
        return f"output tensor {missing[0]} is never computed"
    # Operators judge the types that they read; an input may be read by none.
    odd = [graph.tensors[i] for i in graph.inputs if graph.tensors[i].dtype not in ITEM_BYTES]
    return f"input '{odd[0].name}' is of an unknown type, {odd[0].dtype}" if odd else ""
