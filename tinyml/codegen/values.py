"""From a program to the plain values that the templates show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyml import ops
from tinyml.codegen import names
from tinyml.codegen.names import comment
from tinyml.codegen.program import Program
from tinyml.graph.ir import NodeView, Tensor
from tinyml.memory.planner import Plan
from tinyml.memory.regions import Region, Stage, row_bytes
from tinyml.ops.base import Array, BandField, Calls, Fields, KernelCall, arrays

_C_TYPES = {
    "int8": "int8_t",
    "uint8": "uint8_t",
    "int16": "int16_t",
    "int32": "int32_t",
    "int64": "int64_t",
    "float32": "float",
}
_NUMBERS_A_LINE = 20


@dataclass(frozen=True)
class Field:
    """A struct field: either a value (a number or a constant's name) or fields of its own."""

    name: str
    value: str | None
    fields: tuple[Field, ...] | None


@dataclass(frozen=True)
class Operand:
    """A pointer argument: into the arena or the states, to a constant, or (neither) NULL.

    Attributes:
        type: C type of what it points to.
        offset: in its block.
        constant: the array's name.
        written: the kernel writes through it.
        block: "arena" or "state".
    """

    type: str
    offset: int | None = None
    constant: str | None = None
    written: bool = False
    block: str = "arena"


@dataclass(frozen=True)
class Call:
    """One kernel call.

    Attributes:
        ends: the node whose last call it is and whose output is whole after it, else None.
        region: the number of the region that makes the call for each band, else None.
        opens: it is that region's first.
    """

    name: str
    kernel: str
    description: str
    fields: tuple[Field, ...]
    operands: tuple[Operand, ...]
    ends: int | None
    region: int | None = None
    opens: bool = False


@dataclass(frozen=True)
class Rows:
    """A tensor in a region, and how it is made of others: a tinyml_band_node."""

    offset: int
    row_bytes: int
    rows: int
    strip: int
    stride: int
    reach: int
    before: int
    most: int
    inputs: tuple[int, int]


@dataclass(frozen=True)
class BandCall:
    """The call of a kernel for a band; `types` are those of its inputs, then its output."""

    call: Call
    fields: tuple[BandField, ...]
    types: tuple[str, ...]
    scratch: Operand | None


@dataclass(frozen=True)
class RegionLoop:
    """A region; `tensors` are those its nodes make, one each, then its inputs."""

    number: int
    first: int
    last: int
    step: int
    tensors: tuple[Rows, ...]
    bands: tuple[BandCall, ...]


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
class State:
    """A state and how a reset writes it: every byte is `fill`, or (None) a copy of `constant`."""

    offset: int
    nbytes: int
    fill: int | None
    constant: str
    description: str


@dataclass(frozen=True)
class Port:
    """One of the model's inputs or outputs.

    Attributes:
        suffix: "" for the only one, else "_" and its name as a C identifier.
        scale: digits of the float32, None when it is not quantized.
    """

    suffix: str
    type: str
    elements: int
    nbytes: int
    shape: str
    scale: str | None
    zero_point: int | None
    offset: int


def ports(program: Program, tensors: tuple[int, ...]) -> tuple[Port, ...]:
    """Values of the model's inputs or outputs."""
    found = [program.graph.tensors[tensor] for tensor in tensors]
    suffixes = names.suffixes([tensor.name for tensor in found])
    return tuple(
        Port(
            suffix=suffix,
            type=_C_TYPES[tensor.dtype],
            elements=tensor.elements,
            nbytes=tensor.nbytes,
            shape=_shape(tensor),
            scale=_float(tensor.q.scale) if tensor.quantization else None,
            zero_point=tensor.q.zero_point if tensor.quantization else None,
            offset=place_of(program.plan, index),
        )
        for index, tensor, suffix in zip(tensors, found, suffixes)
    )


def calls(program: Program, prefix: str) -> tuple[Call, ...]:
    """The calls of one inference, in order."""
    return tuple(
        _call(program, program.graph.view(index), parts, part, prefix)
        for index, parts in program.calls.items()
        for part in range(len(parts))
    )


def regions(program: Program, prefix: str) -> tuple[RegionLoop, ...]:
    """The regions, in order."""
    return tuple(
        _region(program, number, region, prefix) for number, region in enumerate(program.regions)
    )


def _region(program: Program, number: int, region: Region, prefix: str) -> RegionLoop:
    tensors = [*(stage.output for stage in region.stages), *region.sources]
    made = [
        _rows(program, region, stage, most, tensors)
        for stage, most in zip(region.stages, region.most)
    ]
    given = [_source_rows(program, tensor) for tensor in region.sources]
    return RegionLoop(
        number=number,
        first=region.first,
        last=region.end - 1,
        step=region.rows,
        tensors=(*made, *given),
        bands=tuple(_band(program, stage, prefix) for stage in region.stages),
    )


def _rows(program: Program, region: Region, stage: Stage, most: int, tensors: list[int]) -> Rows:
    band, numbers = stage.band, [tensors.index(tensor) for tensor in stage.inputs]
    return Rows(
        place_of(program.plan, stage.output),
        0 if band.gathers else row_bytes(program.graph, stage.output),
        stage.rows,
        int(stage.output not in region.whole),
        band.stride,
        band.reach,
        band.before,
        most,
        (numbers[0], numbers[1] if len(numbers) > 1 else -1),
    )


def _source_rows(program: Program, tensor: int) -> Rows:
    size, height = row_bytes(program.graph, tensor), program.graph.tensors[tensor].shape[1]
    return Rows(place_of(program.plan, tensor), size, height, 0, 0, 0, 0, 0, (-1, -1))


def _band(program: Program, stage: Stage, prefix: str) -> BandCall:
    view = program.graph.view(stage.node)
    call = _call(program, view, program.calls[stage.node], 0, prefix)
    tensors = [program.graph.tensors[tensor] for tensor in (*stage.inputs, stage.output)]
    scratch = call.operands[-1] if stage.call.has_scratch else None
    types = tuple(_C_TYPES[tensor.dtype] for tensor in tensors)
    return BandCall(call, stage.band.fields, types, scratch)


def constants(program: Program, prefix: str) -> tuple[Constant, ...]:
    """Every constant array, in the order of the calls."""
    found = []
    for index in program.calls:
        view = program.graph.view(index)
        for suffix, array in _node_arrays(program, index).items():
            name = f"{prefix}_{_stem(view)}_{suffix}"
            found.append(_constant(name, array, f"{suffix} of {describe(view)}"))
    initials = [_initial(program, tensor, prefix) for tensor in program.states.offsets]
    return (*found, *(initial for initial in initials if initial is not None))


def constant_bytes(program: Program, index: int) -> int:
    """The flash that a node's constant arrays take."""
    return sum(array.values.nbytes for array in _node_arrays(program, index).values())


def weight_bytes(program: Program) -> int:
    """The flash that all constant arrays take, with those that a reset copies into states."""
    initials = (program.graph.tensors[tensor] for tensor in program.states.offsets)
    copied = sum(tensor.nbytes for tensor in initials if _fill(tensor) is None)
    return copied + sum(constant_bytes(program, index) for index in program.calls)


def _node_arrays(program: Program, index: int) -> dict[str, Array]:
    """The constant arrays of a node by suffix; its calls may share some."""
    view = program.graph.view(index)
    return {
        array.suffix: array
        for call in program.calls.get(index, ())
        for array in (*arrays(call.params), *_constant_inputs(view, call))
    }


def states(program: Program, prefix: str) -> tuple[State, ...]:
    """Every state, in the order of their memory."""
    return tuple(
        _state(program, tensor, offset, prefix) for tensor, offset in program.states.offsets.items()
    )


def _state(program: Program, index: int, offset: int, prefix: str) -> State:
    tensor = program.graph.tensors[index]
    return State(
        offset,
        tensor.nbytes,
        _fill(tensor),
        _initial_name(index, prefix),
        f"{_shape(tensor)}, {tensor.dtype}, '{comment(tensor.name)}'",
    )


def _fill(tensor: Tensor) -> int | None:
    """The byte that a state's initial value repeats; None when there are several."""
    assert tensor.initial is not None
    content = np.unique(np.frombuffer(tensor.initial.tobytes(), np.uint8))
    return int(content[0]) if len(content) == 1 else None


def _initial(program: Program, index: int, prefix: str) -> Constant | None:
    """The array that a reset copies into a state, if it takes one."""
    tensor = program.graph.tensors[index]
    if _fill(tensor) is not None:
        return None
    assert tensor.initial is not None
    array = Array("initial", np.ascontiguousarray(tensor.initial))
    description = f"initial value of state '{comment(tensor.name)}'"
    return _constant(_initial_name(index, prefix), array, description)


def _initial_name(index: int, prefix: str) -> str:
    return f"{prefix}_state_{index}_initial"


def describe(view: NodeView) -> str:
    """One line on a node, for comments: what, whence, shapes, work."""
    macs = ops.find(view.node.operator).macs(view)
    work = f", {macs:,} MAC" if macs else ""
    name = comment(view.node.name)
    return f"node {view.index}: {view.node.operator} '{name}', {_flow(view)}{work}"


def _flow(view: NodeView) -> str:
    sources = [_source(t) for t in view.inputs if t is not None and not t.is_constant]
    targets = " and ".join(map(_shape, view.outputs))
    return (" and ".join(sources) or "constants") + (f" -> {targets}" if targets else "")


def _source(tensor: Tensor) -> str:
    return ("state " if tensor.is_state else "") + _shape(tensor)


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "scalar"


def _stem(view: NodeView) -> str:
    return f"{view.index:02d}_{view.node.operator.lower()}"


def _call(program: Program, view: NodeView, parts: Calls, part: int, prefix: str) -> Call:
    stem, call = f"{prefix}_{_stem(view)}", parts[part]
    alone = len(parts) == 1
    number = program.region_of(view.index)
    region = None if number is None else program.regions[number]
    ends = part == len(parts) - 1 and (region is None or view.node.outputs[0] in region.whole)
    return Call(
        name=f"node_{_stem(view)}" + ("" if alone else f"_{part + 1}"),
        kernel=call.kernel,
        description=describe(view) + ("" if alone else f", call {part + 1} of {len(parts)}"),
        fields=_fields(call.params, stem),
        operands=tuple(_operands(program, view, call, stem)),
        ends=view.index if ends else None,
        region=number,
        opens=region is not None and region.first == view.index,
    )


def _operands(program: Program, view: NodeView, call: KernelCall, stem: str) -> Iterator[Operand]:
    plan = program.plan
    for position in call.inputs:
        tensor, index = view.input(position), view.node.inputs[position]
        if tensor.is_constant:
            yield Operand(_C_TYPES[tensor.dtype], constant=f"{stem}_{_input_suffix(position)}")
        elif tensor.is_state:
            offset = program.states.offsets[index]
            yield Operand(_C_TYPES[tensor.dtype], offset, written=True, block="state")
        else:
            yield Operand(_C_TYPES[tensor.dtype], place_of(plan, index))
    for position in range(len(view.outputs)) if call.outputs is None else call.outputs:
        tensor, index = view.outputs[position], view.node.outputs[position]
        yield Operand(_C_TYPES[tensor.dtype], place_of(plan, index), written=True)
    if call.has_scratch:
        yield Operand("int8_t", _scratch_offset(plan, view.index), written=True)


def _input_suffix(position: int) -> str:
    return f"input_{position}"


def _constant_inputs(view: NodeView, call: KernelCall) -> list[Array]:
    """The constants that a kernel takes as plain inputs."""
    return [
        Array(_input_suffix(position), data)
        for position in call.inputs
        if (data := view.input(position).data) is not None
    ]


def _fields(params: Fields, stem: str) -> tuple[Field, ...]:
    return tuple(_field(name, value, stem) for name, value in params)


def _field(name: str, value: Any, stem: str) -> Field:
    if isinstance(value, tuple):
        return Field(name, None, _fields(value, stem))
    return Field(
        name, f"{stem}_{value.suffix}" if isinstance(value, Array) else str(int(value)), None
    )


def _constant(name: str, array: Array, description: str) -> Constant:
    numbers = array.values.ravel().tolist()
    lines = [
        tuple(numbers[i : i + _NUMBERS_A_LINE]) for i in range(0, len(numbers), _NUMBERS_A_LINE)
    ]
    return Constant(
        name=name,
        type=_C_TYPES[array.values.dtype.name],
        count=len(numbers),
        nbytes=array.values.nbytes,
        description=description,
        lines=tuple(lines),
    )


def place_of(plan: Plan, tensor: int) -> int:
    """Where in the arena an activation lies."""
    return plan.places[tensor]


def _scratch_offset(plan: Plan, index: int) -> int | None:
    for buffer, offset in zip(plan.buffers, plan.offsets):
        if buffer.scratch_of == index:
            return offset
    return None


def _float(value: float) -> str:
    """A float32 with the digits that give it back exactly."""
    text = f"{np.float32(value):.9g}"
    return text if any(c in text for c in ".en") else text + ".0"
