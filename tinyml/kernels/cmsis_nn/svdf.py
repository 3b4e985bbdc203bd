"""SVDF."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tinyml.kernels.cmsis_nn.structs import NULL, constant, dims, too_large
from tinyml.ops import arithmetic, svdf
from tinyml.ops.base import Array, Fields, KernelCall

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView
    from tinyml.kernels.base import Options


def lower(node: NodeView, options: Options) -> KernelCall | str:
    """SVDF."""
    state = node.input(svdf.STATE)
    if state.q.zero_point:
        return f"a state with zero point {state.q.zero_point}"
    fault = too_large(node)
    if fault:
        return fault
    narrow = state.dtype == "int8"
    to_state, to_output = map(arithmetic.quantize_multiplier, svdf.scales(node))
    helium = "mve" in options.core.extensions
    sums = (("sums", _sums(node) if helium else NULL),) if narrow else ()
    return KernelCall(
        kernel=f"tinyml_cmsis_svdf_state_{'s8' if narrow else 's16'}",
        params=(
            ("layer", _layer(node)),
            ("to_state", _requantization(to_state)),
            ("to_output", _requantization(to_output)),
            *_sizes(node),
            ("feature_weights", constant("feature_weights", node.input(svdf.FEATURES))),
            ("time_weights", constant("time_weights", node.input(svdf.TIME))),
            ("bias", constant("bias", node.input(svdf.BIAS))),
            *sums,
        ),
        inputs=(svdf.INPUT, svdf.STATE),
        has_scratch=True,
    )


def _layer(node: NodeView) -> Fields:
    """cmsis_nn_svdf_params, which takes zero points as they are."""
    least, most = arithmetic.LIMITS[node.input(svdf.STATE).dtype]
    return (
        ("rank", node.attributes.rank),
        ("input_offset", node.input(svdf.INPUT).q.zero_point),
        ("output_offset", node.output.q.zero_point),
        ("input_activation", (("min", least), ("max", most))),
        ("output_activation", (("min", -128), ("max", 127))),
    )


def _requantization(pair: tuple[int, int]) -> Fields:
    return (("multiplier", pair[0]), ("shift", pair[1]))


def _sizes(node: NodeView) -> Fields:
    tensors = {
        "input": node.input(svdf.INPUT),
        "state": node.input(svdf.STATE),
        "features": node.input(svdf.FEATURES),
        "times": node.input(svdf.TIME),
        "bias_size": node.input(svdf.BIAS),
        "output": node.output,
    }
    return tuple((name, dims((*t.shape, 1, 1, 1)[:4])) for name, t in tensors.items())


def _sums(node: NodeView) -> Array:
    """What arm_vector_sum_s8 computes at run time: the input's zero point times the weights."""
    weights = node.input(svdf.FEATURES).data
    assert weights is not None
    sums = -node.input(svdf.INPUT).q.zero_point * weights.astype(np.int64).sum(axis=1)
    return Array("sums", arithmetic.wrap_int32(sums).astype(np.int32))
