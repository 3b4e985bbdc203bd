"""FULLY_CONNECTED four channels at a time over one staged input vector, for cores with DSP instructions.

A convolution of one output pixel that sees the whole image is the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tinyml.kernels import packing, ranges
from tinyml.kernels.base import Candidate, Specialisation
from tinyml.kernels.packing import Packing, Stream
from tinyml.ops import schedules
from tinyml.ops.base import Array, KernelCall

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView
    from tinyml.targets import Core

_PACKING = Packing(packing.CARRIED, together=2)
# Instructions, counted: four taps of four channels, a turn of the loop over 16 taps, four outputs, a pair
# that takes TFLM's arithmetic besides, four taps staged, a row, and the rest of its channels.
_FOUR_TAPS, _TURN, _OUTPUTS, _EXACT, _STAGED, _ROW, _REST = 14, 2, 29, 9, 8, 80, 45


class PackedFullyConnected(Specialisation):
    """int8, on a core with DSP instructions; every pair of channels proven or exact."""

    name = "packed matrix"
    operators = ("FULLY_CONNECTED", "CONV_2D")

    def candidates(self, node: NodeView, core: Core) -> list[Candidate]:
        """One where the weights allow it."""
        if "dsp" not in core.extensions or node.output.dtype != "int8":
            return []
        if node.node.operator == "CONV_2D" and not _is_one_vector(node):
            return []
        stream = packing.stream(node, ranges.channel_weights(node), _PACKING)
        return [] if stream is None else [_candidate(node, stream)]


def _is_one_vector(node: NodeView) -> bool:
    """Every tap of a convolution's only window is an element of the image, and in its order."""
    whole = node.input(1).shape[1:] == node.input(0).shape[1:] and node.output.shape[1:3] == (1, 1)
    return whole and node.attributes.dilation == (1, 1)


def _candidate(node: NodeView, stream: Stream) -> Candidate:
    channels = node.output.shape[-1]
    width = node.input(1).elements // channels
    rows = node.input(0).elements // width
    call = KernelCall(
        kernel="tinyml_fully_connected_packed_s8",
        params=(
            ("rows", rows),
            ("input_channels", width),
            ("output_channels", channels),
            ("stream", Array("stream", stream.values)),
        ),
        inputs=(0,),
        scratch_bytes=2 * _fours(width) * 4,
        has_scratch=True,
        overlaps=(schedules.by_vectors(node, rows),),
    )
    passes = (
        stream.pairs // 2 * (_FOUR_TAPS * _fours(width) + _TURN * -(-_fours(width) // 4) + _OUTPUTS)
    )
    exact = _EXACT * (stream.pairs - stream.proven)
    row = _STAGED * _fours(width) + _ROW + (_REST if channels % 4 else 0)
    instructions = rows * (passes + exact + row)
    return Candidate("packed matrix", (call,), instructions, stream.why)


def _fours(width: int) -> int:
    return -(-width // 4)


SPECIALISATION = PackedFullyConnected()
