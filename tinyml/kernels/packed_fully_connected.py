"""FULLY_CONNECTED four channels at a time: over a staged input vector with DSP instructions, else in place.

A convolution of one output pixel that sees the whole image is the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tinyml.kernels import packing, ranges
from tinyml.kernels.base import Candidate, Specialisation
from tinyml.kernels.packing import Packing, Stream
from tinyml.ops import schedules
from tinyml.ops.base import Array, KernelCall

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView
    from tinyml.targets import Core


@dataclass(frozen=True)
class _Kernel:
    """A kernel and what it costs, in instructions.

    Attributes:
        name: as the report shows it.
        kernel: the C function.
        packing: of its weights.
        four_taps: of four channels.
        turn: of the loop over 16 taps.
        outputs: for four, each in one multiplication.
        exact: how much more TFLM's own arithmetic takes for a pair.
        staged: to stage four taps; 0 where the input is read in place.
        row: besides its channels; `rest` more where these are not a multiple of four.
    """

    name: str
    kernel: str
    packing: Packing
    four_taps: int
    turn: int
    outputs: int
    exact: int
    staged: int
    row: int
    rest: int

    def instructions(self, rows: int, width: int, channels: int, stream: Stream) -> int:
        """An estimate; the kernel's loops are counted."""
        fours = -(-width // 4)
        a_pass = self.four_taps * fours + self.turn * -(-fours // 4) + self.outputs
        exact = self.exact * (stream.pairs - stream.proven)
        row = self.staged * fours + self.row + (self.rest if channels % 4 else 0)
        return rows * (stream.pairs // 2 * a_pass + exact + row)


_DSP = _Kernel(
    "packed matrix",
    "tinyml_fully_connected_packed_s8",
    Packing(packing.CARRIED, together=2),
    four_taps=14,
    turn=2,
    outputs=29,
    exact=9,
    staged=8,
    row=80,
    rest=45,
)
_MLA = _Kernel(
    "blocked matrix",
    "tinyml_fully_connected_blocked_s8",
    Packing(packing.BYTES, together=2),
    four_taps=40,
    turn=0,
    outputs=92,
    exact=11,
    staged=0,
    row=40,
    rest=0,
)


def _kernel(core: Core) -> _Kernel | None:
    if "dsp" in core.extensions:
        return _DSP
    return _MLA if "unaligned" in core.extensions else None  # not on ARMv6-M, which has no MLA


class PackedFullyConnected(Specialisation):
    """int8, on ARMv7-M or later; every pair of channels proven or exact."""

    name = "packed matrix"
    operators = ("FULLY_CONNECTED", "CONV_2D")

    def candidates(self, node: NodeView, core: Core) -> list[Candidate]:
        """One where the weights allow it."""
        kernel = _kernel(core)
        if kernel is None or node.output.dtype != "int8":
            return []
        if node.node.operator == "CONV_2D" and not _is_one_vector(node):
            return []
        stream = packing.stream(node, ranges.channel_weights(node), kernel.packing)
        return [] if stream is None else [_candidate(node, kernel, stream)]


def _is_one_vector(node: NodeView) -> bool:
    """Every tap of a convolution's only window is an element of the image, and in its order."""
    whole = node.input(1).shape[1:] == node.input(0).shape[1:] and node.output.shape[1:3] == (1, 1)
    return whole and node.attributes.dilation == (1, 1)


def _candidate(node: NodeView, kernel: _Kernel, stream: Stream) -> Candidate:
    channels = node.output.shape[-1]
    width = node.input(1).elements // channels
    rows = node.input(0).elements // width
    call = KernelCall(
        kernel=kernel.kernel,
        params=(
            ("rows", rows),
            ("input_channels", width),
            ("output_channels", channels),
            ("stream", Array("stream", stream.values)),
        ),
        inputs=(0,),
    )
    if kernel.staged:
        call = replace(
            call,
            scratch_bytes=-(-width // 4) * 8,
            has_scratch=True,
            overlaps=(schedules.by_vectors(node, rows),),
        )
    instructions = kernel.instructions(rows, width, channels, stream)
    return Candidate(kernel.name, (call,), instructions, stream.why)


SPECIALISATION = PackedFullyConnected()
