"""What an operator is: parse, check, shape, reference, lower.

The rules of an operator are small functions whose docstring is the rule in the error message and in
the generated page of supported operators; they answer with what was found, or "" when satisfied.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView

Rule = Callable[["NodeView"], str]
# A C struct's fields in order; a value is a number, a constant array, or a struct again.
Fields = tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Array:
    """A constant that a kernel reads: placed in flash under the node's name and `suffix`."""

    suffix: str
    values: np.ndarray


class Schedule(NamedTuple):
    """When a kernel reads an input for the last time and writes its first output, byte by byte.

    The kernel works in steps, counted from 0; within a step it reads all before it writes any.

    Attributes:
        last_read: int32, for each byte of the input the last step that reads it, -1 when none does.
        first_write: int32, for each byte of the output the first step that writes it.
    """

    last_read: np.ndarray
    first_write: np.ndarray


@dataclass(frozen=True)
class Overlap:
    """A kernel's claim that its first output may lie on bytes of an input that it no longer reads.

    The planner derives from the schedule how far apart the two must begin, and the checker replays it.
    `tinyml.ops.schedules` makes those of sliding windows.

    Attributes:
        input: the position of the node's input.
        schedule: computes the schedule, which is as large as input and output.
    """

    input: int
    schedule: Callable[[], Schedule]


@dataclass(frozen=True)
class Move:
    """What a call does that only copies bytes that lie together, and that no other call of the node writes.

    `nbytes` from byte `source` of its input to byte `target` of its output; there is nothing to do when both
    are at one place.
    """

    source: int
    target: int
    nbytes: int


@dataclass(frozen=True)
class BandField:
    """A parameter that depends on the band: `factor` times a quantity of tinyml_band, plus a constant.

    Attributes:
        path: of the field in the parameter struct, e.g. "window.pad_top".
        quantity: "rows", "input_rows", "pad_top", "begins" or "ends".
    """

    path: str
    quantity: str
    factor: int = 1
    plus: int = 0


@dataclass(frozen=True)
class Band:
    """How a call computes a few rows of its output (a band): given where the first rows are that it sees and
    writes.

    Inputs and output are one image each, all inputs see the same rows; `tinyml.ops.bands` makes those of
    the usual kernels.

    Attributes:
        fields: the parameters that differ from those of the whole.
        stride, reach, before: of the windows over input rows; `before` is padding.
        gathers: a band is of input rows; the kernel keeps what it gathers in its scratch, and writes its
            whole output with the last.
        scratch: the scratch for a band of so many rows in bytes; None where it is that of the whole.
    """

    fields: tuple[BandField, ...]
    stride: int = 1
    reach: int = 1
    before: int = 0
    gathers: bool = False
    scratch: Callable[[int], int] | None = None


@dataclass(frozen=True)
class KernelCall:
    """A call of one C kernel: `kernel(&params, inputs..., outputs..., scratch)`.

    Pointers have the tensors' own types; a constant input becomes an array in flash.

    Attributes:
        kernel: the C function, and the stem of its file in `cmsis_glue/`.
        params: the fields of its parameter struct, whose type is `kernel` + "_params"; an Array
            becomes a pointer to a constant in flash.
        inputs: the positions of the node's inputs that are passed as pointers; through that of a
            state the kernel may write.
        outputs: likewise of its outputs; None for all of them.
        scratch_bytes: working memory, passed as the last pointer.
        has_scratch: the kernel takes that pointer; it is NULL when scratch_bytes is 0.
        in_place: the input positions whose memory the first output, of equal size, may take over: it
            may begin exactly where the input does.
        overlaps: the inputs of which the first output may cover a part, and when.
        move: set when the call only copies from its one input to its one output.
        band: how it computes some rows of its output, where it can.

    In a node of several calls `in_place` and `overlaps` have no effect: a later call may still need the
    input.
    """

    kernel: str
    params: Fields
    inputs: tuple[int, ...]
    scratch_bytes: int = 0
    has_scratch: bool = False
    in_place: tuple[int, ...] = ()
    outputs: tuple[int, ...] | None = None
    overlaps: tuple[Overlap, ...] = ()
    move: Move | None = None
    band: Band | None = None


# What a node does at run time, in this order, or nothing; its constants have one name space.
Calls = tuple[KernelCall, ...]


@dataclass(frozen=True)
class Violation:
    """A broken rule: what it says, what was found, what to do."""

    rule: str
    found: str
    remedy: str


class Operator(ABC):
    """One TFLite operator."""

    name: str  # TFLite's name, e.g. "CONV_2D"
    summary: str  # one line for the page of supported operators
    rules: tuple[Rule, ...] = ()
    states: tuple[int, ...] = ()  # the input positions that are states (see ir.Tensor)
    reads_values: bool = True  # False: the outputs follow from the inputs' shapes
    has_effects: bool = False  # needed even when nothing reads its outputs
    elementwise: bool = False  # each value of the output depends on those at its place alone
    in_tflite: bool = True  # else only passes make such nodes

    @abstractmethod
    def parse(self, options: Any) -> Any:
        """TFLite's options (a flatbuffers Table, or None) -> this operator's attributes."""

    @abstractmethod
    def output_shapes(self, node: NodeView) -> tuple[tuple[int, ...], ...]:
        """The shapes that the outputs must have."""

    @abstractmethod
    def reference(self, node: NodeView, inputs: list[np.ndarray]) -> list[np.ndarray]:
        """The outputs, computed with numpy as TFLM does; constants are among the inputs.

        So are states: arrays to be changed in place, and to be copied where they become an output.
        """

    @abstractmethod
    def lower(self, node: NodeView) -> KernelCall | Calls | None:
        """The kernel call, or calls, of a node that passed `check`; None when the output is the first
        input's bytes.
        """

    def macs(self, node: NodeView) -> int:
        """Multiply-accumulates of one inference."""
        return 0

    def check(self, node: NodeView) -> list[Violation]:
        """The rules that a node breaks; the shape is judged when all others hold."""
        broken = self._check_states(node)
        if broken:
            return broken
        for rule in self.rules:
            found = rule(node)
            if found:
                broken.append(_violation(rule, found))
                break  # later rules may rely on earlier ones
        if not broken:
            broken += self._check_shapes(node)
        return broken

    def _check_states(self, node: NodeView) -> list[Violation]:
        for position, tensor in enumerate(node.inputs):
            if tensor is not None and tensor.is_state and position not in self.states:
                rule = "only operators with a state read variable tensors"
                found = f"'{tensor.name}' as input {position}"
                return [Violation(rule, found, "read the variable with READ_VARIABLE")]
        return []

    def _check_shapes(self, node: NodeView) -> list[Violation]:
        expected = self.output_shapes(node)
        found = tuple(tensor.shape for tensor in node.outputs)
        if expected == found:
            return []
        return [
            Violation(
                f"the output shapes follow from the inputs, {_shapes(expected)}",
                _shapes(found),
                "convert the model again with a fixed batch size of 1",
            )
        ]


def arrays(params: Fields) -> list[Array]:
    """Every constant array in a kernel's parameters."""
    found: list[Array] = []
    for _, value in params:
        if isinstance(value, tuple):
            found += arrays(value)
        elif isinstance(value, Array):
            found.append(value)
    return found


def as_calls(lowered: KernelCall | Calls) -> Calls:
    """One call as one of several."""
    return (lowered,) if isinstance(lowered, KernelCall) else lowered


def in_place(calls: Calls) -> tuple[int, ...]:
    """The input positions whose memory a node's first output may take over."""
    return calls[0].in_place if len(calls) == 1 else ()


def overlaps(calls: Calls) -> tuple[Overlap, ...]:
    """Of which inputs a node's first output may cover a part."""
    return calls[0].overlaps if len(calls) == 1 else ()


def moves(calls: Calls, position: int, number: int) -> Move | None:
    """How a node only copies from the input at `position` to output `number`, if it does."""
    found = (c.move for c in calls if c.inputs == (position,) and c.outputs == (number,))
    return next(found, None)


def rule_text(rule: Rule) -> tuple[str, str]:
    """A rule's docstring as (rule, remedy)."""
    text = " ".join((rule.__doc__ or "").split())
    stated, _, remedy = text.partition(" Remedy: ")
    return stated.rstrip("."), remedy.rstrip(".")


def _violation(rule: Rule, found: str) -> Violation:
    stated, remedy = rule_text(rule)
    return Violation(stated, found, remedy)


def _shapes(shapes: tuple[tuple[int, ...], ...]) -> str:
    return ", ".join("x".join(map(str, shape)) or "scalar" for shape in shapes)
