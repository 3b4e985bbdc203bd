"""The wheel: it has all that it needs, and works where there is nothing else."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tinyml import __version__
from tinyml.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
MODELS = sorted((ROOT / "tests/models").glob("*.tflite"), key=lambda path: path.stat().st_size)
MINORS = range(9, 14)  # the Pythons 3.x that base.lock is made for
SHIPPED = ["firmware_templates", "cmsis_glue"]


def interpreters(minors: Iterable[int]) -> Iterator[Path]:
    """The Pythons 3.x at hand, in the order asked for: on PATH, or kept by pyenv.

    A name on PATH may be a shim that cannot run, so each is asked for its version.
    """
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    places = [*map(Path, os.get_exec_path()), *sorted(pyenv.glob("versions/*/bin"))]
    for minor in minors:
        candidates = [place / f"python3.{minor}" for place in places]
        candidates += [Path(sys.executable)] if sys.version_info[1] == minor else []
        yield from (python for python in candidates if version_with_venv(python) == (3, minor))


def version_with_venv(python: Path) -> tuple[int, int] | None:
    """The version of an interpreter that runs and can make virtual environments."""
    code = "import ensurepip, venv, sys; print(*sys.version_info[:2])"
    try:
        said = subprocess.run([str(python), "-c", code], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    major_minor = re.fullmatch(r"(\d+) (\d+)\n", said.stdout)
    return (int(major_minor[1]), int(major_minor[2])) if major_minor else None


def oldest_and_newest() -> list[Path]:
    """Two interpreters, or the one that runs this."""
    oldest, newest = next(interpreters(MINORS)), next(interpreters(reversed(MINORS)))
    return [oldest] if oldest.name == newest.name else [oldest, newest]


@pytest.fixture(scope="module", params=oldest_and_newest(), ids=lambda python: python.name)
def environment(request, install):
    return install(request.param)


def test_the_wheel_holds_every_template_and_kernel(wheel):
    inside = set(zipfile.ZipFile(wheel).namelist())
    on_disk = {
        f"tinyml/{path.relative_to(ROOT).as_posix()}"
        for folder in SHIPPED
        for path in (ROOT / folder).rglob("*")
        if path.is_file()
    }
    assert on_disk, "no templates in the checkout"
    assert on_disk <= inside


def test_the_wheel_holds_nothing_else(wheel):
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert tops == {"tinyml", f"tinyml_toolchain-{__version__}.dist-info"}


def test_the_sdist_builds_the_same_wheel(wheel, builder, tmp_path):
    sdist = builder("sdist", ROOT, tmp_path / "sdist")
    shutil.unpack_archive(sdist, tmp_path / "source")
    (source,) = (tmp_path / "source").iterdir()
    again = builder("wheel", source, tmp_path / "again")
    assert again.read_bytes() == wheel.read_bytes()


def test_locks_name_no_place():
    """Locks are installed by people elsewhere: no host, no path of the machine that made them."""
    for lock in (ROOT / "requirements").glob("*.lock"):
        assert not re.search(r"://|--index|--find-links|@ file", lock.read_text()), lock.name


@pytest.mark.slow
def test_it_runs_from_the_wheel(environment, tmp_path):
    ended = environment.run("python", "-c", "import tinyml; print(tinyml.__file__)", cwd=tmp_path)
    assert ended.stdout.startswith(str(environment.root)), ended.stderr
    ended = environment.run("tinyml", "--version", cwd=tmp_path)
    assert ended.stdout == f"tinyml, version {__version__}\n", ended.stderr
    ended = environment.run("tinyml", "--help", cwd=tmp_path)
    assert all(command in ended.stdout for command in COMMANDS), ended.stderr


@pytest.mark.slow
def test_the_doctor_knows_that_the_extras_are_not_there(environment, tmp_path):
    ended = environment.run("tinyml", "doctor", "--json", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    status = {row["name"]: row["status"] for row in json.loads(ended.stdout)["tools"]}
    assert status["arm-none-eabi-gcc"] == "found"
    assert {status[name] for name in ("TensorFlow", "TF Federated", "TFF worker")} == {"missing"}


@pytest.mark.slow
def test_a_step_that_needs_tensorflow_says_which_extra_to_install(environment, tmp_path):
    ended = environment.run("tinyml", "train", "--data", "digits", "-o", "t.keras", cwd=tmp_path)
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1, ended.stderr
    assert "tinyml-toolchain[train]" in ended.stderr


@pytest.mark.slow
def test_a_tflite_goes_all_the_way_with_the_base_install(environment, tmp_path):
    """Inspect, export, validate and bench, without TensorFlow and outside the checkout."""
    shutil.copy(MODELS[0], tmp_path / "model.tflite")
    for command in (
        ["inspect", "model.tflite"],
        ["export", "model.tflite", "--target", "cortex-m4", "--output", "project"],
        ["validate", "project"],
        ["validate", "project", "--emulator", "host"],
        ["bench", "model.tflite"],
    ):
        ended = environment.run("tinyml", *command, "--json", cwd=tmp_path)
        assert (ended.returncode, ended.stderr) == (0, ""), command
        said = json.loads(ended.stdout)
        assert said.get("exact", True), command
    assert (tmp_path / "project/run.json").exists()
