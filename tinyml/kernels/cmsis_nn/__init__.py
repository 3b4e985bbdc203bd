"""Arm's kernels: for each operator that CMSIS-NN has, the call of the wrapper in `cmsis_glue/`, or why not.

A kernel is taken only where it gives TFLM's bytes. Where that depends on ranges, they are proven for the node
at hand; where CMSIS-NN differs from TFLM, the node gets a kernel of ours and the report says why.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tinyml import cmsis_nn, ops
from tinyml.kernels.base import CMSIS_NN, Candidate, Options
from tinyml.kernels.cmsis_nn import (
    batch_matmul,
    convolutions,
    elementwise,
    fully_connected,
    lstm,
    movement,
    pools,
    scratch,
    softmax,
    svdf,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tinyml.cmsis_nn import CmsisNN
    from tinyml.graph.ir import NodeView
    from tinyml.kernels.cmsis_nn.structs import Lowering
    from tinyml.targets import Core

_LOWERINGS: dict[str, Lowering] = {
    "ADD": elementwise.add,
    "AVERAGE_POOL_2D": pools.average,
    "BATCH_MATMUL": batch_matmul.lower,
    "CONV_2D": convolutions.plain,
    "DEPTHWISE_CONV_2D": convolutions.depthwise,
    "FULLY_CONNECTED": fully_connected.lower,
    "MAXIMUM": movement.extreme,
    "MAX_POOL_2D": pools.maximum,
    "MINIMUM": movement.extreme,
    "MUL": elementwise.mul,
    "PAD": movement.pad,
    "PADV2": movement.pad,
    "SOFTMAX": softmax.lower,
    "SVDF": svdf.lower,
    "TRANSPOSE": movement.transpose,
    "TRANSPOSE_CONV": convolutions.transposed,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": lstm.lower,
}

# Instructions a multiply-accumulate and an output element, about: counted on a Cortex-M55 with `tinyml bench`
# on the MLPerf Tiny models. SOFTMAX is slower than ours.
_WITH_HELIUM = {
    "ADD": (0.0, 14.0),
    "CONV_2D": (0.16, 30.0),
    "DEPTHWISE_CONV_2D": (0.5, 17.0),
    "FULLY_CONNECTED": (0.5, 25.0),
    "SOFTMAX": (0.0, 300.0),
}
_ELSE_WITH_HELIUM = (0.2, 12.0)


def found(library: str, core: Core, given: Path | None) -> CmsisNN | None:
    """The CMSIS-NN whose kernels may be taken, for `Options`: asked for, or the faster ones, as with Helium.

    Args:
        library: one of LIBRARIES.
        core: what the code will run on.
        given: the folder that the user named, if any.

    Raises:
        InputError: it is asked for and not there, or too old; or a named folder holds none.
    """
    if library == "cmsis-nn":
        return cmsis_nn.needed(given)
    if library != "auto" or "mve" not in core.extensions:
        return None
    there = cmsis_nn.find(given)
    return there if there is not None and there.is_supported else None


def offer(node: NodeView, options: Options) -> Candidate | str:
    """CMSIS-NN's way to compute a node that has work to do, or why there is none.

    Raises:
        InputError: there is no compiler to ask CMSIS-NN for its scratch sizes.
        CheckFailed: that compiler does not accept this CMSIS-NN.
    """
    assert options.cmsis_nn is not None
    lowering = _LOWERINGS.get(node.node.operator)
    if lowering is None:
        return "CMSIS-NN has no kernel for this operator"
    call = lowering(node, options)
    if isinstance(call, str):
        return f"CMSIS-NN not taken: {call}"
    if call.has_scratch:
        wanted = scratch.wanted(options.cmsis_nn, options.core, call.kernel, call.params)
        call = replace(call, scratch_bytes=wanted)
    return Candidate(CMSIS_NN, (call,), _instructions(node, options))


def _instructions(node: NodeView, options: Options) -> int:
    """An estimate, where it decides: with Helium. Elsewhere nothing else is offered beside it."""
    per_mac, per_element = _WITH_HELIUM.get(node.node.operator, _ELSE_WITH_HELIUM)
    macs = ops.find(node.node.operator).macs(node)
    elements = sum(tensor.elements for tensor in node.outputs)
    return round(per_mac * macs + per_element * elements)
