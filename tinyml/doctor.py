"""Which tools are there, found by asking each for its version; nothing is imported for it.

Whatever lies on PATH is run, so a tool may hang, print without end or be no program at all: each is
given a deadline, its output is read up to a limit, and what it says is shown as plain text only.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import selectors
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tinyml import cmsis_nn
from tinyml.errors import InputError

FOUND, MISSING, BROKEN = "found", "missing", "broken"

_DEADLINE_SECONDS = 5.0
_MOST_OUTPUT = 1 << 17  # bytes; the longest we need is a compiler's list of macros
_VERSION = re.compile(r"\d+(?:\.\d+)+")
_TRAIN = "pip install 'tinyml-toolchain[train]' (Python 3.9 to 3.11)"
_FEDERATED = "pip install 'tinyml-toolchain[federated]' (Python 3.9 to 3.11, x86_64)"
_TO_CORTEX_M = ["-mcpu=cortex-m4", "-mthumb"]
_SHOW_NEWLIB = ["-E", "-dM", "-include", "_newlib_version.h", "-x", "c", os.devnull]
_COMPILE_STDIO = ["-fsyntax-only", "-include", "stdio.h", "-x", "c", os.devnull]


@dataclass(frozen=True)
class State:
    """How a tool was found to be.

    Attributes:
        status: FOUND, MISSING, or BROKEN (there, but of no use: `detail` says why).
        version: as it says itself; empty when it does not.
        detail: where it lies, or what is wrong with it.
    """

    status: str
    version: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Tool:
    """One row of the doctor's answer.

    Attributes:
        name: what people call it.
        required: export and validate do not work without it.
        needed_for: the commands and options that use it.
        remedy: how to get it.
        probe: looks for it.
    """

    name: str
    required: bool
    needed_for: str
    remedy: str
    probe: Callable[[], State]


@dataclass(frozen=True)
class Answer:
    """What a program said (stdout and stderr together), and its exit status."""

    text: str
    status: int


def tools(cmsis_nn_path: Path | None = None) -> list[Tool]:
    """Every tool that tinyml can use, the required ones first."""
    return [
        Tool(
            "arm-none-eabi-gcc",
            True,
            "export, validate, bench",
            "apt install gcc-arm-none-eabi (Debian, Ubuntu)",
            lambda: program("arm-none-eabi-gcc"),
        ),
        Tool(
            "newlib",
            True,
            "export, validate, bench",
            "apt install libnewlib-arm-none-eabi (Debian, Ubuntu)",
            newlib,
        ),
        Tool(
            "qemu-system-arm",
            True,
            "validate, bench",
            "apt install qemu-system-arm (Debian, Ubuntu)",
            qemu,
        ),
        Tool(
            "host C compiler",
            False,
            "validate on the host",
            "apt install gcc libc6-dev (Debian, Ubuntu), or set CC",
            host_compiler,
        ),
        Tool(
            "tflite-micro",
            False,
            "validate against TFLM (without it: against our own reference)",
            "pip install 'tinyml-toolchain[tflm]'",
            lambda: package("tflite-micro"),
        ),
        Tool(
            "CMSIS-NN",
            False,
            "export --kernels cmsis-nn",
            f"get ARM-software/CMSIS-NN, release 7.0.0 or later, and set {cmsis_nn.ENVIRONMENT}",
            lambda: arm_kernels(cmsis_nn_path),
        ),
        Tool(
            "Renode",
            False,
            "validate on Renode's boards",
            "install Renode 1.14 or later, and put it on PATH or set RENODE_PATH",
            renode,
        ),
        Tool(
            "pyserial",
            False,
            "validate --serial",
            "pip install 'tinyml-toolchain[serial]'",
            lambda: package("pyserial"),
        ),
        Tool("pyOCD", False, "flash", "pip install 'tinyml-toolchain[flash]'", pyocd),
        Tool(
            "TensorFlow",
            False,
            "train, distill, federate, quantize",
            _TRAIN,
            lambda: package("tensorflow", "tensorflow-cpu", "tensorflow-intel", "tensorflow-macos"),
        ),
        Tool(
            "TF Model Optimization",
            False,
            "quantization-aware training",
            _TRAIN,
            lambda: package("tensorflow-model-optimization"),
        ),
        Tool(
            "TF Federated",
            False,
            "federate",
            _FEDERATED,
            lambda: package("tensorflow-federated"),
        ),
        Tool("TFF worker", False, "federate", _FEDERATED, federated_worker),
    ]


# ---- probes ------------------------------------------------------------------------------------


def program(name: str | Path, *arguments: str) -> State:
    """A program that prints its version for --version."""
    path = shutil.which(str(name))
    if not path:
        return State(MISSING)
    answer = ask([path, *(arguments or ("--version",))])
    if isinstance(answer, str):
        return State(BROKEN, detail=f"{path} {answer}")
    if answer.status != 0:
        return State(BROKEN, detail=f"{path} ends with status {answer.status}")
    return State(FOUND, _version(answer.text), path)


def newlib() -> State:
    """The C library of the cross compiler, and its headers; Debian packs them apart from it."""
    compiler = shutil.which("arm-none-eabi-gcc")
    if not compiler:
        return State(MISSING)
    place = ask([compiler, *_TO_CORTEX_M, "-print-file-name=libc.a"])
    lines = "" if isinstance(place, str) else place.text.strip()
    if not lines or not Path(lines.splitlines()[0]).is_absolute():
        return State(MISSING)
    macros = ask([compiler, *_SHOW_NEWLIB])
    if isinstance(macros, str) or macros.status != 0:
        return State(BROKEN, detail="the library is there, its headers are not")
    version = re.search(r'#define _NEWLIB_VERSION "([\d.]+)"', macros.text)
    return State(FOUND, version.group(1) if version else "", _plain(lines))


def qemu() -> State:
    """QEMU, with the machine that firmware for a Cortex-M4 runs on."""
    found = program("qemu-system-arm")
    if found.status != FOUND:
        return found
    machines = ask([found.detail, "-machine", "help"])
    if isinstance(machines, str) or not re.search(r"^mps2-an386\s", machines.text, re.MULTILINE):
        return State(BROKEN, found.version, f"{found.detail} has no machine mps2-an386")
    return found


def host_compiler() -> State:
    """$CC, or the first of cc, gcc and clang that is there; it must know the standard headers."""
    named = os.environ.get("CC", "")
    try:
        command = shlex.split(named)  # $CC may hold options, or a wrapper: "ccache gcc"
    except ValueError as error:
        return State(BROKEN, detail=_plain(f"$CC is {named}: {error}"))
    command = command or [next(filter(shutil.which, ("cc", "gcc", "clang")), "cc")]
    state = program(*command, "--version")
    if state.status == MISSING and named:
        return State(BROKEN, detail=_plain(f"$CC names {command[0]}, which is not there"))
    if state.status != FOUND:
        return state
    built = ask([state.detail, *command[1:], *_COMPILE_STDIO])
    if isinstance(built, str) or built.status != 0:
        return State(BROKEN, state.version, f"{state.detail} cannot compile #include <stdio.h>")
    return state


def arm_kernels(given: Path | None) -> State:
    """CMSIS-NN in the place that the option or the environment names."""
    try:
        kernels = cmsis_nn.find(given)
    except InputError as error:
        return State(BROKEN, detail=_plain(str(error)))
    if kernels is None:
        return State(MISSING)
    if not kernels.is_supported:
        return State(BROKEN, kernels.version, f"{kernels.root} is older than 7.0.0")
    return State(FOUND, kernels.version, str(kernels.root))


def renode() -> State:
    """Renode: $RENODE_PATH (the program, or its folder), else `renode` on PATH."""
    from tinyml.emulate import renode as emulator

    try:
        found = emulator.find()
    except InputError as error:
        return State(BROKEN, detail=_plain(str(error)))
    return program(found) if found else State(MISSING)


def pyocd() -> State:
    """PyOCD, in this environment or another one on PATH."""
    here = package("pyocd")
    return here if here.status == FOUND else program("pyocd")


def package(*distributions: str) -> State:
    """A Python package, by the names that it is distributed under; not imported."""
    for name in distributions:
        with suppress(importlib.metadata.PackageNotFoundError):
            found = importlib.metadata.distribution(name)
            where = Path(str(found.locate_file("")))
            # an interrupted uninstall leaves a folder without metadata; newer importlib-metadata raises
            version = None
            with suppress(FileNotFoundError):
                version = found.metadata["Version"] if found.metadata else None
            if version is None:
                return State(BROKEN, detail=f"{name} in {where} is half-installed")
            return State(FOUND, str(version), str(where))
    return State(MISSING)


def federated_worker() -> State:
    """The program that TensorFlow Federated computes in."""
    from tinyml.federated.worker import find_worker  # light: it imports no TensorFlow

    worker = find_worker()
    return State(FOUND, detail=str(worker)) if worker else State(MISSING)


# ---- asking programs ---------------------------------------------------------------------------


def ask(command: list[str], deadline: float = _DEADLINE_SECONDS) -> Answer | str:
    """Run a program without input and read what it prints, for a bounded time and length.

    Returns:
        its answer, or words that say why there is none.
    """
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that its children can be ended with it
        )
    except OSError as error:
        return f"cannot be run ({error.strerror})"
    until = time.monotonic() + deadline
    try:
        said = _read(process, until)
        if said is None:
            return f"prints more than {_MOST_OUTPUT} bytes"
        return Answer(said, process.wait(max(0.0, until - time.monotonic())))
    except (subprocess.TimeoutExpired, TimeoutError):
        return f"gives no answer in {deadline:g} s"
    finally:
        _end(process)


def _read(process: subprocess.Popen[bytes], until: float) -> str | None:
    """All that the process prints, or None when that is too much.

    Raises:
        TimeoutError: it was not done in time.
    """
    assert process.stdout is not None
    said = b""
    with selectors.DefaultSelector() as ready:
        ready.register(process.stdout, selectors.EVENT_READ)
        while len(said) <= _MOST_OUTPUT:
            if not ready.select(max(0.0, until - time.monotonic())):
                raise TimeoutError
            block = os.read(process.stdout.fileno(), 1 << 16)
            if not block:
                return said.decode("utf-8", errors="replace")
            said += block
    return None


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process and its children, and close its pipe."""
    with suppress(OSError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def _version(text: str) -> str:
    """The first thing that looks like a version, of those outside a packager's parentheses."""
    first = _plain(text)
    found = _VERSION.search(re.sub(r"\([^)]*\)", " ", first)) or _VERSION.search(first)
    return found.group(0) if found else ""


def _plain(text: str) -> str:
    """The first line, short and without control characters, fit for a terminal."""
    line = next(iter(text.strip().splitlines()), "")
    return "".join(c if c.isprintable() else " " for c in line)[:300]
