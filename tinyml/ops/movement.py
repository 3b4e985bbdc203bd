"""What operators share that only move elements: their rules, views, and copies of strided parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml.ops import axes
from tinyml.ops.base import KernelCall, Move, Operator, Rule

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView, Tensor

FIRST = slice(0, 1)  # the inputs that hold the data: only the first,
EVERY = slice(None)  # or all of them


def moves(types: tuple[str, ...], inputs: slice = FIRST) -> tuple[Rule, ...]:
    """Rules on what is moved: its type, and that it means the same afterwards."""

    def one_type(node: NodeView) -> str:
        found = list(dict.fromkeys(tensor.dtype for tensor in _data(node, inputs)))
        return "" if len(found) == 1 and found[0] in types else " and ".join(found)

    def one_quantization(node: NodeView) -> str:
        """Inputs and outputs have the same scale and zero point. Remedy: convert the model again."""
        # TFLM mostly moves the bytes anyway, and their meaning changes.
        first, *others = (tensor.quantization for tensor in _data(node, inputs))
        return next((f"{first} and {other}" for other in others if other != first), "")

    one_type.__doc__ = (
        f"Inputs and outputs are all {_either(types)}. Remedy: quantize the model to int8."
    )
    return one_type, one_quantization


def _data(node: NodeView, inputs: slice) -> list[Tensor]:
    return [tensor for tensor in node.inputs[inputs] if tensor is not None] + list(node.outputs)


def _either(types: tuple[str, ...]) -> str:
    return types[0] if len(types) == 1 else f"{', '.join(types[:-1])} or all {types[-1]}"


def constant(position: int, what: str, types: tuple[str, ...] = ("int32",)) -> Rule:
    """A rule that an input is known at export."""

    def rule(node: NodeView) -> str:
        tensor = node.input(position)
        if tensor.data is None:
            return f"'{tensor.name}', which is computed"
        return "" if tensor.dtype in types else tensor.dtype

    rule.__doc__ = (
        f"The {what} is constant {' or '.join(types)}. Remedy: convert with fixed shapes."
    )
    return rule


def inputs_and_outputs(least: int, most: int, outputs: bool = False) -> Rule:
    """A rule on the number of inputs, none of them left out; `outputs`: there may be several."""

    def rule(node: NodeView) -> str:
        right = least <= len(node.inputs) <= most and None not in node.inputs
        right = right and (outputs or len(node.outputs) == 1)
        return "" if right else f"{len(node.inputs)} inputs and {len(node.outputs)} outputs"

    span = str(least) if least == most else f"{least} to {most}"
    rule.__doc__ = (
        f"It has {span} input{'s' * (most > 1)} and {'outputs' if outputs else 'one output'}. "
        "Remedy: convert the model again."
    )
    return rule


def most_dimensions(most: int) -> Rule:
    """A rule on the rank of the first input."""

    def rule(node: NodeView) -> str:
        shape = node.input(0).shape
        return "" if 1 <= len(shape) <= most else f"shape {shape}"

    rule.__doc__ = f"The input has 1 to {most} dimensions. Remedy: merge dimensions with RESHAPE."
    return rule


def numbers(node: NodeView, position: int) -> tuple[int, ...]:
    """The values of a constant input."""
    data = node.input(position).data
    assert data is not None
    return tuple(int(value) for value in data.ravel())


def positive_axis(axis: int, rank: int) -> int | None:
    """An axis counted from the front; None when there is no such axis."""
    return axis % rank if -rank <= axis < rank else None


@dataclass(frozen=True)
class Part:
    """A strided part of a tensor: where its first element lies, its shape, its strides in elements."""

    start: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def whole(shape: Sequence[int]) -> Part:
    """All of a tensor."""
    return Part(0, tuple(shape), axes.strides(shape))


def part(
    shape: Sequence[int], starts: Sequence[int], sizes: Sequence[int], steps: Sequence[int] = ()
) -> Part:
    """`sizes` elements of each dimension from `starts`, each `steps` (or 1) from the one before."""
    strides = axes.strides(shape)
    start = sum(s * stride for s, stride in zip(starts, strides))
    steps = steps or [1] * len(strides)
    return Part(start, tuple(sizes), tuple(s * stride for s, stride in zip(steps, strides)))


def along(shape: Sequence[int], axis: int, sizes: Sequence[int]) -> list[Part]:
    """A tensor cut along one dimension into parts of these sizes."""
    found, start = [], 0
    for size in sizes:
        starts, kept = [0] * len(shape), list(shape)
        starts[axis], kept[axis] = start, size
        found.append(part(shape, starts, kept))
        start += size
    return found


def copy(
    node: NodeView, source: Part, target: Part, input_: int = 0, output: int = 0, only: bool = True
) -> KernelCall:
    """The copy of a part of an input to a part of an output; both have the same shape.

    Args:
        node: the node.
        source: the part of the input.
        target: the part of the output.
        input_: the input's position.
        output: the output's.
        only: no other call of the node writes that part.
    """
    assert source.shape == target.shape
    item = np.dtype(node.outputs[output].dtype).itemsize
    loops, elements = _split_off_run(source, target)
    together = elements * item
    params = (
        ("bytes", together),
        ("input_start", source.start * item),
        ("output_start", target.start * item),
        ("axes", axes.fields([axes.Axis(a.size, a.first * item, a.second * item) for a in loops])),
    )
    move = None if loops or not only else Move(source.start * item, target.start * item, together)
    return KernelCall("tinyml_copy", params, inputs=(input_,), outputs=(output,), move=move)


def _split_off_run(source: Part, target: Part) -> tuple[tuple[axes.Axis, ...], int]:
    """The loops of a copy, and the number of elements that lie together in both."""
    loops = axes.merged(map(axes.Axis, source.shape, source.strides, target.strides))
    if loops and loops[-1].first == loops[-1].second == 1:
        return loops[:-1], loops[-1].size
    return loops, 1


def copy_or_view(node: NodeView, source: Part) -> KernelCall | None:
    """The copy of a part of the first input to all of the output; None when nothing moves."""
    target = whole(source.shape)
    loops, _ = _split_off_run(source, target)
    stays = not loops and node.input(0).elements == node.output.elements
    if stays and not node.input(0).is_constant:
        return None
    return copy(node, source, target)


class View(Operator):
    """An operator that gives the same bytes another shape: no code, no memory, unless of a constant."""

    def parse(self, options: Any) -> Any:
        return None

    def reference(self, node: NodeView, inputs: list[np.ndarray]) -> list[np.ndarray]:
        return [inputs[0].reshape(node.output.shape)]

    def lower(self, node: NodeView) -> KernelCall | None:
        return copy_or_view(node, whole(node.input(0).shape))
