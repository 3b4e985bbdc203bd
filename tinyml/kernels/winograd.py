"""3x3 convolutions at stride 1 by Winograd's F(2x2, 3x3), exactly; see cmsis_glue/tinyml_winograd_s8.h.

int16 holds the transformed input, at most 4 * 128, and the transformed weights, at most 9 * 128, whatever
the layer. Sums are modulo 2^32, of which nothing is lost as long as four times the accumulator fits: that is
proven channel by channel with its requantization.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
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

# G, doubled. The transformed input's last row and column are negated: outputs then only add them.
_TRANSFORM = np.array([[2, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 2]])
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
_SPREAD_WORDS = 27  # besides the passes
_HELD = (1, 2, 4)  # blocks whose weights may be transformed together

Constants = Union[Step, Exact]


@dataclass(frozen=True, eq=False)
class _Layer:
    """A layer's pairs of output channels, and where the kernel transforms their weights.

    Attributes:
        node: the layer.
        pairs: how each is requantized.
        held: blocks whose weights are transformed together; 0 when all weights were transformed at export.
    """

    node: NodeView
    pairs: tuple[_Pair, ...]
    held: int = 0

    @property
    def weights(self) -> np.ndarray:
        """int8 (output channels, 3, 3, input channels)."""
        weights = self.node.input(1).data
        assert weights is not None
        return weights

    @property
    def depth(self) -> int:
        """Input channels."""
        return self.weights.shape[3]

    @property
    def parts(self) -> int:
        """Of the input channels."""
        return -(-self.depth // (2 * _PART_PAIRS))

    @property
    def blocks(self) -> tuple[int, int]:
        """Rows and columns of them."""
        height, width = self.node.output.shape[1:3]
        return -(-height // _BLOCK[0]), -(-width // _BLOCK[1])

    @property
    def padded(self) -> int:
        """Columns that a row of blocks sees."""
        return self.blocks[1] * _BLOCK[1] + 2

    @property
    def proven(self) -> int:
        """Pairs that are requantized in one multiplication."""
        return sum(pair.how == 0 for pair in self.pairs)


class Winograd(Specialisation):
    """3x3, stride 1, one group, int8; input channels by four, output channels by two; DSP instructions."""

    name = "Winograd"
    operators = ("CONV_2D",)

    def candidates(self, node: NodeView, core: Core) -> list[Candidate]:
        """One, where the shape fits and every channel's requantization was proven."""
        if "dsp" not in core.extensions or node.output.dtype != "int8" or not _fits(node):
            return []
        pairs = _pairs(node)
        if pairs is None:
            return []
        whole = _Layer(node, pairs)
        blocks = whole.blocks[0] * whole.blocks[1]
        found = [whole, *(replace(whole, held=held) for held in _HELD if held <= blocks)]
        return [_candidate(layer) for layer in found]


def _candidate(layer: _Layer) -> Candidate:
    node, window, here = layer.node, window_of(layer.node), layer.held > 0
    passes = None if here else _words(transformed(layer.weights))
    held = max(layer.held, 1)
    call = KernelCall(
        kernel="tinyml_winograd_s8",
        params=(
            ("window", window_fields(node, window)),
            ("stream", Array("stream", _stream(layer, passes))),
            ("weights", Array("weights", _taps(layer.weights)) if here else 0),
            ("held", held),
        ),
        inputs=(0,),
        scratch_bytes=_scratch_bytes(layer),
        has_scratch=True,
        overlaps=(schedules.by_blocks(node, window, _BLOCK, held),),
    )
    name = f"Winograd, {held} at a time" if here else "Winograd"
    return Candidate(name, (call,), _instructions(layer), _why(layer))


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


def _stream(layer: _Layer, passes: np.ndarray | None) -> np.ndarray:
    """The kernel's stream, without the passes where there are none."""
    bias = ranges.folded_bias(layer.node).reshape(-1, 2) << _BITS
    parts: list[np.ndarray] = []
    for index, pair in enumerate(layer.pairs):
        parts += pair.stream(None if passes is None else passes[index], bias[index])
    return arithmetic.wrap_int32(np.concatenate(parts)).astype(np.int32)


def _taps(weights: np.ndarray) -> np.ndarray:
    """The weights as the kernel transforms them, int32 words of four."""
    channels, depth = weights.shape[0], weights.shape[3]
    shape = (channels // 2, 2, 3, 3, depth // 4, 4)
    ordered = weights.reshape(shape).transpose(0, 4, 1, 3, 2, 5)
    return np.ascontiguousarray(ordered, np.int8).view("<i4").ravel()


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

    def stream(self, passes: np.ndarray | None, bias: np.ndarray) -> list[np.ndarray]:
        """All that the kernel reads for the pair, in order."""
        how = np.array([self.how])
        starts = np.array([b + getattr(c, "delta", 0) for b, c in zip(bias, self.constants)])
        ends = np.concatenate([self._ends(c) for c in self.constants])
        if passes is None:
            return [how, starts, ends]
        found = [how]
        for index, words in enumerate(passes):
            found += [starts] if index == _STARTS_BEFORE else []
            found += [words]
            found += [ends] if index in _OUTPUTS_AFTER else []
        return found

    def _ends(self, constants: Constants) -> list[int]:
        ends = [constants.multiplier, constants.offset]
        return ends if self.how == 0 else [*ends, constants.shift]


def _pairs(node: NodeView) -> tuple[_Pair, ...] | None:
    """How every pair of output channels is requantized, or None where one was not proven."""
    channels = ranges.channel_sums(node)
    found = [_pair(channels, first) for first in range(0, node.output.shape[-1], 2)]
    pairs = tuple(pair for pair in found if pair is not None)
    return pairs if len(pairs) == len(found) else None


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


def _scratch_bytes(layer: _Layer) -> int:
    """Upper rows, a block's lower ones, weights transformed here, blocks with links and what is kept."""
    upper, lower = 2 * layer.padded * layer.depth, 2 * (_BLOCK[1] + 2) * layer.depth
    spread = 4 * (len(_PASSES) * layer.depth + _SPREAD_WORDS)
    if layer.held:
        lower = spread + (0 if layer.held % layer.blocks[1] == 0 else lower)
    block = (layer.depth // 2 + layer.parts) * _ROW_BYTES + _KEPT_BYTES
    return upper + lower + max(layer.held, 1) * block


def _instructions(layer: _Layer) -> int:
    """The kernel's loops, counted; their calls, about."""
    images, height, width, _ = layer.node.input(0).shape
    rows, columns = layer.blocks
    fours, pairs = layer.depth // 4, len(layer.pairs)
    a_pass = 22 * fours + 2 + 2 * (layer.parts - 1)
    outputs = 16 * a_pass * pairs + 397 * pairs - 76 * layer.proven
    block = outputs + 525 * fours + 35 * layer.parts + 270
    outside_columns = (rows + 1) * (layer.padded - width)
    outside_rows = (2 * rows + 2 - height) * layer.padded
    around = fours * (5 * width + 9 * outside_columns + 5 * outside_rows + 10 * rows)
    spread = 0
    if layer.held:
        groups = -(-rows * columns // layer.held)
        spread = pairs * (groups * (2 * 190 * fours + 150) + rows * columns * 150)
    once = 600 * max(layer.held, 1)
    return images * (rows * columns * block + around + spread) + 80 * layer.parts + once


def _why(layer: _Layer) -> str:
    return (
        "sixteen products for four outputs instead of 36, sums proven to fit by the weights, "
        f"{layer.proven} of {len(layer.pairs)} channel pairs requantized in one multiplication, all proven"
    )


SPECIALISATION = Winograd()
