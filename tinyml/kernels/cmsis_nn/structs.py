"""CMSIS-NN's structs as fields of a parameter struct."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Union

import numpy as np

from tinyml.ops import arithmetic
from tinyml.ops.base import Array, Fields, KernelCall

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView, Tensor
    from tinyml.kernels.base import Options

# The call, still without its scratch size, or why CMSIS-NN is not taken.
Lowering = Callable[["NodeView", "Options"], Union[KernelCall, str]]

NULL = 0
_LARGEST = (1 << 15) - 1  # some kernels keep sizes in 16 bits


def dims(shape: tuple[int, ...]) -> Fields:
    """cmsis_nn_dims of up to four dimensions; those missing in front are 1."""
    n, height, width, channels = (1,) * (4 - len(shape)) + tuple(shape)
    return (("n", n), ("h", height), ("w", width), ("c", channels))


def tile(pair: tuple[int, int]) -> Fields:
    """cmsis_nn_tile of (height, width)."""
    return (("w", pair[1]), ("h", pair[0]))


def activation(node: NodeView) -> tuple[str, Fields]:
    """The clamp, as the field `activation` of the layer's parameters."""
    low, high = arithmetic.activation_range(node.attributes.activation, node.output)
    return ("activation", (("min", low), ("max", high)))


def quantization(multiplier: np.ndarray, shift: np.ndarray) -> Fields:
    """tinyml_cmsis_channels."""
    return (
        ("multipliers", Array("multipliers", multiplier.astype(np.int32))),
        ("shifts", Array("shifts", shift.astype(np.int32))),
    )


def constant(suffix: str, tensor: Tensor | None) -> Any:
    """A constant tensor's values, or NULL."""
    return NULL if tensor is None or tensor.data is None else Array(suffix, tensor.data)


def too_old(options: Options, source: str, fixed_in: tuple[int, ...]) -> str:
    """That this CMSIS-NN still has an error that a later revision of a file corrected, or ""."""
    assert options.cmsis_nn is not None
    revision = options.cmsis_nn.revision(source)
    if revision >= fixed_in:
        return ""
    said, wanted = (".".join(map(str, numbers)) for numbers in (revision, fixed_in))
    return f"its {source} is revision {said}, corrected in {wanted}"


def too_large(node: NodeView) -> str:
    """What of a node's shapes does not fit 16 bits, or ""."""
    shapes = [tensor.shape for tensor in (*filter(None, node.inputs), *node.outputs)]
    largest = max((size for shape in shapes for size in shape), default=0)
    return f"a dimension of {largest}" if largest > _LARGEST else ""
