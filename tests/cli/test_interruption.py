"""Ctrl-C at awkward moments: commands of this test's own, run by the entry point of `tinyml`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

# The command `try` is BODY; `ctrl_c` is the user at a moment that the test chooses.
PROGRAM = """
import atexit, os, signal, sys, threading, types
from pathlib import Path
import click
from tinyml import cli, run

def ctrl_c():
    os.kill(os.getpid(), signal.SIGINT)

@click.command()
@click.option("-o", "output", type=Path)
def command(output):
    with run.step("try", output, inputs={}, settings={}, resumable=RESUMABLE) as step:
        step.path.write_text("whole")
        BODY

cli.COMMANDS["try"] = "for a test"
sys.modules["tinyml.cli.try"] = types.SimpleNamespace(command=command)
sys.argv = ["tinyml", "try", "-o", "OUTPUT"]
cli.main()
"""


def run_command(
    body: str, output: Path, resumable: bool = False
) -> subprocess.CompletedProcess[str]:
    text = PROGRAM.replace("BODY", body).replace("RESUMABLE", str(resumable))
    program = output.parent.with_name("program")
    program.mkdir()
    (program / "interrupted.py").write_text(text.replace("OUTPUT", str(output)))
    # -m as in `python -m tinyml`: only there CPython dies by SIGINT as interruption.end tells
    command = [sys.executable, "-m", "interrupted"]
    places = os.pathsep.join([str(program), *sys.path])
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": places},
    )


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """A file to write, alone in its directory."""
    (tmp_path / "out").mkdir()
    return tmp_path / "out" / "output"


def test_where_nobody_minds(output: Path) -> None:
    done = run_command("pass", output)
    assert (done.returncode, done.stderr) == (0, "")
    assert output.read_text() == "whole"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("exec('ctrl_c()')", id="while-python-runs-a-string"),
        pytest.param(
            "import contextlib\n        with contextlib.suppress(BaseException): ctrl_c()",
            id="in-a-library-that-swallows-it",
        ),
        pytest.param(
            "class Dying:\n            def __del__(self): ctrl_c()\n        Dying()",
            id="in-a-destructor",
        ),
        pytest.param(
            "atexit.register(threading.Event().wait); ctrl_c()",
            id="before-a-library-hangs-at-the-end",
        ),
    ],
)
@pytest.mark.parametrize("resumable", [False, True])
def test_an_interrupt_is_never_lost(output: Path, body: str, resumable: bool) -> None:
    done = run_command(body, output, resumable)
    assert done.returncode == 130
    assert done.stderr.strip().startswith("tinyml: interrupted; ")  # click ends the line of ^C
    assert len(done.stderr.strip().splitlines()) == 1
    left = [".output.partial"] if resumable else []
    assert [path.name for path in output.parent.iterdir()] == left


def test_an_interrupt_while_python_ends(output: Path) -> None:
    done = run_command("atexit.register(ctrl_c)", output)
    assert (done.returncode, done.stderr) == (0, "")
    assert output.read_text() == "whole"
