"""AVERAGE_POOL_2D and MAX_POOL_2D."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tinyml.kernels.cmsis_nn.structs import activation, dims, tile, too_large
from tinyml.ops import average_pool_2d
from tinyml.ops.base import KernelCall

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView
    from tinyml.kernels.base import Options


def average(node: NodeView, options: Options) -> KernelCall | str:
    """AVERAGE_POOL_2D."""
    return too_large(node) or _call(node, "average_pool", has_scratch=True)


def maximum(node: NodeView, options: Options) -> KernelCall | str:
    """MAX_POOL_2D."""
    return too_large(node) or _call(node, "max_pool", has_scratch=False)


def _call(node: NodeView, kernel: str, has_scratch: bool) -> KernelCall:
    window = average_pool_2d.window_of(node)
    sliding = (
        ("stride", tile(window.stride)),
        ("padding", tile((window.rows.before, window.columns.before))),
        activation(node),
    )
    return KernelCall(
        kernel=f"tinyml_cmsis_{kernel}_{'s16' if node.output.dtype == 'int16' else 's8'}",
        params=(
            ("window", sliding),
            ("input", dims(node.input(0).shape)),
            ("filter", dims((*window.size, 1))),
            ("output", dims(node.output.shape)),
        ),
        inputs=(0,),
        has_scratch=has_scratch,
    )
