"""Streams of constants for the packed kernels: channels in pairs, each with all that it needs in order.

See cmsis_glue/tinyml_packed.h for what a stream holds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tinyml.kernels import ranges, requantize
from tinyml.ops import arithmetic

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView
    from tinyml.kernels.requantize import Channels

_SHIFT = 3  # the final shift of a proven channel; nearly all that have a solution have one with it
_IN_ORDER = (0, 2, 1, 3)  # of four taps, as SXTB16 spreads them
_EXACT = -(1 << 31)  # marks the multiplier of a pair that takes TFLM's arithmetic

CARRIED, HALVES, BYTES = "carried", "halves", "bytes"


@dataclass(frozen=True)
class Packing:
    """How a kernel wants the weights.

    Attributes:
        weights: CARRIED: one word for two channels, 256 * w1 + w0 in each halfword; HALVES: a word each;
            BYTES: tap by tap a byte for each of the two channels.
        together: pairs of channels that go together: starts, words in turn, constants.
        unsigned: inputs come as x + 128.
    """

    weights: str
    together: int = 1
    unsigned: bool = False

    @property
    def second_bits(self) -> int:
        """By how much the second channel's sum is shifted left."""
        return 8 if self.weights == CARRIED else 0


@dataclass(frozen=True, eq=False)
class Stream:
    """A layer's constants.

    Attributes:
        values: int32.
        pairs: of channels; of the last some may be dummies.
        proven: how many of the pairs requantize in one multiplication.
        steps: of their channels, all compared.
    """

    values: np.ndarray
    pairs: int
    proven: int
    steps: int

    @property
    def why(self) -> str:
        """One line for the report."""
        return (
            f"no sum overflows, and {self.proven} of {self.pairs} channel pairs requantize in one "
            f"multiplication, proven at all {self.steps:,} steps"
        )


def stream(node: NodeView, weights: np.ndarray, packing: Packing) -> Stream | None:
    """The constants of a convolution or fully connected layer, or None where no proof was found.

    Args:
        node: the layer.
        weights: its own in the order of the kernel, int64 (output channels, taps).
        packing: what the kernel wants.
    """
    channels = _filled(ranges.channel_sums(node), 2 * packing.together)
    count = len(channels.low)
    filled = np.zeros((count, -(-weights.shape[1] // 4) * 4), np.int64)
    filled[: len(weights), : weights.shape[1]] = weights
    words = _words(filled[0::2], filled[1::2], packing)
    if words is None:
        return None
    bias = np.zeros(count, np.int64)
    bias[: len(weights)] = ranges.folded_bias(node)
    if packing.unsigned:
        bias -= 128 * filled.sum(axis=1)
    found = [_constants(channels, pair, packing) for pair in range(count // 2)]
    constants = [one for one in found if one is not None]
    if len(constants) < len(found):
        return None
    parts = []
    for first in range(0, count // 2, packing.together):
        group = range(first, first + packing.together)
        parts += [_starts(bias[2 * pair :][:2], constants[pair].deltas, packing) for pair in group]
        parts.append(words[first : first + packing.together].T.ravel())
        parts += [constants[pair].values for pair in group]
    values = arithmetic.wrap_int32(np.concatenate(parts)).astype(np.int32)
    steps = [len(channels.steps(channel)[0]) for channel in range(count)]
    proven = [pair for pair, one in enumerate(constants) if one.is_proven]
    compared = sum(steps[2 * pair] + steps[2 * pair + 1] for pair in proven)
    return Stream(values, count // 2, len(proven), compared)


def _filled(channels: Channels, multiple: int) -> Channels:
    """The channels, and dummies that are always zero up to a multiple."""
    missing = (0, -len(channels.low) % multiple)
    return replace(
        channels,
        multipliers=np.pad(channels.multipliers, missing),
        shifts=np.pad(channels.shifts, missing),
        low=np.pad(channels.low, missing),
        high=np.pad(channels.high, missing),
    )


def _words(first: np.ndarray, second: np.ndarray, packing: Packing) -> np.ndarray | None:
    """The weights of all pairs, int64 (pairs, words); None when they do not fit."""
    if packing.weights == HALVES:
        return np.stack([_in_words(first), _in_words(second)], axis=-1).reshape(len(first), -1)
    if packing.weights == BYTES:
        pairs = np.stack([first, second], axis=-1).reshape(len(first), -1)
        return np.ascontiguousarray(pairs, "i1").view("<i4").astype(np.int64)
    both = 256 * second + first
    low, high = arithmetic.LIMITS["int16"]
    return _in_words(both) if low <= both.min() and both.max() <= high else None


def _in_words(halves: np.ndarray) -> np.ndarray:
    """Halfwords (pairs, taps) -> words (pairs, taps / 2) in the order of the staged windows."""
    ordered = halves.reshape(len(halves), -1, 4)[..., _IN_ORDER].reshape(len(halves), -1)
    words: np.ndarray = np.ascontiguousarray(ordered, "<i2").view("<i4")
    return words.astype(np.int64)


@dataclass(frozen=True, eq=False)
class _Constants:
    """What a pair adds to its sums, and the end of its stream."""

    deltas: tuple[int, int]
    values: np.ndarray

    @property
    def is_proven(self) -> bool:
        return bool(self.values[0] >= 0)


def _constants(channels: Channels, pair: int, packing: Packing) -> _Constants | None:
    """One multiplication each for the channels of a pair, else TFLM's arithmetic, else None."""
    first, second, bits = 2 * pair, 2 * pair + 1, packing.second_bits
    one = requantize.solve(channels, first, 0, _SHIFT)
    other = requantize.solve(channels, second, bits, _SHIFT + bits)
    if one is not None and other is not None:
        ends = [one.multiplier, one.offset, other.multiplier, other.offset]
        return _Constants((one.delta, other.delta), np.array(ends, np.int64))
    left, right = requantize.exact(channels, first, 0), requantize.exact(channels, second, bits)
    if left is None or right is None:
        return None
    ends = [left.multiplier + _EXACT, left.offset, left.shift]
    ends += [right.multiplier, right.offset, right.shift]
    return _Constants((0, 0), np.array(ends, np.int64))


def _starts(bias: np.ndarray, deltas: tuple[int, int], packing: Packing) -> np.ndarray:
    """What the two sums of a pair start from."""
    first = bias[0] + deltas[0]
    second = (bias[1] << packing.second_bits) + deltas[1]
    return np.array([first, second + first if packing.weights == CARRIED else second])
