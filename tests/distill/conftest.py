"""A small teacher with settled batch norms, trained for seconds and shared by all tests here."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from pathlib import Path

import numpy as np
import pytest

from tinyml import console, data
from tinyml.cli import cli
from tinyml.distill.teacher import Teacher
from tinyml.models import files, registry, runtime, training
from tinyml.models.settings import TrainSettings


@pytest.fixture(scope="session")
def digits():
    return data.load("digits")


@pytest.fixture(scope="session")
def teacher_path(tmp_path_factory, digits) -> Path:
    runtime.tensorflow(0)
    model = registry.build("resnet-6-8", digits.shape, digits.classes)
    training.train(
        model, digits.train, TrainSettings(epochs=8, batch_size=32, augment=False), seed=0
    )
    path = tmp_path_factory.mktemp("teacher") / "teacher.keras"
    files.save(model, path)
    return path


@pytest.fixture
def ctrl_c(monkeypatch):
    """Somebody presses it once the progress bar has moved so often, or by so many steps."""

    @contextmanager
    def pressed(*, moves=None, steps=None):
        with monkeypatch.context() as patched:
            bar = _Stopping(moves, steps)
            patched.setattr(console, "progress", lambda label, total: nullcontext(bar))
            yield

    return pressed


class _Stopping(console.Silent):
    def __init__(self, moves, steps):
        self.moves = np.inf if moves is None else moves
        self.steps = np.inf if steps is None else steps

    def advance(self, amount=1, **values):
        self.moves, self.steps = self.moves - 1, self.steps - amount
        if min(self.moves, self.steps) < 0:
            raise KeyboardInterrupt


@pytest.fixture
def teacher(teacher_path) -> Teacher:
    return Teacher.load(teacher_path)


@pytest.fixture
def tinyml():
    """Runs the command line in this process; errors come out as exceptions."""

    def run(*arguments: object) -> None:
        cli.main([str(a) for a in arguments], standalone_mode=False)

    return run


@pytest.fixture
def plain_teacher_path(tmp_path) -> Path:
    """A classifier without batch norm, ending in softmax, pooled by GlobalAveragePooling2D."""
    keras = runtime.tensorflow(0).keras
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(6, 3, padding="same", activation="relu")(inputs)
    x = keras.layers.GlobalAveragePooling2D(name="mean")(x)
    model = keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(x))
    path = tmp_path / "plain.keras"
    files.save(model, path)
    return path


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)
