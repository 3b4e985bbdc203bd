"""A data set's own division, where its maker gave none: fixed, so that every run has the same.

The split is part of the data set, not of an experiment: its seed never changes.

A tenth of the samples is for validation, a fifth for the test. What belongs together is never
divided: files with equal bytes and, when every file is named CLASS_SPEAKER_NUMBER.wav or
SPEAKER_nohash_NUMBER.wav, all recordings of one speaker; else the test would ask for voices that
were learnt. Without speakers each class is divided alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np

SEED = 20180602
VALIDATION, TEST = 0.1, 0.2

_NAMES = (
    re.compile(r"(?P<speaker>[^_]+)_nohash_\d+\.wav", re.IGNORECASE),
    re.compile(r"[^_]+_(?P<speaker>[^_]+)_\d+\.wav", re.IGNORECASE),
)


def speaker(label: str, name: str) -> str | None:
    """Who speaks in a clip `name` of the class `label`; None when the name does not say."""
    for form in _NAMES:
        match = form.fullmatch(name)
        if match and (form is _NAMES[0] or name.startswith(f"{label}_")):
            return match["speaker"]
    return None


def held_out(labels: np.ndarray, groups: Sequence[str], share: float, by_class: bool) -> np.ndarray:
    """Which samples to hold out, bool (N,): whole groups, about `share` of all.

    Args:
        labels: class of each sample, int64 (N,).
        groups: what each sample belongs with.
        share: of the groups, in (0, 1); at least one is held out.
        by_class: hold out the share of each class's groups, not of all.
    """
    rng = np.random.default_rng(SEED)
    named = np.asarray(groups)
    parts: Iterable[np.ndarray] = (
        [np.flatnonzero(labels == label) for label in np.unique(labels)]
        if by_class
        else [np.arange(len(labels))]
    )
    chosen = np.zeros(len(labels), bool)
    for part in parts:
        own = np.unique(named[part])
        count = max(1, round(share * len(own)))
        chosen |= np.isin(named, rng.permutation(own)[:count])
    return chosen
