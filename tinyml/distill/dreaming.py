"""From a teacher to a directory of dreams: batches of each method, in shards, with a recipe.

Nothing here grows with the number of dreams: a batch is written as soon as it is made, and what is
said about all of them is read from the shards. A batch that is written is done: after a kill, the
rest is made as if nothing had happened.

With several hosts the chief writes, and tells the others which batches are done. All go through the
same rounds: in each, every device makes a batch, and the hosts exchange what they have made.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from tinyml import console
from tinyml.distill import sheet, synthesizers
from tinyml.distill.settings import Plan
from tinyml.dreams import Dreams, read_shards, shard_name, write_shard
from tinyml.run import Step, Watch

_SHEET_COLUMNS = 16
_LEARNING = 0x1EA2  # so that learning and the batches never share a random stream


def make(plan: Plan, context: synthesizers.Context, step: Step, seed: int) -> dict[str, Any]:
    """Make the dreams and write shards, `recipe.json` and `dreams.png`.

    Args:
        plan: what to make.
        context: with what.
        step: its output is the directory for the dreams, and only shards that are not there are made;
            its workspace has what a later run goes on with: how long batches took, what methods learnt.
        seed: each batch draws from its own stream of it, so no batch depends on another.

    Returns:
        For each method what it took, see `_timing`.
    """
    made = {method: synthesizers.make(method, context) for method in dict.fromkeys(plan.methods)}
    _make_all(_Work(plan, context, step, seed, done_in(plan, step.path)), made)
    _write_recipe(plan, context, step.path, seed)
    x, y = _first_of_each_class(read_shards(step.path), context.teacher.classes)
    sheet.write(step.path / "dreams.png", x, y, context.teacher.classes, _SHEET_COLUMNS)
    return {method: _timing(plan, method, step.workspace) for method in made}


def help_make(plan: Plan, context: synthesizers.Context, seed: int, done: Sequence[int]) -> None:
    """The part of a host that is not the chief: make batches, and hand them over.

    Args:
        plan: what to make.
        context: with what.
        seed: as of `make`.
        done: numbers of the batches that the chief has.
    """
    made = {method: synthesizers.make(method, context) for method in dict.fromkeys(plan.methods)}
    _make_all(_Work(plan, context, None, seed, done), made)


def done_in(plan: Plan, directory: Path) -> list[int]:
    """The numbers of the batches that lie in a directory."""
    return [n for n in range(len(plan.batches())) if (directory / shard_name(n)).exists()]


def _make_all(work: _Work, made: dict[str, synthesizers.Synthesizer]) -> None:
    with console.progress("dreaming", work.total(made)) as bar:
        for method, synthesizer in made.items():
            work.make_all(method, synthesizer, _Noted(bar, work.hosts))


def agreement(shards: Iterable[Dreams]) -> dict[str, Any]:
    """How the teacher labels its dreams; a teacher that agrees says little about a dream's worth.

    Returns:
        agreement: share labelled as drawn; agreement_by_class: the same for each class (None where
        none was drawn); teacher_labels: how many dreams get each label.
    """
    counts = None  # (drawn class, teacher's label)
    for shard in shards:
        classes = shard.logits.shape[1]
        pairs = shard.y * classes + shard.logits.argmax(1)
        found = np.bincount(pairs, minlength=classes**2).reshape(classes, classes)
        counts = found if counts is None else counts + found
    assert counts is not None
    drawn, right = counts.sum(1), np.diag(counts)
    return {
        "agreement": float(right.sum() / drawn.sum()),
        "agreement_by_class": [float(r / d) if d else None for r, d in zip(right, drawn)],
        "teacher_labels": counts.sum(0).tolist(),
    }


class _Work:
    """The batches of a plan, some of which may be done. Without a step nothing is written."""

    def __init__(
        self,
        plan: Plan,
        context: synthesizers.Context,
        step: Step | None,
        seed: int,
        done: Sequence[int],
    ) -> None:
        self._plan, self._context, self._step, self._seed = plan, context, step, seed
        self._done = frozenset(done)
        self._devices = context.devices
        self.hosts = context.devices.hosts

    def total(self, made: dict[str, synthesizers.Synthesizer]) -> int:
        """Steps times images, of all that is not done."""
        left = 0
        for method, synthesizer in made.items():
            sizes = [size for _, size in self._left(method)]
            learns = bool(sizes) and not (self._step and _learnt(self._step, method).exists())
            left += sum(sizes) * max(1, synthesizer.steps) + learns * synthesizer.learning_images
        return left

    def make_all(self, method: str, synthesizer: synthesizers.Synthesizer, bar: _Noted) -> None:
        """Make the batches of a method that are not done, as many at once as there are devices."""
        left, together = self._left(method), self._devices.count * self.hosts
        if left:
            learnt = self._learn(self._step, method, synthesizer, bar) if self._step else {}
            synthesizer.learnt = self._devices.of_chief(learnt)
        for begin in range(0, len(left), together):
            self._make(synthesizer, left[begin : begin + together], bar)
            last = min(begin + together, len(left))
            console.detail(f"{method}: batch {last} of {len(left)} left; {bar.shown()}")

    def _left(self, method: str) -> list[tuple[int, int]]:
        """(index, size) of the batches that are not done."""
        return [
            (index, size)
            for index, (name, size) in enumerate(self._plan.batches())
            if name == method and index not in self._done
        ]

    def _learn(
        self, step: Step, method: str, synthesizer: synthesizers.Synthesizer, bar: _Noted
    ) -> synthesizers.Learnt:
        """What the method learns, or learnt in an earlier run."""
        path = _learnt(step, method)
        if not path.exists():
            watch = Watch()
            place = list(dict.fromkeys(self._plan.methods)).index(method)
            rng = np.random.default_rng([self._seed, _LEARNING, place + 1])
            learnt = synthesizer.learn(rng, bar)
            _write_json(step.workspace / f"learnt-{method}.json", watch.read())
            beside = path.with_suffix(".new.npz")
            np.savez(beside, **learnt)
            beside.replace(path)
            step.keep_times()
        with np.load(path, allow_pickle=False) as stored:
            return dict(stored)

    def _make(
        self,
        synthesizer: synthesizers.Synthesizer,
        batches: Sequence[tuple[int, int]],
        bar: _Noted,
    ) -> None:
        """Make one batch for each device of all hosts, and write them on the chief."""
        watch = Watch()
        own = self._dreams(synthesizer, self._devices.own(batches), bar)
        made = [Dreams(**arrays) for arrays in self._devices.gather([vars(d) for d in own])]
        if self._step is None:
            return
        spent = {name: seconds / len(batches) for name, seconds in watch.read().items()}
        for (index, _), dreams in zip(batches, made):
            _write(self._step, index, dreams, {**spent, "losses": bar.values})
        self._step.keep_times()

    def _dreams(
        self,
        synthesizer: synthesizers.Synthesizer,
        batches: Sequence[tuple[int, int]],
        bar: _Noted,
    ) -> list[Dreams]:
        """This host's batches of a round; where they are fewer than devices, some devices rest."""
        if not batches:
            return []
        draws = [
            synthesizer.sample(size, np.random.default_rng([self._seed, index]))
            for index, size in batches
        ]
        idle = self._devices.count - len(draws)
        images = synthesizer.synthesize([*draws, *draws[:1] * idle], bar)
        if synthesizer.steps == 0:
            bar.advance(sum(size for _, size in batches))
        answers = [self._context.teacher.answers(x).astype(np.float32) for x in images]
        return [Dreams(x, draw.y, a) for draw, x, a in zip(draws, images, answers)]


class _Noted:
    """A progress bar that keeps the last losses shown; as many hosts move on as this one does."""

    def __init__(self, bar: console.Progress, hosts: int) -> None:
        self._bar, self._hosts = bar, hosts
        self.values: dict[str, float] = {}

    def advance(self, amount: int = 1, **values: float) -> None:
        self.values = values
        self._bar.advance(amount * self._hosts, **values)

    def shown(self) -> str:
        return "  ".join(f"{name} {value:.4g}" for name, value in self.values.items())


def _learnt(step: Step, method: str) -> Path:
    return step.workspace / f"learnt-{method}.npz"


def _write(step: Step, index: int, dreams: Dreams, took: dict[str, Any]) -> None:
    """Put a batch into the output, whole, with what it took."""
    _write_json(step.workspace / f"batch-{index:05d}.json", took)
    write_shard(step.workspace, index, dreams)
    name = shard_name(index)
    (step.workspace / name).replace(step.path / name)


def _timing(plan: Plan, method: str, workspace: Path) -> dict[str, Any]:
    """What a method took, over all runs; a batch that was lost in a kill is not counted.

    Returns:
        dreams, batches; wall_seconds and cpu_seconds of all of it, learning_wall_seconds and
        learning_cpu_seconds of what was learnt first; images_per_second over the whole;
        images_per_second_median of a batch, which compiling does not touch; losses of the last.
    """
    own = [(i, size) for i, (name, size) in enumerate(plan.batches()) if name == method]
    took = [_read_json(workspace / f"batch-{index:05d}.json") for index, _ in own]
    learning = _read_json(workspace / f"learnt-{method}.json")
    wall, cpu = (
        sum(part[name] for part in [*took, learning]) for name in ("wall_seconds", "cpu_seconds")
    )
    rates = [size / part["wall_seconds"] for (_, size), part in zip(own, took)]
    dreams = sum(size for _, size in own)
    return {
        "dreams": dreams,
        "batches": len(own),
        "wall_seconds": round(wall, 3),
        "cpu_seconds": round(cpu, 3),
        "learning_wall_seconds": round(learning["wall_seconds"], 3),
        "learning_cpu_seconds": round(learning["cpu_seconds"], 3),
        "images_per_second": round(dreams / wall, 2),
        "images_per_second_median": round(float(np.median(rates)), 2),
        "losses": took[-1]["losses"],
    }


def _first_of_each_class(shards: Iterator[Dreams], classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Images and classes of the contact sheet: no more are read than it shows."""
    x: list[np.ndarray] = []
    y: list[int] = []
    for shard in shards:
        for index, label in enumerate(shard.y.tolist()):
            if y.count(label) < _SHEET_COLUMNS:
                x.append(shard.x[index].copy())  # a view would keep the shard
                y.append(label)
        if len(y) == classes * _SHEET_COLUMNS:
            break
    return np.stack(x), np.array(y)


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")


def _read_json(path: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return read


def _write_recipe(plan: Plan, context: synthesizers.Context, directory: Path, seed: int) -> None:
    recipe = {
        "methods": list(plan.methods),
        "batches": [{"method": method, "count": size} for method, size in plan.batches()],
        "pixels": asdict(context.pixels),
        "metadata": context.metadata is not None,
        "seed": seed,
    }
    if "fast" in plan.methods:
        recipe["fast"] = asdict(context.fast)
    text = json.dumps(recipe, indent=2, sort_keys=True) + "\n"
    (directory / "recipe.json").write_text(text, encoding="utf-8")
