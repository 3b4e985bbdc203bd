"""The best student for a target: the largest of each ladder of sizes that fits, then short trials.

Nothing real is looked at. Sizes are those of untrained candidates, exported; the trials distill the
finalists for a while on most of the dreams and ask on the rest how often they agree with the teacher.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from tinyml import console
from tinyml.codegen.budget import DoesNotFit
from tinyml.distill import student, synthesizers
from tinyml.distill.channels import inherit
from tinyml.distill.settings import PixelSettings, StudentSettings
from tinyml.distill.teacher import Teacher
from tinyml.dreams import Images
from tinyml.emulate import footprint
from tinyml.errors import InputError
from tinyml.fit import needs
from tinyml.fit.goal import Goal
from tinyml.fit.ladder import largest
from tinyml.fit.needs import Needs
from tinyml.models import registry
from tinyml.models.runtime import tensorflow
from tinyml.models.training import predict

_SAMPLES = 16  # of noise, for the ranges of candidates: sizes hardly depend on them
_HELD_OUT = 5  # every fifth dream judges the trials
_MOST_HELD_OUT = 1000


@dataclass
class Candidate:
    """One student that was looked at.

    Attributes:
        name: of the architecture.
        needs: on the target; None when it was refused before it was exported.
        refused: why it is out of the question; "" when it fits.
        agreement: share of held-out dreams labelled as by the teacher, after a trial.
    """

    name: str
    needs: Needs | None = None
    refused: str = ""
    agreement: float | None = None


class Fit:
    """Chooses a student; what `steps.write_student` takes instead of a name.

    Args:
        goal: the target and its budgets.
        init: how students start; with "teacher-channels" only narrower copies of the teacher.
        trial_steps: gradient steps of a finalist's trial.
        seed: of candidates and trials.
    """

    def __init__(self, goal: Goal, init: str, trial_steps: int, seed: int) -> None:
        needs.check(goal)
        self.goal, self._init, self._steps, self._seed = goal, init, trial_steps, seed
        self._seen: dict[str, Candidate] = {}
        self._finalists: list[Candidate] = []

    def settings(self) -> dict[str, Any]:
        """Plain values for the run record."""
        return {"fit": self.goal.settings(), "trial_steps": self._steps}

    def search(self, teacher: Teacher) -> None:
        """Find the finalists: the largest of each ladder that fits, without those that others outdo.

        Within a family a candidate is outdone by one with as many parameters and as much work.

        Raises:
            InputError: nothing fits.
        """
        if self._finalists:
            return
        samples = _noise(teacher, self._seed)
        for ladders in registry.ladders().values():
            found = [self._largest(ladder, teacher, samples) for ladder in ladders]
            self._finalists += _undominated([candidate for candidate in found if candidate])
        if not self._finalists:
            raise self._nothing()

    def choose(self, teacher: Teacher, x: Images, settings: StudentSettings) -> str:
        """The finalist that agrees most with the teacher on dreams that its trial did not show it.

        Args:
            teacher: answers for the dreams.
            x: dreams, at least 2.
            settings: how students learn; a trial has fewer steps.
        """
        self.search(teacher)
        if len(self._finalists) == 1:
            return self._finalists[0].name
        order = np.random.default_rng(self._seed).permutation(len(x))
        held = min(max(1, len(x) // _HELD_OUT), _MOST_HELD_OUT)
        shown, judged = x.only(order[held:]), x[order[:held]]
        wanted = teacher.answers(judged).argmax(1)
        short = replace(settings, steps=min(settings.steps, self._steps))
        for candidate in self._finalists:
            console.detail(f"trial of {candidate.name}: {short.steps} steps")
            tensorflow(self._seed)
            made = student.build(candidate.name, teacher, self._init)
            student.distill(made, teacher, shown, short, self._seed)
            given = predict(made, judged).argmax(1)
            candidate.agreement = float(np.mean(given == wanted))
        return max(self._finalists, key=_merit).name

    def found(self, made: Any, x: Images) -> dict[str, Any]:
        """For the run record: all candidates, and what the trained student takes.

        Args:
            made: the trained student.
            x: dreams, to quantize it with.
        """
        trained, excess = self._measured(made, x[np.arange(min(_SAMPLES * 4, len(x)))])
        return {
            "candidates": [asdict(candidate) for candidate in self._seen.values()],
            "chosen": made.name,
            "needs": asdict(trained) if trained else None,
            "excess": excess,
            "compiled": footprint.can_measure(),
        }

    def _largest(
        self, ladder: Sequence[str], teacher: Teacher, samples: np.ndarray
    ) -> Candidate | None:
        name = largest(ladder, lambda name: not self._judge(name, teacher, samples).refused)
        return self._seen[name] if name else None

    def _judge(self, name: str, teacher: Teacher, samples: np.ndarray) -> Candidate:
        """A candidate's size, from the exporter; refused at once when that cannot change a thing."""
        if name in self._seen:
            return self._seen[name]
        candidate = self._seen[name] = Candidate(name)
        tensorflow(self._seed)
        try:
            model = registry.build(name, teacher.shape, teacher.classes)
        except InputError:
            candidate.refused = f"does not take samples of shape {teacher.shape}"
            return candidate
        candidate.refused = self._hopeless(model, teacher)
        if not candidate.refused:
            candidate.needs, candidate.refused = self._measured(model, samples)
        return candidate

    def _measured(self, model: Any, samples: np.ndarray) -> tuple[Needs | None, str]:
        """What a model takes, if the board can hold it at all, and what is too much of it."""
        try:
            found = needs.measure(model, samples, self.goal)
        except DoesNotFit as error:
            return None, str(error)
        return found, found.excess(self.goal)

    def _hopeless(self, model: Any, teacher: Teacher) -> str:
        """Why a model need not be exported, or ""; it gets the teacher's channels if it is to."""
        weights = sum(int(np.prod(w.shape)) for w in model.trainable_weights if len(w.shape) > 1)
        if weights > self.goal.flash:
            return f"flash: its weights alone are {weights:,} of {self.goal.flash:,} bytes"
        if model.count_params() > teacher.model.count_params():
            return f"{model.count_params():,} parameters, more than the teacher"
        if self._init == "teacher-channels":
            try:
                inherit(model, teacher.model)
            except InputError:
                return "is not built like the teacher, whose channels it should take"
        return ""

    def _nothing(self) -> InputError:
        """The error that names the smallest candidate and what it needs."""
        exported = {name: c.needs for name, c in self._seen.items() if c.needs}
        if not exported:
            name, candidate = next(iter(self._seen.items()))
            return InputError(
                f"--fit {self.goal}",
                f"no student is possible; e.g. {name}: {candidate.refused}",
                "choose a student with --student",
            )
        least = min(exported, key=lambda name: _lack(exported[name], self.goal))
        return InputError(
            f"--fit {self.goal}",
            f"no student fits; the nearest, {least}, takes {_takes(exported[least])}",
            "choose a larger target",
        )


def _noise(teacher: Teacher, seed: int) -> np.ndarray:
    """A few images of smooth noise."""
    context = synthesizers.Context(teacher, PixelSettings())
    rng = np.random.default_rng(seed)
    return synthesizers.make("noise", context).sample(_SAMPLES, rng).start


def _undominated(found: Sequence[Candidate]) -> list[Candidate]:
    """Those that no other one equals or surpasses in both parameters and work."""
    kept: list[Candidate] = []
    for candidate in sorted(found, key=_size, reverse=True):
        if not any(_outdoes(other, candidate) for other in kept):
            kept.append(candidate)
    return kept


def _size(candidate: Candidate) -> tuple[int, int]:
    assert candidate.needs is not None
    return candidate.needs.macs, candidate.needs.parameters


def _outdoes(one: Candidate, other: Candidate) -> bool:
    return all(a >= b for a, b in zip(_size(one), _size(other)))


def _merit(candidate: Candidate) -> tuple[float, int]:
    """The most agreement; of equals the one with less work."""
    assert candidate.agreement is not None
    return candidate.agreement, -_size(candidate)[0]


def _lack(taken: Needs, goal: Goal) -> float:
    """How many times too large the worst of it is."""
    ratios = [taken.ram / goal.ram, taken.flash / goal.flash]
    if goal.instructions is not None and taken.instructions is not None:
        ratios.append(taken.instructions / goal.instructions)
    return max(ratios)


def _takes(taken: Needs) -> str:
    text = f"{taken.ram:,} bytes of RAM and {taken.flash:,} of flash"
    return text + (f", {taken.instructions:,} instructions" if taken.instructions else "")
