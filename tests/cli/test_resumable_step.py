"""A step that goes on where it was killed, and never with what another one left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from tinyml import run
from tinyml.errors import CheckFailed, InputError, Interrupted, TinymlError

COUNTING = """
import os, sys
from pathlib import Path
from tinyml import run

with run.step("count", Path(sys.argv[1]), inputs={}, settings={}, directory=True, resumable=True) as step:
    done = len(list(step.workspace.glob("*.done")))
    for number in range(done, 6):
        (step.path / f"{number}.txt").write_text(str(number))
        (step.workspace / f"{number}.done").touch()
        if f"{number}" == sys.argv[2]:
            os.kill(os.getpid(), int(sys.argv[3]))
    step.metrics["first"] = done
"""


def count(output, stop="never", number=signal.SIGKILL):
    command = [sys.executable, "-c", COUNTING, str(output), stop, str(int(number))]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def one(output, settings=None, inputs=None, **options):
    """A resumable step whose output is a file."""
    options = {"seed": 1, "resumable": True, **options}
    return run.step("one", output, inputs=inputs or {}, settings=settings or {}, **options)


def begin(output, error, settings=None, inputs=None):
    """The step, ended by `error` when half of its output is written."""
    with one(output, settings, inputs) as step:
        step.path.write_text("half")
        raise error


@pytest.fixture
def unfinished(tmp_path):
    """The output of a step that was interrupted; a part of it is done."""
    output, given = tmp_path / "made.txt", tmp_path / "given.txt"
    given.write_text("before")
    with pytest.raises(Interrupted, match=r"^interrupted; run the same command again to go on"):
        begin(output, KeyboardInterrupt(), {"rounds": 3}, {"model": given})
    return output, given


def test_kill_9_at_any_time(tmp_path):
    output = tmp_path / "OUT"
    for stop in ("0", "3", "5"):
        assert count(output, stop).returncode == -signal.SIGKILL
        assert not output.exists()
    assert count(output).returncode == 0
    assert [p.name for p in tmp_path.iterdir()] == ["OUT"]
    assert sorted(p.name for p in output.iterdir()) == [*(f"{n}.txt" for n in range(6)), "run.json"]
    record = run.read_record(output)
    assert (record["metrics"]["first"], record["resumed"]) == (6, True)


def test_a_step_that_is_not_killed_is_not_resumed(tmp_path):
    assert count(tmp_path / "OUT").returncode == 0
    assert run.read_record(tmp_path / "OUT")["resumed"] is False


def test_goes_on_with_what_it_left(unfinished):
    output, given = unfinished
    with one(output, {"rounds": 3}, {"model": given}) as step:
        assert step.resumed
        step.path.write_text(step.path.read_text() + " and half")
    assert output.read_text() == "half and half"
    assert len(list(output.parent.iterdir())) == 3  # given, made and its record


@pytest.mark.parametrize(
    ("settings", "seed", "content", "told"),
    [
        ({"rounds": 4}, 1, "before", "rounds was 3, is 4"),
        ({"rounds": 3, "lr": 1}, 1, "before", "lr was None, is 1"),
        ({"rounds": 3}, 2, "before", "seed was 1, is 2"),
        ({"rounds": 3}, 1, "after", "the model's hash was "),
    ],
)
def test_never_goes_on_with_other_settings(unfinished, settings, seed, content, told):
    output, given = unfinished
    given.write_text(content)
    with (
        pytest.raises(InputError, match=rf"{told}.*discard it with --force"),
        one(output, settings, {"model": given}, seed=seed),
    ):
        pytest.fail("it began")
    with one(output, settings, {"model": given}, seed=seed, force=True) as step:
        assert not step.resumed
        step.path.write_text("new")
    assert output.read_text() == "new"


@pytest.mark.parametrize("place", ["_locked", "_claim"])
def test_interrupted_before_the_step_begins(tmp_path, monkeypatch, place):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(run, place, interrupted)
    with pytest.raises(Interrupted, match="run the same command again"), one(tmp_path / "out"):
        pytest.fail("it began")
    assert [path.name for path in tmp_path.iterdir()] == [".out.partial"]
    monkeypatch.undo()
    with one(tmp_path / "out") as step:
        assert not step.resumed
        step.path.touch()
    assert (tmp_path / "out").exists()


@pytest.mark.parametrize("error", [InputError("a", "b", "c"), CheckFailed("no")])
def test_what_cannot_end_well_leaves_nothing(tmp_path, error):
    with pytest.raises(type(error)):
        begin(tmp_path / "out", error)
    assert not list(tmp_path.iterdir())


def test_other_failures_can_be_resumed(tmp_path):
    with pytest.raises(TinymlError):
        begin(tmp_path / "out", TinymlError("a worker is gone"))
    with one(tmp_path / "out") as step:
        assert step.resumed


@pytest.mark.skipif(os.name == "nt", reason="directories are not locked there")
def test_two_at_once_are_refused(tmp_path):
    with one(tmp_path / "out") as step:
        with pytest.raises(InputError, match="another run works there"), one(tmp_path / "out"):
            pytest.fail("it began")
        step.path.touch()
