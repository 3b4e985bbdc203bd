"""From a program to the plain values that the templates show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyml import ops
from tinyml.codegen.names import comment
from tinyml.codegen.program import Program
from tinyml.graph.ir import NodeView, Tensor
from tinyml.memory.planner import Plan
from tinyml.ops.base import Array, Fields, KernelCall

_C_TYPES = {"int8": "int8_t", "int16": "int16_t", "int32": "int32_t"}
_NUMBERS_A_LINE = 20


@dataclass(frozen=True)
class Field:
    """A struct field: either a value (a number or a constant's name) or fields of its own."""

    name: str
    value: str | None
    fields: tuple[Field, ...] | None


@dataclass(frozen=True)
class Call:
    """One kernel call; operands are arena offsets, None for a scratch that is not needed."""

    name: str
    kernel: str
    description: str
    fields: tuple[Field, ...]
    operands: tuple[int | None, ...]


@dataclass(frozen=True)
class Constant:
    """One constant array; `lines` are rows of numbers."""

    name: str
    type: str
    count: int
    nbytes: int
    description: str
    lines: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Port:
    """The model's input or output."""

    elements: int
    shape: str
    scale: str
    zero_point: int
    offset: int


def port(program: Program, tensor: int) -> Port:
    """Values of the model's input or output `tensor`."""
    found = program.graph.tensors[tensor]
    return Port(
        elements=found.elements,
        shape="x".join(map(str, found.shape)),
        scale=_float(found.q.scale),
        zero_point=found.q.zero_point,
        offset=_offset(program.plan, tensor),
    )


def calls(program: Program, prefix: str) -> tuple[Call, ...]:
    """The calls of one inference, in order."""
    return tuple(
        _call(program, program.graph.view(index), call, prefix)
        for index, call in program.calls.items()
    )


def constants(program: Program, prefix: str) -> tuple[Constant, ...]:
    """Every constant array, in the order of the calls."""
    found = []
    for index, call in program.calls.items():
        view = program.graph.view(index)
        for array in _arrays(call.params):
            found.append(_constant(f"{prefix}_{_stem(view)}_{array.suffix}", array, view))
    return tuple(found)


def describe(view: NodeView) -> str:
    """One line on a node, for comments: what, whence, shapes, work."""
    macs = ops.find(view.node.operator).macs(view)
    work = f", {macs:,} MAC" if macs else ""
    name = comment(view.node.name)
    return f"node {view.index}: {view.node.operator} '{name}', {_flow(view)}{work}"


def _flow(view: NodeView) -> str:
    sources = [_shape(t) for t in view.inputs if t is not None and not t.is_constant]
    return f"{' and '.join(sources)} -> {_shape(view.output)}"


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape))


def _stem(view: NodeView) -> str:
    return f"{view.index:02d}_{view.node.operator.lower()}"


def _call(program: Program, view: NodeView, call: KernelCall, prefix: str) -> Call:
    operands: list[int | None] = [
        _offset(program.plan, view.node.inputs[position]) for position in call.inputs
    ]
    operands.append(_offset(program.plan, view.node.outputs[0]))
    if call.has_scratch:
        operands.append(_scratch_offset(program.plan, view.index))
    return Call(
        name=f"node_{_stem(view)}",
        kernel=call.kernel,
        description=describe(view),
        fields=_fields(call.params, f"{prefix}_{_stem(view)}"),
        operands=tuple(operands),
    )


def _fields(params: Fields, stem: str) -> tuple[Field, ...]:
    return tuple(_field(name, value, stem) for name, value in params)


def _field(name: str, value: Any, stem: str) -> Field:
    if isinstance(value, tuple):
        return Field(name, None, _fields(value, stem))
    return Field(
        name, f"{stem}_{value.suffix}" if isinstance(value, Array) else str(int(value)), None
    )


def _arrays(params: Fields) -> list[Array]:
    found = []
    for _, value in params:
        if isinstance(value, tuple):
            found += _arrays(value)
        elif isinstance(value, Array):
            found.append(value)
    return found


def _constant(name: str, array: Array, view: NodeView) -> Constant:
    numbers = array.values.ravel().tolist()
    lines = [
        tuple(numbers[i : i + _NUMBERS_A_LINE]) for i in range(0, len(numbers), _NUMBERS_A_LINE)
    ]
    return Constant(
        name=name,
        type=_C_TYPES[array.values.dtype.name],
        count=len(numbers),
        nbytes=array.values.nbytes,
        description=f"{array.suffix} of {describe(view)}",
        lines=tuple(lines),
    )


def _offset(plan: Plan, tensor: int) -> int:
    for buffer, offset in zip(plan.buffers, plan.offsets):
        if tensor in buffer.tensors:
            return offset
    raise KeyError(f"tensor {tensor} has no buffer")


def _scratch_offset(plan: Plan, index: int) -> int | None:
    for buffer, offset in zip(plan.buffers, plan.offsets):
        if buffer.scratch_of == index:
            return offset
    return None


def _float(value: float) -> str:
    """A float32 with the digits that give it back exactly."""
    text = f"{np.float32(value):.9g}"
    return text if any(c in text for c in ".en") else text + ".0"
