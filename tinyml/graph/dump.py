"""A graph as text, for people who look at what a pass did."""

from __future__ import annotations

from tinyml.graph.ir import Graph, Tensor


def text(graph: Graph) -> str:
    """One line a node: operator, outputs, inputs, attributes; constants by their shape."""
    lines = [f"graph {graph.name}"]
    lines += [f"  input  {_tensor(graph, index)}" for index in graph.inputs]
    for view in graph.views():
        inputs = [_tensor(graph, index) for index in view.node.inputs if index >= 0]
        outputs = [_tensor(graph, index) for index in view.node.outputs]
        attributes = f"  {view.attributes}" if view.attributes is not None else ""
        lines.append(
            f"  {view.index:3d} {view.node.operator}: {', '.join(outputs)} <- {', '.join(inputs)}{attributes}"
        )
    lines += [f"  output {_tensor(graph, index)}" for index in graph.outputs]
    return "\n".join(lines)


def _tensor(graph: Graph, index: int) -> str:
    tensor = graph.tensors[index]
    kind = "constant " if tensor.is_constant else "state " if tensor.is_state else ""
    return f"%{index} {kind}{tensor.dtype}[{'x'.join(map(str, tensor.shape))}]{_units(tensor)}"


def _units(tensor: Tensor) -> str:
    if tensor.quantization is None:
        return ""
    if tensor.quantization.per_channel:
        return f" ({len(tensor.q.scales)} scales)"
    return f" ({tensor.q.scale:.6g}, {tensor.q.zero_point})"
