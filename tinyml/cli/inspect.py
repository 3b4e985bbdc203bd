"""`tinyml inspect`: what a .tflite holds, and what would not export."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tinyml import console
from tinyml.cli import options

if TYPE_CHECKING:
    from tinyml.codegen.program import Problem, Program
    from tinyml.graph.ir import Graph, NodeView, Tensor

_WIDTH = 110
_MAP = 40  # characters of a picture of the arena
_NAME = 60  # characters of a name


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
        "bytes": model.stat().st_size,
        "inputs": [_tensor(graph.tensors[i]) for i in graph.inputs],
        "outputs": [_tensor(graph.tensors[i]) for i in graph.outputs],
        "nodes": [_node(view) for view in graph.views()],
        "macs": sum(_macs(view) or 0 for view in graph.views()) if not problems else None,
        "constant_bytes": sum(tensor.nbytes for tensor in graph.constants()),
        "problems": [_problem(problem) for problem in problems],
        "exported": None,
    }
    if not problems:
        made = passes.run(graph, passes.AFTER_RULES)
        result["exported"] = _exported(program.compile_graph(made, Options()))
    console.result(result, _text(graph, result))


def _exported(made: Program) -> dict[str, Any]:
    """What is left of the model in the firmware, with the kernels for a Cortex-M4."""
    from tinyml.codegen import values

    plan = made.plan
    return {
        "nodes": len(made.graph.nodes),
        "macs": made.macs,
        "weight_bytes": values.weight_bytes(made),
        "state_bytes": made.states.nbytes,
        "arena_bytes": plan.arena_bytes,
        "arena_lower_bound": plan.lower_bound,
        "buffers": [
            {"name": b.name, "offset": o, "bytes": b.nbytes, "first": b.first, "last": b.last}
            for b, o in zip(plan.buffers, plan.offsets)
        ],
    }


def _text(graph: Graph, result: dict[str, Any]) -> str:
    parts = [_ends(graph, result), _operators(result)]
    if result["exported"]:
        parts += [_summary(result), _memory(result["exported"])]
    else:
        parts.append(_refusal(result["problems"], len(result["nodes"])))
    return "\n\n".join(parts)


def _ends(graph: Graph, result: dict[str, Any]) -> str:
    rows = [
        # Names differ at their ends.
        [kind, tensor["name"][-_NAME:], _shape(tensor["shape"]), tensor["quantization"]]
        for kind in ("input", "output")
        for tensor in result[f"{kind}s"]
    ]
    title = f"{graph.name}, {result['bytes']:,} bytes"
    return console.table(title, ["", "name", "shape", "real value"], rows)


def _operators(result: dict[str, Any]) -> str:
    rows = [
        [
            str(index),
            node["operator"],
            " + ".join(_shape(shape) for shape in node["inputs"]),
            " + ".join(_shape(shape) for shape in node["outputs"]),
            f"{node['macs']:,}" if node["macs"] is not None else "?",
            f"{node['constant_bytes']:,}",
            node["output_quantization"],
        ]
        for index, node in enumerate(result["nodes"])
    ]
    columns = ["node", "operator", "inputs", "outputs", "MAC", "constants", "output's real value"]
    return console.table("", columns, rows)


def _summary(result: dict[str, Any]) -> str:
    made = result["exported"]
    count = len(result["nodes"])
    nodes = f"all {count}" if made["nodes"] == count else f"{made['nodes']} of {count}"
    state = f", state {made['state_bytes']:,} bytes" if made["state_bytes"] else ""
    return (
        f"The file: {result['macs']:,} MAC, {result['constant_bytes']:,} bytes of constants.\n"
        f"Exported for a Cortex-M4: {nodes} nodes, {made['macs']:,} MAC, "
        f"weights {made['weight_bytes']:,} bytes in flash,\n"
        f"arena {made['arena_bytes']:,} bytes in RAM (without overlaps at least "
        f"{made['arena_lower_bound']:,}){state}."
    )


def _memory(made: dict[str, Any]) -> str:
    rows = [
        [
            b["name"][:_NAME],
            f"{b['offset']:,}",
            f"{b['offset'] + b['bytes']:,}",
            f"{b['first']} to {'the end' if b['last'] > made['nodes'] else b['last'] - 1}",
            _picture(b, made["arena_bytes"]),
        ]
        for b in sorted(made["buffers"], key=lambda b: (b["first"], b["offset"]))
    ]
    columns = ["buffer", "from", "to", "live at nodes", "the arena"]
    return console.table("The arena, in bytes; nodes are numbered as exported", columns, rows)


def _picture(buffer: dict[str, Any], size: int) -> str:
    """Where a buffer lies in the arena: at least one mark."""
    first = buffer["offset"] * _MAP // size
    end = max(-(-(buffer["offset"] + buffer["bytes"]) * _MAP // size), first + 1)
    return "·" * first + "█" * (end - first) + "·" * (_MAP - end)


def _refusal(problems: list[dict[str, Any]], nodes: int) -> str:
    """The problems, those of one operator with one rule together."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for problem in problems:
        groups.setdefault((problem["operator"], problem["rule"]), []).append(problem)
    lines = [f"Would not export, because of {len(problems)} of {nodes} nodes:"]
    for (operator, rule), found in groups.items():
        first, numbers = found[0], ", ".join(str(problem["node"]) for problem in found)
        where = f"node{'s' * (len(found) > 1)} {numbers} {operator}"
        lines.append(f"  {where}: {rule or 'not supported'}")
        if rule:
            lines += [
                f"    found in node {first['node']}: {first['found']}",
                f"    {first['remedy']}",
            ]
    for remedy in dict.fromkeys(problem["remedy"] for problem in problems if not problem["rule"]):
        lines += textwrap.wrap(remedy, _WIDTH, initial_indent="  ", subsequent_indent="    ")
    return "\n".join(lines)


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "node": problem.node.index,
        "operator": problem.node.node.operator,
        "name": problem.node.node.name,
        "rule": problem.rule,
        "found": problem.found,
        "remedy": problem.remedy,
    }


def _node(view: NodeView) -> dict[str, Any]:
    computed = [t for t in view.inputs if t is not None and t.is_activation]
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
    """The type, and what a stored q means."""
    if tensor.quantization is None:
        return tensor.dtype
    if tensor.quantization.per_channel:
        return f"{tensor.dtype}, {len(tensor.q.scales)} scales"
    zero = tensor.q.zero_point
    offset = f"(q {'-' if zero > 0 else '+'} {abs(zero)})" if zero else "q"
    return f"{tensor.dtype}, {tensor.q.scale:.6g} {offset}"


def _shape(shape: list[int]) -> str:
    return "x".join(map(str, shape)) or "scalar"
