"""VAR_HANDLE: names a resource variable. The reader makes it a state tensor, so nothing is left to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml.ops.base import Calls, Operator

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView


@dataclass(frozen=True)
class Attributes:
    """What a variable is known by; handles of the same mean the same."""

    container: str | None
    name: str


class VarHandle(Operator):
    """A handle; see graph/variables.py."""

    name = "VAR_HANDLE"
    summary = "names a resource variable, which has its place beside the arena"

    def parse(self, options: Any) -> Attributes:
        from tflite.VarHandleOptions import VarHandleOptions

        stored = VarHandleOptions()
        stored.Init(options.Bytes, options.Pos)
        container, name = stored.Container(), stored.SharedName()
        return Attributes(
            None if container is None else container.decode("utf-8", "replace"),
            (name or b"").decode("utf-8", "replace"),
        )

    def output_shapes(self, node: NodeView) -> tuple[tuple[int, ...], ...]:
        return tuple(tensor.shape for tensor in node.outputs)

    def reference(self, node: NodeView, inputs: list[np.ndarray]) -> list[np.ndarray]:
        return []

    def lower(self, node: NodeView) -> Calls:
        return ()


OPERATOR = VarHandle()
