"""What the general kernels cost, for choosing; specialisations bring formulas of their own."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tinyml import ops

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView
    from tinyml.targets import Core

# Counted on Cortex-M0+, M3 and M4 with `tinyml bench` on the MLPerf Tiny models: instructions a multiply-
# accumulate of the operators that have many, on ARMv6-M, without and with the DSP extension.
_PER_MAC = {
    "CONV_2D": (8.0, 4.5, 2.0),
    "FULLY_CONNECTED": (7.0, 4.5, 2.0),
    "DEPTHWISE_CONV_2D": (20.0, 11.0, 11.0),
}
_PER_MAC_ELSE = (16.0, 8.0, 8.0)
_PER_POOLED = (16.0, 9.0, 9.0)  # an element that a pool or a mean covers
_PER_ELEMENT = 45  # requantization and stores
FIRMWARE_BYTES = 3000  # about: vectors, start-up, protocol, the calls and their parameters
_UNKNOWN_CODE = 800  # bytes, of a kernel that was never measured
_RECORD = Path(__file__).with_name("code_bytes.json")


def general(node: NodeView, core: Core) -> int:
    """Instructions of a node's general kernel, roughly."""
    rates = _PER_MAC.get(node.node.operator, _PER_MAC_ELSE)
    macs = ops.find(node.node.operator).macs(node)
    elements = sum(tensor.elements for tensor in node.outputs)
    level = ("unaligned" in core.extensions) + ("dsp" in core.extensions)
    work = rates[level] * macs + _PER_POOLED[level] * _pooled(node)
    return round(work + _PER_ELEMENT * elements)


def _pooled(node: NodeView) -> int:
    """Elements that pools and means add up or compare, with those of padding."""
    if node.node.operator == "MEAN":
        return node.input(0).elements
    if node.node.operator in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
        height, width = node.attributes.size
        return node.output.elements * height * width
    return 0


def code_bytes(kernel: str) -> int:
    """Code of a kernel on a Cortex-M4 at -O2, as benchmarks/code_bytes.py recorded it."""
    return _recorded().get(kernel, _UNKNOWN_CODE)


@cache
def _recorded() -> dict[str, int]:
    found: dict[str, int] = json.loads(_RECORD.read_text("utf-8"))
    return found
