"""Rules of operators that keep a state from one inference to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tinyml.ops.base import Rule

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView


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
