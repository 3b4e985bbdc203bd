"""The command line: one file a command, each imported only when it is asked for."""

from __future__ import annotations

import importlib
import sys

import click

from tinyml import __version__, interruption
from tinyml.errors import TinymlError

# Command -> its line in `tinyml --help`: written here so that help imports no command.
COMMANDS = {
    "data": "Read a data set once, into one .npz.",
    "train": "Train a teacher on a data set.",
    "distill": "Compress a teacher into a student with dreams, without real samples.",
    "federate": "Simulate federated training on clients with skewed data.",
    "worker": "Train clients of a `federate` that runs on another machine.",
    "quantize": "Turn a Keras model into an int8 or int16x8 .tflite, or train it quantized.",
    "inspect": "Show what a .tflite holds, and what would not export.",
    "export": "Turn an int8 .tflite into a C firmware project.",
    "validate": "Run an exported project and compare every output byte with TFLM.",
    "flash": "Put the firmware on its board over a debug probe.",
    "bench": "Count a model's instructions, flash, RAM and stack.",
    "report": "Put the records of a whole way on one HTML page.",
    "targets": "List the known cores and boards.",
    "doctor": "Show which tools are there, and how to get those that are not.",
}


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"tinyml.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands, in the order of the way from teacher to firmware"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tinyml")
def cli() -> None:
    """From a trained network to verified C firmware for Arm Cortex-M.

    Each step reads files, writes one file or directory with a record (run.json) beside it, and can be
    used alone. Exit codes: 0 done, 1 a check failed, 2 bad input or usage.
    """


def main() -> None:
    """Entry point of `tinyml`: errors become one line and an exit code, never a traceback."""
    interruption.listen()
    try:
        # standalone_mode would print usage errors over several lines and swallow Ctrl-C's cleanup
        code = cli.main(standalone_mode=False)
    except TinymlError as error:
        _end(f"tinyml: {error}", error.exit_code)
    except click.ClickException as error:
        place = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else ""
        help_hint = f" (see '{place} --help')" if place else ""
        _end(f"tinyml: {' '.join(error.format_message().split())}{help_hint}", 2)
    except (KeyboardInterrupt, click.Abort):
        _end("tinyml: interrupted; nothing half-written is left", 130)
    except BrokenPipeError:
        sys.exit(1)
    interruption.deaf()
    sys.exit(code if isinstance(code, int) else 0)


def _end(line: str, code: int) -> None:
    print(line, file=sys.stderr, flush=True)
    if code == 130:
        interruption.end()
    sys.exit(code)
