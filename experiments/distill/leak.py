"""What metadata gives away about its samples: python experiments/distill/leak.py DATA TEACHER NAME.

DATA is a data set's name or file, TEACHER a model trained on all of its training split. The summarised
tenth of that split are the members, an equally large draw from the other nine tenths the strangers: the
teacher has seen both alike, so whatever tells them apart comes from the metadata. Writes
records/leak-NAME.json: for each setting and seed

  nearest   of the stored centroids, the share whose nearest activation, among the members and as many
            strangers of the class, is a member's; chance is 0.5
  distance  AUC of an attacker who takes for members those near to a centroid of their class (L2)
  subspace  AUC of one who takes for members those near to a cluster's centroid and principal
            components (distance to the affine subspace)
  density   AUC of one who takes for members the likely ones under the clusters' Gaussians, what the
            components do not say being spread evenly

Settings that a data set has too few samples for are left out.

An AUC of 0.5 is guessing, 1 is certainty.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np

from tinyml import data, run
from tinyml.data import Split
from tinyml.distill.metadata import Metadata, summarise
from tinyml.distill.settings import Budget, Limits
from tinyml.distill.teacher import Teacher
from tinyml.errors import InputError

RECORDS = Path(__file__).resolve().parent / "records"
SEEDS = (0, 1, 2)
DELTA = 1e-5
PLAIN = [  # clusters a class, smallest cluster, components, members behind each component
    *((10, 1, 8, 1), (10, 5, 8, 1), (10, 5, 2, 1), (10, 5, 0, 1), (10, 10, 4, 1), (10, 20, 4, 1)),
    *((10, 40, 4, 1), (1, 1, 8, 1), (1, 1, 0, 1)),
]
NOISY = [(100.0, 8), (100.0, 0), (10.0, 8), (10.0, 0), (1.0, 0)]  # epsilon, components


def main() -> None:
    source, path, name = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    teacher, split = Teacher.load(path), data.load(source).train
    features = teacher.features(split.x)
    rows = []
    for seed in SEEDS:
        members, strangers, public = _drawn(split, seed)
        clip = float(np.quantile(np.linalg.norm(features[public], axis=1), 0.9))
        own = Split(split.x[members], split.y[members])
        for limits, budget in _settings(clip):
            try:
                made = summarise(teacher, "", own, limits, seed, budget)
            except InputError:  # too few samples for clusters as large, or for so much noise
                continue
            rows.append(
                {
                    "seed": seed,
                    "limits": asdict(limits),
                    "budget": asdict(budget) if budget else None,
                    "clusters": len(made.counts),
                    "components": int((made.variances > 0).sum(axis=1).max(initial=0)),
                    **_leaks(made, features, split.y, members, strangers),
                }
            )
    record = {
        "data": name,
        "teacher_sha256": run.sha256(path),
        "teacher": run.read_record(path)["settings"],
        "teacher_accuracy_validation": run.read_record(path)["metrics"]["accuracy_validation"],
        "training_samples": len(split),
        "features": features.shape[1],
        "rows": rows,
    }
    RECORDS.mkdir(exist_ok=True)
    text = json.dumps(record, indent=1, sort_keys=True) + "\n"
    (RECORDS / f"leak-{name}.json").write_text(text, encoding="utf-8")


def _settings(clip: float) -> list[tuple[Limits, Budget | None]]:
    """All of the members are summarised: which ones they are is the draw here."""
    plain = [(Limits(fraction=1), None), *((Limits(1, *setting), None) for setting in PLAIN)]
    noisy = [(Limits(1, 1, 1, r), Budget(epsilon, DELTA, clip)) for epsilon, r in NOISY]
    return [*plain, *noisy]


def _drawn(split: Split, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Indices of members and strangers, a tenth of each class each, and of a tenth to set the clip by."""
    rng = np.random.default_rng([seed, 20])
    parts: tuple[list[int], ...] = ([], [], [])
    for label in range(int(split.y.max()) + 1):
        order = rng.permutation(np.flatnonzero(split.y == label))
        tenth = int(np.ceil(len(order) / 10))
        for number, part in enumerate(parts):
            part.extend(order[number * tenth : (number + 1) * tenth])
    return tuple(np.array(part) for part in parts)


def _leaks(
    made: Metadata, features: np.ndarray, y: np.ndarray, members: np.ndarray, strangers: np.ndarray
) -> dict[str, float]:
    scores: dict[str, list[np.ndarray]] = {"distance": [], "subspace": [], "density": []}
    nearest, is_member = [], []
    for label in range(made.classes):
        inside, outside = (part[y[part] == label] for part in (members, strangers))
        both = features[np.concatenate([inside, outside])].astype(np.float64)
        is_member.append(np.arange(len(both)) < len(inside))
        own = np.flatnonzero(made.cluster_class == label)
        offsets = both[:, None] - made.centroids[own]
        square = (offsets**2).sum(axis=-1)
        along = np.einsum("nkf,krf->nkr", offsets, made.components[own])
        rest = np.maximum(square - (along**2).sum(axis=-1), 0)
        nearest.append(square.argmin(axis=0) < len(inside))
        scores["distance"].append(-square.min(axis=1))
        scores["subspace"].append(-rest.min(axis=1))
        scores["density"].append(_density(along, rest, made, own))
    truth = np.concatenate(is_member)
    found = {name: auc(np.concatenate(parts), truth) for name, parts in scores.items()}
    return {"nearest": float(np.concatenate(nearest).mean()), **found}


def _density(along: np.ndarray, rest: np.ndarray, made: Metadata, own: np.ndarray) -> np.ndarray:
    """Logarithm of the mixture's density (N,), up to a constant of the class."""
    variances = made.variances[own].astype(np.float64)
    width = made.centroids.shape[1]
    floor = 1e-3 * max(float(made.feature_variance().mean()), 1e-9)
    kept = variances > floor
    spread = np.where(kept, variances, floor)
    inner = -(along**2 / spread + np.log(spread)).sum(axis=-1)
    outer = -(rest / floor) - (width - variances.shape[1]) * np.log(floor)
    total = (inner + outer) / 2 + np.log(made.counts[own])
    most = total.max(axis=1, keepdims=True)
    density: np.ndarray = most[:, 0] + np.log(np.exp(total - most).sum(axis=1))
    return density


def auc(scores: np.ndarray, truth: np.ndarray) -> float:
    """Chance that a member scores higher than a stranger; ties count half (Mann-Whitney)."""
    from scipy.stats import rankdata

    ranks = rankdata(scores)
    inside, outside = int(truth.sum()), int((~truth).sum())
    return float((ranks[truth].sum() - inside * (inside + 1) / 2) / (inside * outside))


if __name__ == "__main__":
    main()
