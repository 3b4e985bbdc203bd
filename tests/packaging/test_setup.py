"""`make setup` where something is missing: it stops, and says exactly what to install.

The script runs in a copy of what it reads, with a PATH of our own making: nothing is installed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EVERY_SYSTEM_HAS = ["bash", "cat", "chmod", "cut", "dirname", "env", "flock", "grep", "id"]
EVERY_SYSTEM_HAS += ["mkdir", "rm", "sha256sum", "true", "uname"]
PACKAGES = "gcc libc6-dev gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm"
GOOD_TOOLS = {
    "gcc": "exit 0",
    "arm-none-eabi-gcc": 'case "$*" in *libc.a*) echo /bin/sh;; esac',  # any file that exists
    "qemu-system-arm": "echo 'mps2-an386 a board'",
}
PYTHON = r"""
case "$*" in
    *ensurepip*) [ -e "$0.venv" ] ;;
    *"-m venv"*)
        mkdir -p .venv/bin
        printf '#!/bin/sh\necho "$*" >>pip.log\n[ ! -e fail ] || exit 1\n' >.venv/bin/python
        : >.venv/pyvenv.cfg
        chmod +x .venv/bin/python ;;
esac
"""


class Machine:
    """A checkout on a system that holds what a test puts there."""

    def __init__(self, root: Path) -> None:
        self.bin, self.checkout = root / "bin", root / "checkout"
        self.path = str(self.bin)
        self.bin.mkdir()
        for name in EVERY_SYSTEM_HAS:
            (self.bin / name).symlink_to(str(shutil.which(name)))
        for name in ("tools/setup.sh", "requirements/py311.lock", "pyproject.toml"):
            (self.checkout / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, self.checkout / name)

    def put(self, name: str, script: str) -> None:
        (self.bin / name).unlink(missing_ok=True)
        (self.bin / name).write_text("#!/bin/sh\n" + textwrap.dedent(script))
        (self.bin / name).chmod(0o755)

    def put_python(self) -> None:
        self.put("python3.11", PYTHON)
        (self.bin / "python3.11.venv").touch()

    def put_good_tools(self) -> None:
        self.put_python()
        for name, script in GOOD_TOOLS.items():
            self.put(name, script)

    def set_up(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.bin / "bash"), "tools/setup.sh"],
            cwd=self.checkout,
            env={"PATH": self.path, "HOME": os.environ.get("HOME", "/")},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def pip_calls(self) -> list[str]:
        log = self.checkout / "pip.log"
        calls = log.read_text().splitlines() if log.exists() else []
        return [call for call in calls if "pip" in call]


@pytest.fixture
def machine(tmp_path) -> Machine:
    return Machine(tmp_path)


def assert_stopped(ended: subprocess.CompletedProcess[str], *said: str) -> None:
    assert ended.returncode == 1, ended.stderr
    for words in said:
        assert words in ended.stderr


def test_no_python_3_11(machine):
    machine.put("python3", "exit 1")  # another version answers so
    assert_stopped(machine.set_up(), "no Python 3.11 found; install python3.11 and python3.11-venv")


def test_a_shim_that_cannot_run_is_passed_over(machine, tmp_path):
    machine.put_good_tools()
    shims = tmp_path / "shims"
    shims.mkdir()
    (shims / "python3.11").write_text("#!/bin/sh\nexit 127\n")
    (shims / "python3.11").chmod(0o755)
    machine.path = f"{shims}:{machine.bin}"
    assert machine.set_up().returncode == 0


def test_no_apt(machine):
    machine.put_python()
    assert_stopped(machine.set_up(), f"has no apt; install what Debian calls: {PACKAGES}")


def test_python_without_venv_module(machine):
    machine.put_python()
    (machine.bin / "python3.11.venv").unlink()
    assert_stopped(machine.set_up(), f"Debian calls: python3.11-venv {PACKAGES}")


@pytest.mark.parametrize("sudo", [None, "exit 1"])
def test_not_root_and_no_sudo(machine, sudo):
    machine.put_python()
    machine.put("id", "echo 1000")
    machine.put("apt-get", "exit 1")
    if sudo:
        machine.put("sudo", sudo)
    assert_stopped(machine.set_up(), f"as root: apt-get install {PACKAGES}")


def test_apt_that_fails(machine):
    machine.put_python()
    machine.put("id", "echo 0")
    machine.put("apt-get", "echo E: no such package >&2; exit 100")
    machine.put("dpkg", "exit 0")
    ended = machine.set_up()
    assert_stopped(ended, "E: no such package", f"install by hand: {PACKAGES}")


def test_apt_that_installs_what_does_not_work(machine):
    machine.put_python()
    machine.put("id", "echo 0")
    machine.put("apt-get", "exit 0")
    assert_stopped(machine.set_up(), f"installed with apt, but still not working: {PACKAGES}")


def test_sudo_installs_only_what_is_missing(machine):
    machine.put_good_tools()
    (machine.bin / "qemu-system-arm").unlink()
    machine.put("id", "echo 1000")
    machine.put("sudo", '[ "$1" = -n ] && shift; exec "$@"')
    machine.put(
        "apt-get",
        """\
        echo "$*" >apt.log
        { echo '#!/bin/sh'; echo 'echo "mps2-an386 a board"'; } >"${0%/*}/qemu-system-arm"
        chmod +x "${0%/*}/qemu-system-arm"
        """,
    )
    ended = machine.set_up()
    assert ended.returncode == 0, ended.stderr
    asked = (machine.checkout / "apt.log").read_text()
    assert asked.endswith("install -y --no-install-recommends qemu-system-arm\n")


def test_first_run_installs_from_the_lock_and_second_run_does_nothing(machine):
    machine.put_good_tools()
    ended = machine.set_up()
    assert ended.returncode == 0, ended.stderr
    locked, own = machine.pip_calls()
    assert "--no-deps --quiet --require-hashes" in locked
    assert locked.endswith("-r requirements/py311.lock")
    assert own.endswith("--no-build-isolation --no-index -e .")
    ended = machine.set_up()
    assert (ended.returncode, ended.stderr) == (0, "")
    assert len(machine.pip_calls()) == 2


def test_an_interrupted_set_up_is_made_again(machine):
    machine.put_good_tools()
    (machine.checkout / "fail").touch()
    assert_stopped(machine.set_up(), "run make setup again")
    (machine.checkout / ".venv/half-installed").touch()
    (machine.checkout / "fail").unlink()
    assert machine.set_up().returncode == 0
    assert not (machine.checkout / ".venv/half-installed").exists()


def test_a_new_lock_makes_the_environment_again(machine):
    machine.put_good_tools()
    machine.set_up()
    (machine.checkout / ".venv/old").touch()
    with (machine.checkout / "requirements/py311.lock").open("a") as lock:
        lock.write("# changed\n")
    assert machine.set_up().returncode == 0
    assert not (machine.checkout / ".venv/old").exists()


def test_an_activated_venv_can_be_made_again(machine):
    machine.put_good_tools()
    machine.set_up()
    (machine.checkout / ".venv/bin/python3.11").symlink_to(machine.bin / "python3.11")
    (machine.checkout / ".venv/bin/python").unlink()
    machine.path = f"{machine.checkout}/.venv/bin:{machine.bin}"
    ended = machine.set_up()
    assert ended.returncode == 0, ended.stderr


def test_a_new_pyproject_installs_only_the_package_again(machine):
    machine.put_good_tools()
    machine.set_up()
    (machine.checkout / ".venv/kept").touch()
    with (machine.checkout / "pyproject.toml").open("a") as project:
        project.write("# changed\n")
    assert machine.set_up().returncode == 0
    assert (machine.checkout / ".venv/kept").exists()
    assert len(machine.pip_calls()) == 3


def test_a_venv_of_someone_elses_is_left_alone(machine):
    machine.put_good_tools()
    (machine.checkout / ".venv").mkdir()
    (machine.checkout / ".venv/pyvenv.cfg").touch()
    assert_stopped(machine.set_up(), ".venv was not made by make setup")
    assert (machine.checkout / ".venv/pyvenv.cfg").exists()


@pytest.mark.parametrize(("system", "processor"), [("Linux", "aarch64"), ("Darwin", "arm64")])
def test_another_platform(machine, system, processor):
    machine.put("uname", f'[ "$1" = -s ] && echo {system} || echo {processor}')
    assert_stopped(machine.set_up(), f"this is {system} on {processor}", "pip install .")
