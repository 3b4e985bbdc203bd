"""The globally shared set G, the remedy of arXiv 1806.00582 (section 4): real samples or dreams."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tinyml import dreams
from tinyml.data import Dataset, Split
from tinyml.errors import InputError

REAL = "real"
_MIXERS = (0x6A, 0x51)  # so that two draws of one run never share a random stream


def path_of(source: str) -> Path | None:
    """The dreams directory behind `source`, or None for real samples.

    Raises:
        InputError: `source` is neither.
    """
    if source.startswith(dreams.PREFIX):
        return Path(source[len(dreams.PREFIX) :])
    if source != REAL:
        raise InputError("--share-source", f"no source '{source}'", "give real or dreams:DIR")
    return None


def draw(dataset: Dataset, beta: float, source: str, seed: int) -> tuple[Split, Split]:
    """The shared set and the training data that is left to the clients.

    Real samples are taken out of the training split, so that G and the clients' data D are
    disjoint, |G| = beta |D|, as in the paper. Dreams leave the training split whole. A dream's
    label is the teacher's argmax, not the drawn class: where they differ, the dream failed, and
    the drawn class would be a wrong name for it. G is as even over labels as the source allows.

    Args:
        dataset: its training split is used.
        beta: |G| / |D|, from 0.
        source: "real" or "dreams:DIR".
        seed: of the draw.

    Raises:
        InputError: dreams that do not fit the data, or too few of them.
    """
    train = dataset.train
    if beta == 0:
        return Split(train.x[:0], train.y[:0]), train
    directory = path_of(source)
    if directory is None:
        size = round(len(train) * beta / (1 + beta))
        chosen = _even_choice(train.y, size, seed)
        left = np.setdiff1d(np.arange(len(train)), chosen)
        return Split(train.x[chosen], train.y[chosen]), Split(train.x[left], train.y[left])
    pool = _dreams(directory, dataset)
    size = round(len(train) * beta)
    if size > len(pool):
        raise InputError(
            directory,
            f"has {len(pool)} dreams, --share {beta:g} of {len(train)} samples needs {size}",
            "make more dreams or lower --share",
        )
    chosen = _even_choice(pool.y, size, seed)
    return Split(pool.x[chosen], pool.y[chosen]), train


def hand_out(shared: Split, alpha: float, clients: int, seed: int) -> list[np.ndarray]:
    """Indices into `shared` for each client: its own random part `alpha` of it, sorted."""
    size = round(alpha * len(shared))
    random = np.random.default_rng([seed, _MIXERS[1]])
    return [np.sort(random.choice(len(shared), size, replace=False)) for _ in range(clients)]


def joined(own: Split, shared: Split) -> Split:
    """A client's own samples and its part of the shared set."""
    return Split(np.concatenate([own.x, shared.x]), np.concatenate([own.y, shared.y]))


def _dreams(directory: Path, dataset: Dataset) -> Split:
    made = dreams.read(directory)
    if made.x.shape[1:] != dataset.shape or made.logits.shape[1] != dataset.classes:
        raise InputError(
            directory,
            f"has dreams of shape {made.x.shape[1:]} and {made.logits.shape[1]} classes, "
            f"{dataset.name} has {dataset.shape} and {dataset.classes}",
            "use dreams of a teacher of this data",
        )
    if not np.isfinite(made.x).all():
        raise InputError(directory, "dreams are not all finite", "make them again")
    return Split(made.x.astype(np.float32), made.logits.argmax(axis=1).astype(np.int64))


def _even_choice(labels: np.ndarray, size: int, seed: int) -> np.ndarray:
    """`size` indices, the classes as equally many as `labels` allows, random otherwise; sorted."""
    order = np.random.default_rng([seed, _MIXERS[0]]).permutation(len(labels))
    ranks = _rank_within_label(labels[order])
    return np.sort(order[np.argsort(ranks, kind="stable")[:size]])


def _rank_within_label(labels: Sequence[int] | np.ndarray) -> np.ndarray:
    """How many equal labels come before each one."""
    ranks = np.zeros(len(labels), np.int64)
    for label in np.unique(labels):
        places = np.flatnonzero(np.asarray(labels) == label)
        ranks[places] = np.arange(len(places))
    return ranks
