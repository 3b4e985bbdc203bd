"""Dreams that are interrupted, or made on several devices, are the dreams of one quiet run."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from tinyml import run
from tinyml.errors import InputError, Interrupted

pytestmark = pytest.mark.slow  # TensorFlow compiles in every test

QUICK = ("--method", "fast,noise", "--count", 40, "--dream-batch-size", 10, "--fast-episodes", 3)


def arguments(teacher_path, output, *more):
    return ("distill", "dream", "--teacher", teacher_path, *QUICK, *more, "-o", output)


def contents(directory):
    """The bytes of every file but the record."""
    return {p.name: p.read_bytes() for p in directory.iterdir() if p.name != run.RECORD}


@pytest.fixture(scope="module")
def whole(teacher_path, tmp_path_factory):
    """What a run gives that nothing happens to."""
    from tinyml.cli import cli

    output = tmp_path_factory.mktemp("whole") / "dreams"
    cli.main([str(a) for a in arguments(teacher_path, output)], standalone_mode=False)
    return contents(output)


# fast moves the bar once an episode (3) and twice a batch (2 of them), noise once a batch (2)
@pytest.mark.parametrize("after", [[1], [3, 1], [5], [6], [2, 4, 1]])
def test_interrupted_dreams_go_on_where_they_were(
    tinyml, teacher_path, whole, tmp_path, ctrl_c, after
):
    output = tmp_path / "dreams"
    for moves in after:
        with (
            ctrl_c(moves=moves),
            pytest.raises(Interrupted, match="run the same command again to go on"),
        ):
            tinyml(*arguments(teacher_path, output))
        assert not output.exists()
    tinyml(*arguments(teacher_path, output))
    assert contents(output) == whole
    assert [path.name for path in tmp_path.iterdir()] == ["dreams"]
    record = run.read_record(output)
    assert record["resumed"]
    timing = record["metrics"]["methods"]["fast"]
    assert timing["wall_seconds"] > timing["learning_wall_seconds"] > 0


def test_killed_dreams_go_on_where_they_were(tinyml, teacher_path, whole, tmp_path):
    output, partial = tmp_path / "dreams", tmp_path / ".dreams.partial"
    command = [sys.executable, "-m", "tinyml", *map(str, arguments(teacher_path, output))]
    process = subprocess.Popen(command)
    while process.poll() is None and not list(partial.glob("dreams/shard-*.npz")):
        time.sleep(0.01)
    process.kill()
    process.wait()
    kept = {p.name: p.stat().st_mtime_ns for p in partial.glob("dreams/shard-*.npz")}
    assert kept
    tinyml(*arguments(teacher_path, output))
    assert contents(output) == whole
    assert {name: (output / name).stat().st_mtime_ns for name in kept} == kept


def test_other_settings_never_go_on(tinyml, teacher_path, tmp_path, ctrl_c):
    with ctrl_c(moves=5), pytest.raises(Interrupted):
        tinyml(*arguments(teacher_path, tmp_path / "dreams"))
    with pytest.raises(InputError, match="fast_pixel_steps was 8, is 9"):
        tinyml(*arguments(teacher_path, tmp_path / "dreams", "--fast-pixel-steps", 9))


def test_run_keeps_finished_dreams(tinyml, teacher_path, tmp_path, monkeypatch):
    from tinyml.distill import steps

    def interrupted(*_):
        raise KeyboardInterrupt

    command = (
        *("distill", "--teacher", teacher_path, "--student", "resnet-4-4", "--method", "noise"),
        *("--count", 20, "--steps", 2, "-o", tmp_path / "all"),
    )
    with monkeypatch.context() as patched:
        patched.setattr(steps, "write_student", interrupted)
        with pytest.raises(Interrupted):
            tinyml(*command)
    shard = "dreams/shard-00000.npz"
    made = (tmp_path / ".all.partial" / "all" / shard).stat().st_mtime_ns
    tinyml(*command)
    assert (tmp_path / "all" / shard).stat().st_mtime_ns == made
    assert str(tmp_path / "all") in (tmp_path / "all" / "student.keras.run.json").read_text()


def test_two_devices_make_the_same_dreams(teacher_path, whole, tmp_path):
    output = tmp_path / "dreams"
    more = ("--devices", "cpu:0,cpu:1")
    command = [sys.executable, "-m", "tinyml", *map(str, arguments(teacher_path, output, *more))]
    subprocess.run(command, check=True)
    assert contents(output) == whole
    assert json.loads((output / "run.json").read_text())["metrics"]["devices"] == 2


def test_unknown_device(tinyml, teacher_path, tmp_path):
    with pytest.raises(InputError, match=r"--devices: no device 'tpu:7'; use cpu:0"):
        tinyml(*arguments(teacher_path, tmp_path / "dreams", "--devices", "tpu:7"))
