"""Clients that answer wrongly, and the signs by which a round that they broke is told.

The signs come to the server as sums over the clients, never as one client's own figures: how many
updates were not finite, how many were computed from an older model than was sent, and how many had
which norm, relative to that of the model, in bins a quarter of an octave wide.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyml.errors import CheckFailed, InputError
from tinyml.models.runtime import tensorflow

KINDS = ("nan", "huge", "stale")
HUGE = 1000.0  # times too large
USAGE = "SHARE:nan|huge|stale"

# An update is taken for broken when it is larger than the model itself and this many times larger than
# the median of its round. Steps of SGD that learn anything are neither: honest clients of very
# different size differ in their updates, but none moves the model by more than all that it has learned.
MEDIANS = 100.0

_BINS_AN_OCTAVE = 4
_OCTAVES = 64  # from 2^-64 to 2^64 times the norm of the model
_BINS = 2 * _OCTAVES * _BINS_AN_OCTAVE
_MIXER = 0xFA  # so that no other draw of the run shares the random stream


@dataclass(frozen=True)
class Faults:
    """Which clients are faulty, in every round in which they take part, and how.

    Attributes:
        share: the part of the clients, above 0 to 1; at least one client.
        kind: "nan": each number of the update is NaN; "huge": the update is 1,000 times too large;
            "stale": it is computed from the model that the run began with, not the current one.
    """

    share: float
    kind: str

    def clients(self, clients: int, seed: int) -> frozenset[int]:
        """The numbers of the faulty ones of so many clients."""
        random = np.random.default_rng([seed, _MIXER])
        count = max(1, round(self.share * clients))
        return frozenset(random.choice(clients, count, replace=False).tolist())


def parse(text: str) -> Faults:
    """From e.g. "0.1:nan".

    Raises:
        InputError: not a share and a kind.
    """
    share, _, kind = text.partition(":")
    try:
        number = float(share)
    except ValueError:
        number = 0.0
    if not 0 < number <= 1 or kind not in KINDS:
        raise InputError("--faulty", f"'{text}' is not {USAGE}", "give e.g. 0.1:nan")
    return Faults(number, kind)


def spoil(update: list[Any], faulty: Any, kind: str) -> list[Any]:
    """The update that a client sends, inside a TFF computation.

    Args:
        update: tensors.
        faulty: bool scalar tensor.
        kind: one of `KINDS`; a stale update is so by how it was computed.
    """
    tf = tensorflow()
    factor = {"nan": float("nan"), "huge": HUGE, "stale": 1.0}[kind]
    return [tf.where(faulty, factor * part, part) for part in update]


def signs(update: list[Any], weights: Any, stale: Any) -> Any:
    """A client's part of the sums that `Signs` reads, inside a TFF computation.

    Args:
        update: tensors, as sent.
        weights: tensors, the model's trainable weights.
        stale: bool scalar tensor: the update was computed from an older model.
    """
    tf = tensorflow()
    relative = tf.linalg.global_norm(update) / tf.linalg.global_norm(list(weights))
    finite = tf.math.is_finite(relative)
    place = tf.math.log(tf.maximum(relative, 1e-30)) * (_BINS_AN_OCTAVE / np.log(2)) + _BINS / 2
    place = tf.cast(tf.clip_by_value(tf.where(finite, place, 0.0), 0, _BINS - 1), tf.int32)
    return OrderedDict(
        norms=tf.one_hot(place, _BINS, dtype=tf.int32) * tf.cast(finite, tf.int32),
        not_finite=tf.cast(~finite, tf.int32),
        stale=tf.cast(stale, tf.int32),
    )


@dataclass(frozen=True)
class Signs:
    """What a round's updates were like.

    Attributes:
        norms: int (bins,), the updates with a finite norm; see `signs`.
        not_finite: the others.
        stale: those computed from an older model.
    """

    norms: np.ndarray
    not_finite: int
    stale: int

    @property
    def huge(self) -> int:
        """How many were larger than the model and than `MEDIANS` times the median update."""
        if not self.norms.any():
            return 0
        median = np.searchsorted(np.cumsum(self.norms), (self.norms.sum() + 1) // 2)
        over_median = median + round(np.log2(MEDIANS) * _BINS_AN_OCTAVE)
        return int(self.norms[max(over_median, _BINS // 2) :].sum())

    def check(self, number: int, private: bool = False) -> None:
        """Refuse a round that faulty updates have broken.

        Args:
            number: the round's.
            private: with differential privacy, which robust aggregation does not go with.

        Raises:
            CheckFailed: it was; names the round and how.
        """
        found = {
            "hold values that are not finite": self.not_finite,
            "were computed from an older model than was sent": self.stale,
            f"are more than {MEDIANS:g} times the median and larger than the model": self.huge,
        }
        total = int(self.norms.sum()) + self.not_finite
        remedy = "leave these clients out" if private else "--robust goes on without them"
        for what, count in found.items():
            if count:
                raise CheckFailed(
                    f"round {number}: {count} of {total} clients' updates {what}; "
                    f"no model is written; {remedy}"
                )
