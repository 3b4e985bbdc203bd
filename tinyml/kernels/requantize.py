"""Requantization in one multiplication: found and proven at export, channel by channel.

TFLM requantizes a sum by gemmlowp's double rounding, a monotone step function of the sum that has at most
255 steps. The same function is

    output = saturate8((((sum << bits) + delta) * multiplier + offset * 2^32 + 2^31) >> 32 >> shift)

which is SMMLAR, ASR and SSAT on cores with the DSP extension, when `multiplier`, `offset` and `delta` put
every step at the same sum. All steps in reach are compared, so that a solution is a proof, not a sample.

Where there is no solution (outputs of both signs round halves away from zero), TFLM's arithmetic itself is

    output = saturate8(((2 * sum * multiplier + 2^31 >> 32) + offset - (sum < 0)) >> shift)

which needs two instructions more, and only that nothing overflows.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tinyml.ops import arithmetic

_WORD = 1 << 32
_HALF = 1 << 31
_LEVELS = np.arange(-127, 128, dtype=np.int64)[:, np.newaxis]


@dataclass(frozen=True)
class Step:
    """The constants of one channel; all fit int32, and no intermediate leaves int32 in the range asked for.

    `delta` is to be added to the sum after it was shifted left by `bits`, so it goes into the bias.
    """

    multiplier: int
    offset: int
    delta: int
    shift: int
    bits: int

    def output(self, sums: np.ndarray) -> np.ndarray:
        """What the kernel computes: int64 sums -> int64 in [-128, 127]."""
        high = ((sums << self.bits) + self.delta) * self.multiplier + self.offset * _WORD + _HALF
        return np.clip((high >> 32) >> self.shift, -128, 127)


@dataclass(frozen=True)
class Exact:
    """TFLM's arithmetic for one channel, its output offset by the zero point; all constants fit int32.

    The kernel's sum is shifted left by `bits`.
    """

    multiplier: int
    offset: int
    shift: int
    bits: int = 1

    def output(self, sums: np.ndarray) -> np.ndarray:
        """What the kernel computes: int64 sums -> int64 in [-128, 127]."""
        high = ((sums << self.bits) * self.multiplier + _HALF) >> 32
        return np.clip((high + self.offset - (sums < 0)) >> self.shift, -128, 127)


@dataclass(frozen=True, eq=False)
class Channels:
    """The requantization of a layer's channels as TFLM does it, for the sums that can occur.

    Attributes:
        multipliers, shifts: int64 (channels,); see `arithmetic.quantize_multiplier`.
        zero_point: of the output.
        low, high: int64 (channels,), the least and greatest sum, with its bias.
        least, most: the clamp of the activation.
    """

    multipliers: np.ndarray
    shifts: np.ndarray
    zero_point: int
    low: np.ndarray
    high: np.ndarray
    least: int = -128
    most: int = 127

    def output(self, sums: np.ndarray) -> np.ndarray:
        """int64 sums (..., channels) -> int64 in [least, most]."""
        scaled = arithmetic.requantize(sums, self.multipliers, self.shifts)
        return np.clip(scaled + self.zero_point, self.least, self.most)

    @cached_property
    def _first(self) -> np.ndarray:
        """The first sum that reaches each of _LEVELS, int64 (255, channels); high + 1 when none does."""
        below = np.broadcast_to(self.low - 1, (len(_LEVELS), len(self.low))).copy()
        reached = np.broadcast_to(self.high + 1, below.shape).copy()
        while (reached - below).max() > 1:
            middle = (below + reached) >> 1
            enough = self.output(middle) >= _LEVELS
            reached = np.where(enough, middle, reached)
            below = np.where(enough, below, middle)
        return reached

    def steps(self, channel: int) -> tuple[np.ndarray, np.ndarray]:
        """The outputs of a channel above its least, and the first sum that reaches each; int64."""
        first = self._first[:, channel]
        inside = (first > self.low[channel]) & (first <= self.high[channel])
        return _LEVELS[inside, 0], first[inside]


def solve(channels: Channels, channel: int, bits: int, shift: int) -> Step | None:
    """The constants for one channel, or None when there are none (or none was found).

    Args:
        channels: the layer's.
        channel: which of them; one with a left shift is never solved.
        bits: by how much the kernel's sum is shifted left: 8 for the upper of two packed channels, 2 for
            Winograd's factor of 4.
        shift: the kernel's final shift, 0 to 31; more gives finer offsets but needs a smaller scale.
    """
    low, high = int(channels.low[channel]), int(channels.high[channel])
    if channels.shifts[channel] > 0 or max(-low, high) << bits >= _HALF:
        return None
    levels, first = channels.steps(channel)
    if not len(levels):
        level = int(channels.output(channels.low)[channel])
        return _checked(Step(0, level << shift, 0, shift, bits), channels, channel)
    exponent = int(channels.shifts[channel]) + 1 + shift - bits
    ideal = round(int(channels.multipliers[channel]) * 2.0**exponent)
    for multiplier in (ideal, ideal + 1, ideal - 1, ideal + 2, ideal - 2):
        step = _aligned(levels, first, multiplier, bits, shift)
        if step is not None and _checked(step, channels, channel) is not None:
            return step
    return None


def solve_all(channels: Channels, which: range, bits: int, shifts: range) -> list[Step] | None:
    """Constants for some channels with one final shift for all: the first of `shifts` that serves."""
    for shift in shifts:
        found: list[Step] = []
        for channel in which:
            step = solve(channels, channel, bits, shift)
            if step is None:
                break
            found.append(step)
        if len(found) == len(which):
            return found
    return None


def exact(channels: Channels, channel: int, bits: int) -> Exact | None:
    """TFLM's arithmetic for one channel, or None where it would overflow or needs more than a right shift.

    Args:
        channels: the layer's; a clamp narrower than int8's range must be out of reach.
        channel: which of them.
        bits: by how much the kernel's sum is shifted left before; at least the sum itself is doubled.
    """
    ends = np.array([channels.low[channel], channels.high[channel]])
    multiplier, shift = int(channels.multipliers[channel]), -int(channels.shifts[channel])
    if multiplier == 0:
        shift = 1  # nothing of the sum is left: any shift will do
    if not 1 <= shift <= 30 or int(np.abs(ends).max()) << max(bits, 1) >= _HALF:
        return None
    found = Exact(multiplier, (channels.zero_point << shift) + (1 << (shift - 1)), shift)
    high = ((2 * ends * multiplier + _HALF) >> 32) + found.offset
    fits = high.min() > -_HALF and high.max() < _HALF and -_HALF <= found.offset < _HALF - 1
    # Both are monotone, and differ only where the channel's clamp is narrower.
    same = [int(channels.output(end)[channel]) for end in ends] == found.output(ends).tolist()
    return found if fits and same else None


def exact_of_four(channels: Channels, channel: int) -> Exact | None:
    """The same of four times the sum, or None where half of an odd multiplier would make a difference."""
    whole = exact(channels, channel, 2)
    if whole is None:
        return None
    levels, first = channels.steps(channel)
    ends = np.array([channels.low[channel], channels.high[channel]])
    for multiplier in (whole.multiplier >> 1, (whole.multiplier + 1) >> 1):
        found = Exact(multiplier, whole.offset, whole.shift, bits=2)
        right = (found.output(first) >= levels).all() and (found.output(first - 1) < levels).all()
        if right and (found.output(ends) == whole.output(ends)).all():
            return found
    return None


def _aligned(
    levels: np.ndarray, first: np.ndarray, multiplier: int, bits: int, shift: int
) -> Step | None:
    """The constants that put every step where it belongs: the constant term must lie in a window."""
    if not 0 < multiplier < _HALF:
        return None
    targets = levels << (32 + shift)  # below 2^62, as are the products: sums << bits fit int32
    least = int((targets - (first << bits) * multiplier).max())
    most = int((targets - ((first - 1) << bits) * multiplier).min()) - 1
    if least > most:
        return None
    # constant = offset * 2^32 + 2^31 + delta * multiplier: delta brings it into the window modulo 2^32.
    window = min(most - least, _WORD - 1)
    start = (least - _HALF) % _WORD
    up = _first_in_window(multiplier, start, window)
    down = _first_in_window(_WORD - multiplier, start, window)
    deltas = [*([] if up is None else [up]), *([] if down is None else [-down])]
    if not deltas:
        return None
    delta = min(deltas, key=abs)
    offset = -((delta * multiplier + _HALF - least) // _WORD)
    return Step(multiplier, offset, delta, shift, bits)


def _checked(step: Step, channels: Channels, channel: int) -> Step | None:
    """The step, when it is right at every threshold and nothing leaves int32; else None."""
    ends = [int(channels.low[channel]), int(channels.high[channel])]
    shifted = [(end << step.bits) + step.delta for end in ends]
    sums = [((s * step.multiplier + _HALF) >> 32) + step.offset for s in shifted]
    if not all(-_HALF <= word < _HALF for word in (step.offset, *shifted, *sums)):
        return None
    levels, first = channels.steps(channel)
    if not len(levels):
        return step
    # Monotone, as TFLM's function is: right on both sides of every step is right everywhere.
    right = (step.output(first) >= levels).all() and (step.output(first - 1) < levels).all()
    same = step.output(np.array(ends)) == [levels[0] - 1, levels[-1]]
    return step if right and same.all() else None


def _first_in_window(factor: int, start: int, width: int) -> int | None:
    """The least n >= 0 with (n * factor - start) mod 2^32 <= width, or None; by Euclid's algorithm."""
    if start == 0 or start + width >= _WORD:
        return 0
    return _least(factor, _WORD, start, start + width)


def _least(a: int, m: int, low: int, high: int) -> int | None:
    """The least n >= 0 with low <= a * n mod m <= high, for 0 <= low <= high < m."""
    if low == 0:
        return 0
    a %= m
    if a == 0:
        return None
    if 2 * a > m:
        return _least(m - a, m, m - high, m - low)
    n = -(-low // a)
    if n * a <= high:
        return n
    # No multiple of a in the window before the first wrap: solve for the number of wraps.
    wraps = _least(a - m % a if m % a else 0, a, low % a, high % a)
    return None if wraps is None else -(-(low + wraps * m) // a)
