"""Borders that convolutions can pad themselves."""

from __future__ import annotations

from dataclasses import replace

from tinyml.graph.ir import Graph, Node, NodeView
from tinyml.ops import conv_2d, pad
from tinyml.ops.windows import Axis, Pads, Window

_PADS = ("PAD", "PADV2")
_CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")


def fold_pad(graph: Graph) -> Graph:
    """The graph without borders of the zero point around images that only convolutions read.

    A pool cannot take them: it leaves its padding out.
    """
    # The last first: of two borders around each other the outer one goes before the inner.
    for index in reversed(range(len(graph.nodes))):
        if graph.nodes[index].operator in _PADS:
            graph = _without(graph, graph.view(index))
    return graph


def _without(graph: Graph, border: NodeView) -> Graph:
    """The graph without one border, or the same when something needs it."""
    padded = border.node.outputs[0]
    readers = graph.readers(padded)
    if padded in graph.outputs or not readers or not _is_padding(border):
        return graph
    if not all(reader.node.operator in _CONVOLUTIONS for reader in readers):
        return graph
    windows = {reader.index: _window(border, reader) for reader in readers}
    if not all(map(_sees_inside, windows.values())):
        return graph
    nodes = [
        _padding_itself(node, border.node.inputs[0], windows[index]) if index in windows else node
        for index, node in enumerate(graph.nodes)
    ]
    del nodes[border.index]
    return graph.with_nodes(tuple(nodes))


def _is_padding(border: NodeView) -> bool:
    """True for a border of the zero point, which is what a convolution's padding reads as, around images."""
    sizes, output = pad.widths(border), border.output
    around_images = len(sizes) == 4 and not any(sizes[0]) and not any(sizes[3])
    if not around_images or output.quantization is None or output.q.per_channel:
        return False
    return int(pad.border(border)[0]) == output.q.zero_point


def _window(border: NodeView, reader: NodeView) -> Window:
    """A reader's window, over what is inside the border."""
    window, image = conv_2d.window_of(reader), border.input(0).shape
    _, vertical, horizontal, _ = pad.widths(border)
    return replace(
        window,
        rows=_inside(window.rows, image[1], vertical),
        columns=_inside(window.columns, image[2], horizontal),
    )


def _inside(axis: Axis, size: int, around: Pads) -> Axis:
    return Axis(size, axis.output, around[0] + axis.before)


def _sees_inside(window: Window) -> bool:
    """True when padding is narrower than the window, as it is with SAME; kernels may rely on that."""
    return all(max(pads) < reach for pads, reach in zip(window.pads, window.reach))


def _padding_itself(node: Node, source: int, window: Window) -> Node:
    """A convolution that reads `source` with the padding of its window."""
    return replace(
        node,
        inputs=(source, *node.inputs[1:]),
        attributes=replace(node.attributes, padding=window.pads),
    )
