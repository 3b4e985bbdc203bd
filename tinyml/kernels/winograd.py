"""3x3 convolutions at stride 1 by Winograd's F(2x2, 3x3), exactly; see cmsis_glue/tinyml_winograd_s8.h.

int16 holds the transformed input, at most 4 * 128, and the transformed weights, at most 9 * 128, whatever
the layer. Sums are modulo 2^32, of which nothing is lost as long as four times the accumulator fits: that is
proven channel by channel with its requantization.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Union

import numpy as np

from tinyml.kernels import ranges, requantize
from tinyml.kernels.base import Candidate, Specialisation
from tinyml.kernels.requantize import Channels, Exact, Step
from tinyml.ops import arithmetic, schedules
from tinyml.ops.base import Array, KernelCall
from tinyml.ops.conv_2d import window_fields, window_of

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView
    from tinyml.targets import Core

_BITS = 2  # sums come four times
_SHIFT = 4  # the final shift of a proven channel
_EXACT = 1 << 31  # marks a pair that takes TFLM's own arithmetic

# G, doubled. The last row, or column, is negated: outputs then only add it.
_TRANSFORM = np.array([[2, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, -2]])
# The passes in order: elements (row, column) of the transformed tile. Outputs are done after some.
_PASSES = (
    *((0, 1), (3, 1), (1, 1), (2, 1), (0, 2), (3, 2), (1, 2), (2, 2)),
    *((2, 0), (1, 0), (0, 0), (3, 0), (2, 3), (1, 3), (0, 3), (3, 3)),
)
_STARTS_BEFORE = 2
_OUTPUTS_AFTER = (10, 11, 14, 15)

# The kernel's blocks: eight columns of two rows; input channels in parts of 16 pairs.
_BLOCK = (2, 8)
_PART_PAIRS = 16
_ROW_BYTES = 256  # of a pair of channels in a block
_KEPT_BYTES = 172

Constants = Union[Step, Exact]


@dataclass(frozen=True, eq=False)
class _Packed:
    """A layer's stream, of `pairs` of channels; `proven` ones are requantized in one multiplication."""

    stream: np.ndarray
    pairs: int
    proven: int


class Winograd(Specialisation):
    """3x3, stride 1, one group, int8; input channels by four, output channels by two; DSP instructions."""

    name = "Winograd"
    operators = ("CONV_2D",)

    def candidates(self, node: NodeView, core: Core) -> list[Candidate]:
        """One, where the shape fits and every channel's requantization was proven."""
        if "dsp" not in core.extensions or node.output.dtype != "int8" or not _fits(node):
            return []
        packed = _packed(node)
        if packed is None:
            return []
        window = window_of(node)
        call = KernelCall(
            kernel="tinyml_winograd_s8",
            params=(
                ("window", window_fields(node, window)),
                ("stream", Array("stream", packed.stream)),
            ),
            inputs=(0,),
            scratch_bytes=_scratch_bytes(node),
            has_scratch=True,
            overlaps=(schedules.by_blocks(node, window, _BLOCK),),
        )
        return [Candidate(self.name, (call,), _instructions(node, packed), _why(packed))]


def _fits(node: NodeView) -> bool:
    window, weights = window_of(node), node.input(1).shape
    unit = window.size == (3, 3) and window.stride == (1, 1) and window.dilation == (1, 1)
    one_group = weights[3] == node.input(0).shape[-1]
    return unit and one_group and weights[3] % 4 == 0 and weights[0] % 2 == 0


def transformed(weights: np.ndarray) -> np.ndarray:
    """The transformed weights of every pass, times four, in two columns' outer rows times two.

    Args:
        weights: (output channels, 3, 3, input channels).

    Returns:
        int64 (output channels, passes, input channels), at most 9 * 128 in size.
    """
    full = np.einsum("ax,oxyi,by->oabi", _TRANSFORM, weights.astype(np.int64), _TRANSFORM)
    full[:, 0::3, 1:3] //= 2  # exact; these are added to both inner rows, so they count twice
    rows, columns = np.transpose(_PASSES)
    passes: np.ndarray = full[:, rows, columns]
    return passes


def _packed(node: NodeView) -> _Packed | None:
    channels = ranges.channel_sums(node)
    count = node.output.shape[-1]
    found = [_pair(channels, first) for first in range(0, count, 2)]
    pairs = [pair for pair in found if pair is not None]
    if len(pairs) < len(found):
        return None
    weights = node.input(1).data
    assert weights is not None
    words = _words(transformed(weights))
    bias = ranges.folded_bias(node).reshape(-1, 2) << _BITS
    parts = [
        part for index, pair in enumerate(pairs) for part in pair.stream(words[index], bias[index])
    ]
    stream = arithmetic.wrap_int32(np.concatenate(parts)).astype(np.int32)
    return _Packed(stream, len(pairs), sum(pair.how == 0 for pair in pairs))


def _words(weights: np.ndarray) -> np.ndarray:
    """The passes' words for each pair of output channels: int64 (pairs, passes, words)."""
    channels, passes, depth = weights.shape
    shape = (channels // 2, 2, passes, depth // 4, 2, 2)  # ..., four channels as [half][odd]
    ordered = weights.reshape(shape).transpose(0, 2, 3, 5, 1, 4)
    halves = np.ascontiguousarray(ordered, "<i2")
    return halves.view("<i4").reshape(channels // 2, passes, depth).astype(np.int64)


@dataclass(frozen=True)
class _Pair:
    """How two channels are requantized."""

    how: int
    constants: tuple[Constants, Constants]

    def stream(self, words: np.ndarray, bias: np.ndarray) -> list[np.ndarray]:
        """All that the kernel reads for the pair, in order."""
        starts = [b + getattr(c, "delta", 0) for b, c in zip(bias, self.constants)]
        ends = np.concatenate([self._ends(c) for c in self.constants])
        found = [np.array([self.how])]
        for index, word in enumerate(words):
            found += [np.array(starts)] if index == _STARTS_BEFORE else []
            found += [word]
            found += [ends] if index in _OUTPUTS_AFTER else []
        return found

    def _ends(self, constants: Constants) -> list[int]:
        ends = [constants.multiplier, constants.offset]
        return ends if self.how == 0 else [*ends, constants.shift]


def _pair(channels: Channels, first: int) -> _Pair | None:
    """The fastest way that was proven for both channels."""
    pair = (first, first + 1)
    ways = (
        (0, lambda channel: requantize.solve(channels, channel, _BITS, _SHIFT)),
        (_EXACT, lambda channel: requantize.exact_of_four(channels, channel)),
    )
    for how, solve in ways:
        one, other = (solve(channel) for channel in pair)
        if one is not None and other is not None:
            return _Pair(how, (one, other))
    return None


def _scratch_bytes(node: NodeView) -> int:
    """Upper rows, a block's lower ones, the transformed block with its links, and what the kernel keeps."""
    depth = node.input(0).shape[-1]
    width = _blocks(node)[1] * _BLOCK[1] + 2
    rows = depth // 2 + _parts(depth)
    return 2 * (width + _BLOCK[1] + 2) * depth + rows * _ROW_BYTES + _KEPT_BYTES


def _parts(depth: int) -> int:
    return -(-depth // (2 * _PART_PAIRS))


def _blocks(node: NodeView) -> tuple[int, int]:
    height, width = node.output.shape[1:3]
    return -(-height // _BLOCK[0]), -(-width // _BLOCK[1])


def _instructions(node: NodeView, packed: _Packed) -> int:
    """The kernel's loops, counted; their calls, about."""
    images, height, width, depth = node.input(0).shape
    rows, columns = _blocks(node)
    fours, parts = depth // 4, _parts(depth)
    a_pass = 11 * (depth // 2) + 2 + 2 * (parts - 1)
    outputs = 397 * packed.pairs - 76 * packed.proven
    block = 16 * a_pass * packed.pairs + outputs + 525 * fours + 35 * parts + 255
    padded = _BLOCK[1] * columns + 2
    outside_columns = (rows + 1) * (padded - width)
    outside_rows = (2 * rows + 2 - height) * padded
    around = fours * (5 * width + 9 * outside_columns + 5 * outside_rows + 10 * rows)
    return images * (rows * columns * block + around) + 80 * parts + 800


def _why(packed: _Packed) -> str:
    return (
        "sixteen products for four outputs instead of 36, sums proven to fit by the weights, "
        f"{packed.proven} of {packed.pairs} channel pairs requantized in one multiplication, all proven"
    )


SPECIALISATION = Winograd()
