"""Gradient steps on a Keras model, written once; and the teacher's training on labelled data."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tinyml import console
from tinyml.data import Dataset, Split
from tinyml.models import checkpoint
from tinyml.models.augment import Affine, affine
from tinyml.models.autoencoder import reconstructs
from tinyml.models.runtime import tensorflow
from tinyml.models.settings import TrainSettings
from tinyml.run import Step, Watch

_SHOW_EVERY = 25  # steps between two readings of the loss: reading waits for the device
_KEEP_EVERY = 30.0  # seconds between two checkpoints, so that they take well below a percent
_ORDER, _CHANGES = 1, 2  # so that the order and the changes never share a random stream


@dataclass(frozen=True)
class Fitted:
    """What came of a training.

    Attributes:
        loss: of the last step; NaN without steps.
        seconds: of wall time, over all runs of a training that was killed and went on.
    """

    loss: float
    seconds: float


def fit(
    model: Any,
    batches: Callable[[int], tuple[np.ndarray, ...]],
    loss: Callable[..., Any],
    *,
    steps: int,
    learning_rate: float,
    label: str,
    within: Step | None = None,
) -> Fitted:
    """Train `model` in place with Adam and a cosine schedule.

    Args:
        model: a Keras model.
        batches: from a step's number, which starts at 0, to its batch: a tuple of arrays of constant
            shapes. Whatever is random in it hangs on the number.
        loss: from a batch's tensors to a scalar; runs the model with training=True.
        steps: number of gradient steps.
        learning_rate: the highest, at the start.
        label: what the progress bar says.
        within: a resumable step that trains nothing else: what an earlier run of it was killed in is
            gone on with, and ends in the same bytes. (Not in a model with dropout or the like, whose
            layers keep random states of their own: it is trained anew.)
    """
    tf = tensorflow()
    schedule = tf.keras.optimizers.schedules.CosineDecay(learning_rate, steps)
    optimizer = tf.keras.optimizers.Adam(schedule)
    optimizer.build(model.trainable_variables)

    @tf.function
    def step(*batch: Any) -> Any:
        with tf.GradientTape() as tape:
            value = loss(*batch)
        gradients = tape.gradient(value, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        return value

    kept = _Kept(model, optimizer, within)
    done, value = kept.restore()
    if done:
        console.note(f"{label}: going on after step {done:,} of {steps:,}")
    with console.progress(label, steps) as bar:
        bar.advance(done)
        while done < steps:
            end = min(done + _SHOW_EVERY, steps)
            for number in range(done, end):
                result = step(*(tf.constant(part) for part in batches(number)))
            value = float(result)
            bar.advance(end - done, loss=value)
            done = end
            kept.save_now_and_then(done, value)
    return Fitted(value, kept.watch.read()["wall_seconds"])


class _Kept:
    """Where a training is, in the workspace of a resumable step; without one nothing is kept."""

    def __init__(self, model: Any, optimizer: Any, within: Step | None) -> None:
        self._variables = [*model.variables, *optimizer.variables]
        self._within = None if _draws(model) else within
        self._saved = time.monotonic()
        self.watch = Watch()

    def restore(self) -> tuple[int, float]:
        """Put the model and the optimizer where they were kept last.

        Returns:
            The steps made, and the loss of the last one.
        """
        found = self._within and checkpoint.load(self._path(self._within))
        if not found:
            return 0, float("nan")
        done, arrays = found
        loss = float(arrays.pop("loss"))
        self.watch.add({name: float(arrays.pop(name)) for name in self.watch.read()})
        for variable, value in zip(self._variables, arrays.values()):
            variable.assign(value)
        return done, loss

    def save_now_and_then(self, done: int, loss: float) -> None:
        """Keep the state after `done` steps if that was not done a moment ago."""
        if self._within is None or time.monotonic() - self._saved < _KEEP_EVERY:
            return
        arrays = {f"{number:05d}": v.numpy() for number, v in enumerate(self._variables)}
        also = {
            name: np.array(value) for name, value in {"loss": loss, **self.watch.read()}.items()
        }
        self._within.keep_times()  # first: killed in between, no time that was spent is lost
        checkpoint.save(self._path(self._within), done, {**arrays, **also})
        self._saved = time.monotonic()

    @staticmethod
    def _path(within: Step) -> Path:
        return within.workspace / "training.npz"


def _draws(model: Any) -> bool:
    """True for a model with layers that draw random numbers, such as dropout."""
    random = tensorflow().keras.__internal__.layers.BaseRandomLayer
    return any(isinstance(layer, random) for layer in model.submodules)


def train(
    model: Any,
    data: Split,
    settings: TrainSettings,
    seed: int,
    from_logits: bool = True,
    within: Step | None = None,
) -> Fitted:
    """Train a classifier with cross-entropy or an autoencoder for the least squared error.

    Args:
        model: from float32 (N, H, W, C) to (N, classes), or to (N, H, W, C).
        data: the training split; never give it anything else.
        settings: how.
        seed: of the order and the augmentation.
        from_logits: the model answers logits; False: probabilities.
        within: as of `fit`.
    """
    batches = Shuffled(data, settings, seed)
    return fit(
        model,
        batches,
        _loss(model, from_logits),
        steps=settings.steps or settings.epochs * batches.steps_per_epoch,
        learning_rate=settings.learning_rate,
        label="training",
        within=within,
    )


def _loss(model: Any, from_logits: bool) -> Callable[[Any, Any], Any]:
    losses = tensorflow().keras.losses
    if reconstructs(model):
        error = losses.MeanSquaredError()
        return lambda x, y: error(x, model(x, training=True))
    entropy = losses.SparseCategoricalCrossentropy(from_logits=from_logits)
    return lambda x, y: entropy(y, model(x, training=True))


class Shuffled:
    """Endless batches of a split, each epoch in a new order without its incomplete last batch.

    A batch hangs on the seed and its number alone, so that a training can go on anywhere.
    """

    def __init__(self, data: Split, settings: TrainSettings, seed: int) -> None:
        self._data, self._seed, self._augment = data, seed, settings.augment
        self._how = Affine(flip=settings.flip)
        self._size = min(settings.batch_size, len(data))
        self._epoch, self._order = -1, np.empty(0, np.intp)

    @property
    def steps_per_epoch(self) -> int:
        """Whole batches in the split."""
        return len(self._data) // self._size

    def __call__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Batch `number`, from 0: x, float32 (batch, H, W, C), and y, int64 (batch,)."""
        epoch, place = divmod(number, self.steps_per_epoch)
        if epoch != self._epoch:
            rng = np.random.default_rng([self._seed, _ORDER, epoch])
            self._epoch, self._order = epoch, rng.permutation(len(self._data))
        chosen = self._order[place * self._size : (place + 1) * self._size]
        x, y = self._data.x[chosen], self._data.y[chosen]
        if self._augment:
            x = affine(x, self._how, np.random.default_rng([self._seed, _CHANGES, number]))
        return x, y


def predict(model: Any, x: np.ndarray, batch_size: int = 500) -> np.ndarray:
    """Outputs of a model in inference mode, float32 (N, ...)."""
    parts = [model(x[i : i + batch_size], training=False) for i in range(0, len(x), batch_size)]
    return np.concatenate([np.asarray(part) for part in parts])


def evaluate(model: Any, dataset: Dataset) -> dict[str, Any]:
    """Accuracies in [0, 1] on the validation and test splits; call it once, when all is decided.

    Returns:
        accuracy_validation, accuracy_test, and accuracy_by_class of the test split (None for a
        class that the split lacks); of an autoencoder, error_validation and error_test.
    """
    if reconstructs(model):
        return {
            "error_validation": reconstruction_error(model, dataset.validation.x),
            "error_test": reconstruction_error(model, dataset.test.x),
        }
    test = predict(model, dataset.test.x).argmax(1) == dataset.test.y
    own = [dataset.test.y == label for label in range(dataset.classes)]
    return {
        "accuracy_validation": accuracy(model, dataset.validation),
        "accuracy_test": float(test.mean()),
        "accuracy_by_class": [float(test[part].mean()) if part.any() else None for part in own],
    }


def accuracy(model: Any, data: Split) -> float:
    """Share of samples whose largest output is their label, in [0, 1]."""
    return float(np.mean(predict(model, data.x).argmax(1) == data.y))


def reconstruction_error(model: Any, x: np.ndarray) -> float:
    """Mean squared error of an autoencoder over all values of the samples (N, H, W, C)."""
    return float(np.mean(np.square(predict(model, x) - x)))
