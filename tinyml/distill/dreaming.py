"""From a teacher to a directory of dreams: batches of each method, in shards, with a recipe."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from tinyml import console
from tinyml.distill import sheet, synthesizers
from tinyml.distill.settings import Plan
from tinyml.dreams import Dreams, write_shard

_SHEET_COLUMNS = 16


def make(plan: Plan, context: synthesizers.Context, directory: Path, seed: int) -> Dreams:
    """Make the dreams and write shards, `recipe.json` and `dreams.png`.

    Args:
        plan: what to make.
        context: with what.
        directory: an empty directory.
        seed: each batch draws from its own stream of it, so no batch depends on another.

    Returns:
        All the dreams.
    """
    made = {method: synthesizers.make(method, context) for method in dict.fromkeys(plan.methods)}
    batches = plan.batches()
    total = sum(size * max(1, made[method].steps) for method, size in batches)
    shards = []
    with console.progress("dreaming", total) as bar:
        for index, (method, size) in enumerate(batches):
            rng = np.random.default_rng([seed, index])
            shard = _batch(made[method], context, size, rng, bar)
            write_shard(directory, index, shard)
            shards.append(shard)
    dreams = Dreams(
        *(np.concatenate([getattr(s, n) for s in shards]) for n in ("x", "y", "logits"))
    )
    _write_recipe(plan, context, directory, seed)
    sheet.write(
        directory / "dreams.png", dreams.x, dreams.y, context.teacher.classes, _SHEET_COLUMNS
    )
    return dreams


def agreement(dreams: Dreams) -> dict[str, Any]:
    """How the teacher labels its dreams; a teacher that agrees says little about a dream's worth.

    Returns:
        agreement: share labelled as drawn; agreement_by_class: the same for each class (None where
        none was drawn); teacher_labels: how many dreams get each label.
    """
    labels, classes = dreams.logits.argmax(1), dreams.logits.shape[1]
    right = labels == dreams.y
    drawn = [dreams.y == label for label in range(classes)]
    return {
        "agreement": float(right.mean()),
        "agreement_by_class": [float(right[own].mean()) if own.any() else None for own in drawn],
        "teacher_labels": np.bincount(labels, minlength=classes).tolist(),
    }


def _batch(
    synthesizer: synthesizers.Synthesizer,
    context: synthesizers.Context,
    size: int,
    rng: np.random.Generator,
    bar: console.Progress,
) -> Dreams:
    draw = synthesizer.sample(size, rng)
    x = synthesizer.synthesize(draw, rng, bar)
    if synthesizer.steps == 0:
        bar.advance(size)
    return Dreams(x, draw.y, context.teacher.answers(x).astype(np.float32))


def _write_recipe(plan: Plan, context: synthesizers.Context, directory: Path, seed: int) -> None:
    recipe = {
        "methods": list(plan.methods),
        "batches": [{"method": method, "count": size} for method, size in plan.batches()],
        "pixels": asdict(context.pixels),
        "metadata": context.metadata is not None,
        "seed": seed,
    }
    text = json.dumps(recipe, indent=2, sort_keys=True) + "\n"
    (directory / "recipe.json").write_text(text, encoding="utf-8")
