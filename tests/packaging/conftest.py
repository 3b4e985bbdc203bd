"""A wheel built from this checkout, and empty environments that it is installed into."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BASE_LOCK = ROOT / "requirements/base.lock"
PIP_IS_OFFLINE = ("after connection broken by", "Temporary failure in name resolution")


@dataclass(frozen=True)
class Environment:
    """A virtual environment that holds the wheel and its light dependencies, and nothing else."""

    root: Path

    def run(self, *command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run one of the environment's own programs, outside the checkout."""
        outside = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_"))}
        return subprocess.run(
            [str(self.root / "bin" / command[0]), *command[1:]],
            cwd=cwd,
            env=outside,
            capture_output=True,
            text=True,
            check=False,
        )


def build(kind: str, source: Path, into: Path) -> Path:
    """Build a wheel or an sdist with the locked hatchling, which needs no network."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(into)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (made,) = into.iterdir()
    return made


@pytest.fixture(scope="session")
def builder() -> Callable[[str, Path, Path], Path]:
    """`build`, for tests that make more than the wheel."""
    return build


@pytest.fixture(scope="session")
def wheel(tmp_path_factory) -> Path:
    return build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def install(wheel, tmp_path_factory) -> Callable[[Path], Environment]:
    """Make an environment of a Python: call it with the interpreter. Once for each interpreter."""
    made: dict[Path, Environment] = {}

    def install_once(python: Path) -> Environment:
        if python not in made:
            root = tmp_path_factory.mktemp("environment") / "venv"
            subprocess.run([str(python), "-m", "venv", str(root)], check=True, capture_output=True)
            pip_install(root, "--require-hashes", "--only-binary", ":all:", "-r", str(BASE_LOCK))
            pip_install(root, "--no-index", str(wheel))
            made[python] = Environment(root)
        return made[python]

    yield install_once
    for environment in made.values():
        shutil.rmtree(environment.root, ignore_errors=True)


def pip_install(root: Path, *arguments: str) -> None:
    """Install into an environment; skips the test, saying why, where no registry can be reached."""
    ended = subprocess.run(
        [str(root / "bin/python"), "-m", "pip", "install", "--no-deps", "-q", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    said = ended.stdout + ended.stderr
    if ended.returncode and any(sign in said for sign in PIP_IS_OFFLINE):
        pytest.skip("pip reaches no package registry, so the wheel cannot be tried on its own")
    assert ended.returncode == 0, said
