"""Gradient steps on a Keras model, written once; and the teacher's training on labelled data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinyml import console
from tinyml.data import Dataset, Split
from tinyml.models.augment import Affine, affine
from tinyml.models.autoencoder import reconstructs
from tinyml.models.runtime import tensorflow
from tinyml.models.settings import TrainSettings

_SHOW_EVERY = 25  # steps between two readings of the loss: reading waits for the device


def fit(
    model: Any,
    batches: Callable[[], tuple[np.ndarray, ...]],
    loss: Callable[..., Any],
    *,
    steps: int,
    learning_rate: float,
    label: str,
) -> float:
    """Train `model` in place with Adam and a cosine schedule.

    Args:
        model: a Keras model.
        batches: gives the next batch, a tuple of arrays of constant shapes.
        loss: from a batch's tensors to a scalar; runs the model with training=True.
        steps: number of gradient steps.
        learning_rate: the highest, at the start.
        label: what the progress bar says.

    Returns:
        The loss of the last step.
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

    value = float("nan")
    with console.progress(label, steps) as bar:
        for done in range(0, steps, _SHOW_EVERY):
            block = min(_SHOW_EVERY, steps - done)
            for _ in range(block):
                result = step(*(tf.constant(part) for part in batches()))
            value = float(result)
            bar.advance(block, loss=value)
    return value


def train(
    model: Any, data: Split, settings: TrainSettings, seed: int, from_logits: bool = True
) -> float:
    """Train a classifier with cross-entropy or an autoencoder for the least squared error.

    Args:
        model: from float32 (N, H, W, C) to (N, classes), or to (N, H, W, C).
        data: the training split; never give it anything else.
        settings: how.
        seed: of the order and the augmentation.
        from_logits: the model answers logits; False: probabilities.

    Returns:
        The loss of the last step.
    """
    batches = Shuffled(data, settings, np.random.default_rng(seed))
    return fit(
        model,
        batches,
        _loss(model, from_logits),
        steps=settings.steps or settings.epochs * batches.steps_per_epoch,
        learning_rate=settings.learning_rate,
        label="training",
    )


def _loss(model: Any, from_logits: bool) -> Callable[[Any, Any], Any]:
    losses = tensorflow().keras.losses
    if reconstructs(model):
        error = losses.MeanSquaredError()
        return lambda x, y: error(x, model(x, training=True))
    entropy = losses.SparseCategoricalCrossentropy(from_logits=from_logits)
    return lambda x, y: entropy(y, model(x, training=True))


class Shuffled:
    """Endless batches of a split, each epoch in a new order without its incomplete last batch."""

    def __init__(self, data: Split, settings: TrainSettings, rng: np.random.Generator) -> None:
        self._data, self._rng, self._augment = data, rng, settings.augment
        self._how = Affine(flip=settings.flip)
        self._size = min(settings.batch_size, len(data))
        self._order = np.empty(0, np.intp)

    @property
    def steps_per_epoch(self) -> int:
        """Whole batches in the split."""
        return len(self._data) // self._size

    def __call__(self) -> tuple[np.ndarray, np.ndarray]:
        """x: float32 (batch, H, W, C); y: int64 (batch,)."""
        if len(self._order) < self._size:
            self._order = self._rng.permutation(len(self._data))
        chosen, self._order = self._order[: self._size], self._order[self._size :]
        x, y = self._data.x[chosen], self._data.y[chosen]
        return (affine(x, self._how, self._rng) if self._augment else x), y


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
