"""BATCH_MATMUL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tinyml.kernels.cmsis_nn.structs import dims, too_large
from tinyml.ops import arithmetic, batch_matmul
from tinyml.ops.base import Fields, KernelCall

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView
    from tinyml.kernels.base import Options

_MOST_DIMENSIONS = 4


def lower(node: NodeView, options: Options) -> KernelCall | str:
    """BATCH_MATMUL."""
    left, right = node.input(0).shape, node.input(1).shape
    fault = too_large(node)
    if not fault and max(len(left), len(right)) > _MOST_DIMENSIONS:
        fault = "more than 4 dimensions"
    if not fault and not _batches_alike(left, right):
        fault = "batches that broadcast"
    if fault:
        return fault
    multiplier, shift = batch_matmul.rescale(node)
    sides = node.attributes
    return KernelCall(
        kernel="tinyml_cmsis_batch_matmul_s8",
        params=(
            ("layer", _layer(node)),
            ("to", (("multiplier", multiplier), ("shift", shift))),
            ("left", dims(_turned(left) if sides.left else left)),
            ("right", dims(right if sides.right else _turned(right))),
            ("output", dims(node.output.shape)),
            ("turn_left", sides.left),
            ("turn_right", not sides.right),
        ),
        inputs=(0, 1),
        has_scratch=True,
    )


def _layer(node: NodeView) -> Fields:
    """cmsis_nn_bmm_params; the sides' flags are not used."""
    low, high = arithmetic.LIMITS["int8"]
    layer = (
        ("input_offset", -node.input(0).q.zero_point),
        ("filter_offset", -node.input(1).q.zero_point),
        ("output_offset", node.output.q.zero_point),
        ("activation", (("min", low), ("max", high))),
    )
    return (("adj_x", 0), ("adj_y", 0), ("fc_params", layer))


def _turned(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (*shape[:-2], shape[-1], shape[-2])


def _batches_alike(left: tuple[int, ...], right: tuple[int, ...]) -> bool:
    """True when no batch is used again and again."""
    rank = max(len(left), len(right)) - 2
    first, second = ((1,) * (rank + 2 - len(shape)) + shape[:-2] for shape in (left, right))
    return first == second
