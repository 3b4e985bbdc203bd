"""What operators share that keep a state from one inference to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tinyml.ops import axes
from tinyml.ops.base import KernelCall, Rule

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView, Tensor

_VARIABLE_TYPES = ("int8", "uint8", "int16", "int32", "int64", "float32")


def keeps(position: int, what: str, dtypes: tuple[str, ...]) -> Rule:
    """A rule that an input is a variable tensor with a scale."""

    def rule(node: NodeView) -> str:
        tensor = node.optional(position)
        if tensor is None:
            return "none"
        if not tensor.is_state:
            return f"'{tensor.name}', which is not a variable tensor"
        if tensor.quantization is None or tensor.quantization.per_channel:
            return f"'{tensor.name}', which has no single scale"
        return "" if tensor.dtype in dtypes else tensor.dtype

    rule.__doc__ = (
        f"The {what} is a variable tensor of {' or '.join(dtypes)} with one scale. Remedy: convert the "
        "model with TensorFlow 2's converter, quantized to int8."
    )
    return rule


def is_assigned(node: NodeView) -> str:
    """The variable is one that VAR_HANDLE names and something assigns, of int8, uint8, int16, int32, int64 or
    float32. Remedy: give the variable an initial value.
    """
    variable = node.input(0)
    if not variable.is_state:
        return f"'{variable.name}', which nothing assigns"
    return "" if variable.dtype in _VARIABLE_TYPES else f"'{variable.name}' of {variable.dtype}"


def difference(variable: Tensor, value: Tensor) -> str:
    """How a value of a variable differs from it, or ""."""
    same = (variable.dtype, variable.elements) == (value.dtype, value.elements)
    sizes = f"{variable.dtype} {variable.shape} and {value.dtype} {value.shape}"
    return "" if same else sizes


def copy(nbytes: int, inputs: tuple[int, ...]) -> KernelCall:
    """A copy of all of a tensor: from the first input to the output, or to a second input."""
    params = (("bytes", nbytes), ("input_start", 0), ("output_start", 0), ("axes", axes.fields(())))
    return KernelCall("tinyml_copy", params, inputs)
