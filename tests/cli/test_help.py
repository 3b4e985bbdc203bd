"""The command line's manners: help costs nothing, and every error is one line and an exit code."""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from tinyml import __version__
from tinyml.cli import COMMANDS, cli

TINYML = Path(sys.executable).with_name("tinyml")
HEAVY = {"tensorflow", "numpy", "rich", "jinja2", "tflite", "keras", "sklearn", "matplotlib"}


def tinyml(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(TINYML), *arguments], capture_output=True, text=True, check=False)


def written_commands() -> list[str]:
    """The commands whose file exists; help names those too that are still being written."""
    return [name for name in COMMANDS if importlib.util.find_spec(f"tinyml.cli.{name}")]


def every_command() -> list[tuple[str, click.Command]]:
    """All commands and subcommands, by their full name."""
    context = click.Context(cli)

    def below(name: str, command: click.Command) -> list[tuple[str, click.Command]]:
        found = [(name, command)]
        if isinstance(command, click.Group):
            for child in command.list_commands(context):
                got = command.get_command(context, child)
                assert got is not None
                found += below(f"{name} {child}", got)
        return found

    found = []
    for name in written_commands():
        command = cli.get_command(context, name)
        assert command is not None
        found += below(name, command)
    return found


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["--version"], []])
def test_help_imports_no_command_and_nothing_heavy(arguments):
    """Half a second is kept by what is imported, which a test can see on any machine."""
    code = (
        "import sys\n"
        "from tinyml.cli import main\n"
        f"sys.argv = ['tinyml', *{arguments!r}]\n"
        "try:\n"
        "    main()\n"
        "finally:\n"
        "    print('IMPORTED', *sys.modules, file=sys.stderr)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    imported = ended.stderr.rpartition("IMPORTED")[2].split()
    assert not HEAVY & set(imported)
    assert [m for m in imported if m.startswith("tinyml.cli.")] == []


@pytest.mark.parametrize("name", written_commands())
def test_help_of_a_command_imports_no_tensorflow(name):
    code = (
        "import sys\n"
        "from tinyml.cli import main\n"
        f"sys.argv = ['tinyml', {name!r}, '--help']\n"
        "try:\n"
        "    main()\n"
        "finally:\n"
        "    print('IMPORTED', *sys.modules, file=sys.stderr)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert not {"tensorflow", "keras", "sklearn"} & set(ended.stderr.split())


def test_help_lists_every_command():
    ended = tinyml("--help")
    assert ended.returncode == 0
    assert re.findall(r"^  ([a-z]+)  ", ended.stdout, re.MULTILINE) == list(COMMANDS)


def test_version():
    assert tinyml("--version").stdout == f"tinyml, version {__version__}\n"


def test_every_command_and_option_explains_itself():
    for name, command in every_command():
        assert command.help, name
        for parameter in command.params:
            if not isinstance(parameter, click.Option):
                continue
            spelled_out = [option for option in parameter.opts if option.startswith("--")]
            assert spelled_out, f"{name}: {parameter.opts} has no long form"
            for option in spelled_out:
                assert re.fullmatch(r"--[a-z0-9]+(-[a-z0-9]+)*", option), f"{name}: {option}"


def test_every_command_can_be_asked_for_json_and_detail():
    for name, command in every_command():
        if isinstance(command, click.Group):
            continue
        options = {option for parameter in command.params for option in parameter.opts}
        assert {"--json", "--verbose"} <= options, name


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["no-such-command"], "no-such-command"),
        (["--no-such-option"], "--no-such-option"),
        (["doctor", "--no-such-option"], "--no-such-option"),
        (["doctor", "surplus"], "surplus"),
        (["doctor", "--cmsis-nn"], "--cmsis-nn"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(arguments, named):
    ended = tinyml(*arguments)
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr.startswith("tinyml: ")
    assert ended.stderr.count("\n") == 1
    assert named in ended.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_command_says_so_in_one_line(tmp_path, number):
    """The doctor waits for a compiler that never answers; the signal ends both."""
    compiler = tmp_path / "arm-none-eabi-gcc"
    compiler.write_text('#!/bin/sh\n: > "$0.started"\nexec /bin/sleep 60\n')
    compiler.chmod(0o755)
    running = subprocess.Popen(
        [str(TINYML), "doctor"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PATH": str(tmp_path)},
    )
    started = tmp_path / "arm-none-eabi-gcc.started"
    while not started.exists():
        assert running.poll() is None
    running.send_signal(number)
    _, said = running.communicate(timeout=4)  # well before the doctor would give up
    # click moves to a new line first, past the ^C that a terminal shows
    assert said.strip() == "tinyml: interrupted; nothing half-written is left"
    assert running.returncode == 130
