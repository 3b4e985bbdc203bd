"""CALL_ONCE: sets resource variables before the first inference; here at export, and again by a reset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml.ops.base import Calls, Operator

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView


@dataclass(frozen=True)
class Attributes:
    """The subgraph to run, and what keeps that from being done at export ("" when nothing does).

    Attributes:
        beyond: a node of the subgraph that does more than assign a constant to a variable.
        preceded_by: a node before this one that already uses a variable.
    """

    subgraph: int
    beyond: str = ""
    preceded_by: str = ""


def assigns_constants(node: NodeView) -> str:
    """Its subgraph only assigns constants to variables. Remedy: initialise variables with constants."""
    return str(node.attributes.beyond)


def comes_first(node: NodeView) -> str:
    """It comes before every read and assignment of a variable. Remedy: convert the model with TensorFlow 2's
    converter, which puts it first.
    """
    return str(node.attributes.preceded_by)


class CallOnce(Operator):
    """Its subgraph's values are the states' initial ones; see graph/variables.py."""

    name = "CALL_ONCE"
    summary = "initial values of resource variables, which a reset puts back"
    rules = (assigns_constants, comes_first)

    def parse(self, options: Any) -> Attributes:
        from tflite.CallOnceOptions import CallOnceOptions

        stored = CallOnceOptions()
        stored.Init(options.Bytes, options.Pos)
        return Attributes(stored.InitSubgraphIndex())

    def output_shapes(self, node: NodeView) -> tuple[tuple[int, ...], ...]:
        return ()

    def reference(self, node: NodeView, inputs: list[np.ndarray]) -> list[np.ndarray]:
        return []

    def lower(self, node: NodeView) -> Calls:
        return ()


OPERATOR = CallOnce()
