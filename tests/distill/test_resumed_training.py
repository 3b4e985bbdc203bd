"""Training that is killed or interrupted ends in the bytes of one quiet run."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from tinyml import run
from tinyml.distill.settings import StudentSettings
from tinyml.distill.student import _Mixer
from tinyml.errors import InputError, Interrupted
from tinyml.models import files, registry, runtime, training
from tinyml.models.settings import TrainSettings

pytestmark = pytest.mark.slow  # TensorFlow trains in every test

KEEPING = """
import sys
from tinyml.cli import main
from tinyml.models import training

training._KEEP_EVERY = 0.0  # after every 25 steps, to be killed soon
main()
"""


def train(output, *more):
    settings = ("--model", "resnet-4-4", "--steps", 160, "--batch-size", 16)
    return ("train", "--data", "digits", *settings, *more, "-o", output)


def student(teacher_path, output, *more):
    taught = ("--teacher", teacher_path, "--dreams", "data:digits", "--student", "resnet-4-4")
    return ("distill", "student", *taught, "--steps", 160, *more, "-o", output)


@pytest.fixture
def interrupted(tinyml, ctrl_c, monkeypatch):
    """Runs a command that is interrupted after so many steps and keeps its state every 25."""

    def interrupt(arguments, after):
        with monkeypatch.context() as patched:
            patched.setattr(training, "_KEEP_EVERY", 0.0)
            with (
                ctrl_c(steps=after),
                pytest.raises(Interrupted, match="run the same command again to go on"),
            ):
                tinyml(*arguments)

    return interrupt


@pytest.mark.parametrize("command", ["train", "student"])
def test_killed_training_ends_in_the_same_bytes(tinyml, teacher_path, tmp_path, command):
    def arguments(name):
        output = tmp_path / f"{name}.keras"
        return train(output) if command == "train" else student(teacher_path, output)

    tinyml(*arguments("whole"))
    kept = tmp_path / ".killed.keras.partial" / "training.npz"
    process = subprocess.Popen([sys.executable, "-c", KEEPING, *map(str, arguments("killed"))])
    while process.poll() is None and not kept.exists():
        time.sleep(0.005)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert kept.exists()
    spent = float(np.load(kept)["wall_seconds"])
    tinyml(*arguments("killed"))
    whole, killed = (tmp_path / f"{name}.keras" for name in ("whole", "killed"))
    assert killed.read_bytes() == whole.read_bytes()
    assert not kept.parent.exists()
    records = [run.read_record(path) for path in (whole, killed)]
    assert [record["resumed"] for record in records] == [False, True]
    losses = [record["metrics"]["loss"] for record in records]
    assert losses[0] == losses[1]
    training_seconds = records[1]["metrics"]["training_seconds"]
    assert spent < training_seconds < records[1]["wall_seconds"]


def test_interrupted_twice(tinyml, interrupted, tmp_path, capsys):
    """Into the second epoch, in which the order is drawn anew, and past it."""
    tinyml(*train(tmp_path / "whole.keras"))
    capsys.readouterr()
    for after in (80, 130):
        interrupted(train(tmp_path / "cut.keras"), after)
    assert capsys.readouterr().err == "training: going on after step 75 of 160\n"
    tinyml(*train(tmp_path / "cut.keras"))
    assert capsys.readouterr().err == "training: going on after step 125 of 160\n"
    assert (tmp_path / "cut.keras").read_bytes() == (tmp_path / "whole.keras").read_bytes()


def test_killed_when_all_steps_are_made(tinyml, monkeypatch, tmp_path):
    def interrupted(*_):
        raise KeyboardInterrupt

    tinyml(*train(tmp_path / "whole.keras"))
    with monkeypatch.context() as patched:
        patched.setattr(training, "_KEEP_EVERY", 0.0)
        patched.setattr(files, "save", interrupted)
        with pytest.raises(Interrupted):
            tinyml(*train(tmp_path / "cut.keras"))
    tinyml(*train(tmp_path / "cut.keras"))
    assert (tmp_path / "cut.keras").read_bytes() == (tmp_path / "whole.keras").read_bytes()
    losses = [run.read_record(tmp_path / f"{n}.keras")["metrics"]["loss"] for n in ("whole", "cut")]
    assert losses[0] == losses[1]


def test_other_settings_never_go_on(tinyml, interrupted, tmp_path, capsys):
    interrupted(train(tmp_path / "m.keras"), 30)
    with pytest.raises(InputError, match=r"batch_size was 16, is 32.*discard it with --force"):
        tinyml(*train(tmp_path / "m.keras", "--batch-size", 32))
    capsys.readouterr()
    tinyml(*train(tmp_path / "m.keras", "--batch-size", 32, "--force"))
    assert capsys.readouterr().err == ""
    assert run.read_record(tmp_path / "m.keras")["resumed"] is False


def test_a_run_keeps_an_unfinished_student(tinyml, teacher_path, tmp_path, ctrl_c, monkeypatch):
    """`distill run` goes on within its second part."""
    output = tmp_path / "all"
    command = (
        *("distill", "--teacher", teacher_path, "--student", "resnet-4-4", "--method", "noise"),
        *("--count", 20, "--steps", 60, "-o", output),
    )
    with monkeypatch.context() as patched:
        patched.setattr(training, "_KEEP_EVERY", 0.0)
        with ctrl_c(steps=45), pytest.raises(Interrupted):
            tinyml(*command)
    assert (tmp_path / ".all.partial/all/.student.keras.partial/training.npz").exists()
    tinyml(*command)
    assert run.read_record(output / "student.keras")["resumed"] is True
    assert sorted(path.name for path in output.iterdir()) == [
        *("dreams", "run.json", "student.keras", "student.keras.run.json")
    ]


def test_layers_that_draw_by_themselves_are_trained_anew(
    tinyml, teacher_path, interrupted, tmp_path
):
    """Dropout has a state of its own that Keras does not give away."""
    keras = runtime.tensorflow(0).keras
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Dropout(0.5)(keras.layers.Flatten()(inputs))
    files.save(keras.Model(inputs, keras.layers.Dense(10)(x)), tmp_path / "drop.keras")
    more = ("--student", tmp_path / "drop.keras")
    tinyml(*student(teacher_path, tmp_path / "whole.keras", *more))
    interrupted(student(teacher_path, tmp_path / "cut.keras", *more), 30)
    tinyml(*student(teacher_path, tmp_path / "cut.keras", *more))
    assert (tmp_path / "cut.keras").read_bytes() == (tmp_path / "whole.keras").read_bytes()


@pytest.mark.parametrize("augment", [True, False])
def test_a_batch_hangs_on_the_seed_and_its_number(digits, augment):
    settings = TrainSettings(batch_size=400, augment=augment)
    asked = [0, 1, 2, 3, 7]
    taken = training.Shuffled(digits.train, settings, seed=3)
    assert taken.steps_per_epoch < 4  # so that epochs end within what is asked
    forth = [taken(number) for number in asked]
    back = [training.Shuffled(digits.train, settings, seed=3)(number) for number in asked[::-1]]
    other = [training.Shuffled(digits.train, settings, seed=4)(number) for number in asked]
    for (x, y), (again, labels), (unlike, _) in zip(forth, back[::-1], other):
        np.testing.assert_array_equal(x, again)
        np.testing.assert_array_equal(y, labels)
        assert (x != unlike).any()
    assert len({x.tobytes() for x, _ in forth}) == len(asked)


def test_an_epoch_shows_every_sample_once(digits):
    settings = TrainSettings(batch_size=50, augment=False)
    taken = training.Shuffled(digits.train, settings, seed=0)
    once = taken.steps_per_epoch
    for first in (0, once):
        shown = [taken(number)[0] for number in range(first, first + once)]
        distinct = {image.tobytes() for image in np.concatenate(shown)}
        available = {image.tobytes() for image in digits.train.x}
        assert len(distinct) > 0.9 * once * 50  # a few digits are there twice
        assert distinct <= available


def test_a_students_batch_hangs_on_the_seed_and_its_number(digits):
    x, settings = digits.train.x, StudentSettings(batch_size=8)
    forth = _Mixer(x, settings, seed=1)
    first, fifth = forth(0), forth(5)
    alone = _Mixer(x, settings, seed=1)(5)
    for part, same, other in zip(fifth, alone, first):
        np.testing.assert_array_equal(part, same)
        assert (part != other).any()


def test_what_is_kept_is_small_in_time(digits, tmp_path, monkeypatch):
    """Between two checkpoints lie seconds: none is written in a short training."""
    runtime.tensorflow(0)
    model = registry.build("resnet-4-4", digits.shape, digits.classes)
    step = run.Step(tmp_path / "m.keras")
    settings = TrainSettings(steps=60, batch_size=16)
    training.train(model, digits.train, settings, seed=0, within=step)
    assert list(tmp_path.iterdir()) == []
