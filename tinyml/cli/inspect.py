"""`tinyml inspect`: what a .tflite holds, and what would not export."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tinyml import console
from tinyml.cli import options

if TYPE_CHECKING:
    from tinyml.graph.ir import Graph, NodeView, Tensor


@click.command()
@options.model_argument("model", "MODEL.tflite")
@options.common
def command(model: Path) -> None:
    """Show a model's operators, shapes, quantization, work, weights and memory.

    Also everything that keeps it from being exported, and what to do about it.
    """
    from tinyml import passes
    from tinyml.codegen import program
    from tinyml.graph import tflite_reader
    from tinyml.kernels.base import Options

    # What would not export depends on it; the other passes only make what exports smaller.
    graph = passes.run(tflite_reader.read(model), passes.BEFORE_RULES)
    problems = program.find_problems(graph)
    result: dict[str, Any] = {
        "model": str(model),
        "inputs": [_tensor(graph.tensors[i]) for i in graph.inputs],
        "outputs": [_tensor(graph.tensors[i]) for i in graph.outputs],
        "nodes": [_node(view) for view in graph.views()],
        "macs": sum(_macs(view) or 0 for view in graph.views()) if not problems else None,
        "weight_bytes": sum(tensor.nbytes for tensor in graph.constants()),
        "problems": [f"{what}; {remedy}" for what, remedy in problems],
        "arena": None,
    }
    if not problems:
        plan = program.compile_graph(graph, Options()).plan
        result["arena"] = {
            "bytes": plan.arena_bytes,
            "lower_bound": plan.lower_bound,
            "buffers": [
                {"name": b.name, "offset": o, "bytes": b.nbytes, "first": b.first, "last": b.last}
                for b, o in zip(plan.buffers, plan.offsets)
            ],
        }
    console.result(result, _text(graph, result))


def _text(graph: Graph, result: dict[str, Any]) -> str:
    rows = [
        [
            str(index),
            node["operator"],
            " + ".join(_shape(shape) for shape in node["inputs"]),
            _shape(node["outputs"][0]) if node["outputs"] else "",
            f"{node['macs']:,}" if node["macs"] is not None else "?",
            f"{node['constant_bytes']:,}",
            node["output_quantization"],
        ]
        for index, node in enumerate(result["nodes"])
    ]
    columns = ["node", "operator", "inputs", "output", "MAC", "constants", "output is"]
    parts = [console.table(graph.name, columns, rows)]
    if result["arena"]:
        arena = result["arena"]
        parts.append(
            f"{result['macs']:,} MAC, {result['weight_bytes']:,} bytes of constants, "
            f"arena {arena['bytes']:,} bytes (without overlaps at least {arena['lower_bound']:,})"
        )
        parts.append(_memory(arena))
    else:
        parts.append("Would not export:\n" + "\n".join(f"  {p}" for p in result["problems"]))
    return "\n\n".join(parts)


def _memory(arena: dict[str, Any]) -> str:
    rows = [
        [
            b["name"][-60:],
            f"{b['offset']:,}",
            f"{b['offset'] + b['bytes']:,}",
            f"{b['first']} to {b['last']}",
        ]
        for b in sorted(arena["buffers"], key=lambda b: (b["first"], b["offset"]))
    ]
    return console.table(
        "Memory, in bytes of the arena", ["buffer", "from", "to", "live at nodes"], rows
    )


def _node(view: NodeView) -> dict[str, Any]:
    computed = [t for t in view.inputs if t is not None and not t.is_constant]
    return {
        "operator": view.node.operator,
        "name": view.node.name,
        "inputs": [list(t.shape) for t in computed],
        "outputs": [list(t.shape) for t in view.outputs],
        "macs": _macs(view),
        "constant_bytes": sum(t.nbytes for t in view.inputs if t is not None and t.is_constant),
        "output_quantization": _quantization(view.outputs[0]) if view.outputs else "",
    }


def _macs(view: NodeView) -> int | None:
    """Multiply-accumulates of a node, when it is one that we know and may trust the shapes of."""
    from tinyml import ops

    if not ops.known(view.node.operator) or ops.find(view.node.operator).check(view):
        return None
    return ops.find(view.node.operator).macs(view)


def _tensor(tensor: Tensor) -> dict[str, Any]:
    return {
        "name": tensor.name,
        "shape": list(tensor.shape),
        "dtype": tensor.dtype,
        "quantization": _quantization(tensor),
    }


def _quantization(tensor: Tensor) -> str:
    if tensor.quantization is None:
        return tensor.dtype
    if tensor.quantization.per_channel:
        return f"{tensor.dtype}, {len(tensor.q.scales)} scales"
    return f"{tensor.dtype}, {tensor.q.scale:.6g} (q - {tensor.q.zero_point})"


def _shape(shape: list[int]) -> str:
    return "x".join(map(str, shape))
