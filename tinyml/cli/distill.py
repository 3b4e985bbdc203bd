"""`tinyml distill`: a teacher to a student, by dreams."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from tinyml import console
from tinyml.cli import dreaming, fitting, options
from tinyml.cli import metadata as summary
from tinyml.distill.settings import (
    INITS,
    Limits,
    StudentSettings,
)

_F = TypeVar("_F", bound=Callable[..., Any])
_STUDENT = StudentSettings()
_PATH = click.Path(path_type=Path)
_POSITIVE = click.FloatRange(min=0, min_open=True)
_WEIGHT = click.FloatRange(min=0)


class _RunByDefault(click.Group):
    """`tinyml distill --teacher ...` is `tinyml distill run --teacher ...`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0].startswith("-") and args[0] not in ctx.help_option_names:
            args = ["run", *args]
        return super().parse_args(ctx, args)


@click.group("distill", cls=_RunByDefault)
def command() -> None:
    """Compress a teacher into a student with dreams, without real samples.

    Without a subcommand, the options are those of 'run', which does all that is needed in one go.
    """


def _teacher(function: _F) -> _F:
    return options.apply(
        function,
        click.option("--teacher", type=_PATH, required=True, help="The teacher (.keras or .h5)."),
        click.option(
            "--layer", metavar="NAME", help="The pooled feature layer, if it is not found."
        ),
        options.unsafe,
    )


def _student(function: _F) -> _F:
    return options.apply(
        function,
        click.option(
            "--student",
            metavar="NAME|FILE",
            help="Architecture, as of 'tinyml train --model', e.g. ds-cnn-16, or a model file whose "
            "structure is taken.",
        ),
        fitting.fit,
        click.option(
            "--init",
            type=click.Choice(INITS),
            default=INITS[0],
            show_default=True,
            help="Start from random weights, or from the teacher's most used channels.",
        ),
        click.option(
            "--steps",
            type=click.IntRange(min=0),
            default=_STUDENT.steps,
            show_default=True,
            help="Gradient steps; 0 leaves the student as --init made it.",
        ),
        click.option(
            "--batch-size",
            type=click.IntRange(min=2),
            default=_STUDENT.batch_size,
            show_default=True,
        ),
        click.option(
            "--learning-rate",
            type=_POSITIVE,
            default=_STUDENT.learning_rate,
            show_default=True,
            help="The highest, at the start; it falls to 0 along a cosine.",
        ),
        click.option(
            "--temperature",
            type=_POSITIVE,
            default=_STUDENT.temperature,
            show_default=True,
            help="Softens both answers.",
        ),
        click.option(
            "--mixup",
            type=click.FloatRange(0, 1),
            default=_STUDENT.mixup,
            show_default=True,
            help="Share of the images mixed with another and answered anew.",
        ),
        click.option(
            "--disagreement",
            type=_WEIGHT,
            default=_STUDENT.disagreement,
            show_default=True,
            help="How far images move to where student and teacher disagree.",
        ),
        click.option(
            "--hint",
            type=_WEIGHT,
            default=_STUDENT.hint,
            show_default=True,
            help="Weight of the teacher's maps after its batch norms, for a student built like it. "
            "[try 10]",
        ),
        click.option(
            "--reestimate/--no-reestimate",
            default=_STUDENT.reestimate,
            show_default=True,
            help="At the end, measure the batch norms' statistics anew, on the images as they are. "
            "[with --disagreement 0]",
        ),
        click.option(
            "--augment/--no-augment",
            default=_STUDENT.augment,
            show_default=True,
            help="Shift, turn, stretch and shear the dreams a little.",
        ),
        options.flip,
    )


def _teacher_file(given: dict[str, Any]) -> Any:
    from tinyml.distill.steps import TeacherFile

    return TeacherFile(given["teacher"], given["layer"], given["allow_unsafe"])


@command.command("metadata")
@_teacher
@options.data("Data set whose training split is looked at.")
@summary.limits
@summary.privacy
@options.seed
@options.output("Where the metadata goes (.npz)")
@options.common
@click.pass_context
def metadata(ctx: click.Context, **given: Any) -> None:
    """Summarise the teacher's activations on a part of the data, for whoever has the data.

    The file holds cluster centres, principal components, variances and counts; no sample. With
    --epsilon noise is added, with a guarantee; docs/metadata.md says what is protected and what not.
    Only the file may leave: the run record beside it has the data's hash.
    """
    from tinyml.distill import steps

    budget = summary.budget(given, ctx)
    output = steps.Output(given["output"], given["force"])
    limits = options.take(Limits, given)
    metrics = steps.write_metadata(
        _teacher_file(given), given["data"], limits, given["seed"], output, budget
    )
    console.result(
        {"output": str(output.path), **metrics},
        f"{output.path}: {metrics['clusters']} clusters of {metrics['features']} activations at "
        f"layer '{metrics['layer']}', from {metrics['samples']} samples; "
        f"{metrics['bytes']:,} bytes",
    )


@command.command("dream")
@_teacher
@dreaming.plan
@dreaming.pixels
@dreaming.fast
@dreaming.machine
@options.seed
@options.output("Directory for the dreams")
@options.common
def dream(**given: Any) -> None:
    """Make images out of what the teacher remembers, without data.

    On several hosts at once when TF_CONFIG names them; the first one gets the dreams.
    """
    from tinyml.distill import hosts, steps

    together = hosts.from_environment()
    asked = (_teacher_file(given), dreaming.settings(given), given["seed"])
    if together and not together.chief:
        steps.help_dreams(*asked, together)
        console.result(
            {"chief": together.addresses[0]}, f"the dreams are on {together.addresses[0]}"
        )
        return
    output = steps.Output(given["output"], given["force"])
    metrics = steps.write_dreams(*asked, output, together)
    console.result({"output": str(output.path), **metrics}, _dream_summary(output.path, metrics))


def _dream_summary(output: Path, metrics: dict[str, Any]) -> str:
    rows = [
        [str(label), "-" if share is None else f"{share:.1%}", str(count)]
        for label, (share, count) in enumerate(
            zip(metrics["agreement_by_class"], metrics["teacher_labels"])
        )
    ]
    return (
        f"{output}: {metrics['dreams']:,} dreams, {metrics['dreams_per_second']:.1f} a second; the "
        f"teacher gives {metrics['agreement']:.1%} of them the class they were drawn for\n"
        + console.table("", ["class", "labelled as drawn", "labelled so in all"], rows)
    )


@command.command("student")
@_teacher
@click.option(
    "--dreams",
    metavar="DIR|data:SOURCE",
    required=True,
    multiple=True,
    help="Dreams, or the images of a data set that you may use; repeat it to pool several.",
)
@_student
@options.data(
    "Report accuracy on this data set when all is done; the student never sees it.", required=False
)
@options.seed
@options.output("Where the student goes (.keras)")
@options.common
def student(**given: Any) -> None:
    """Train a student to imitate the teacher on dreams."""
    from tinyml.distill import steps

    output = steps.Output(given["output"], given["force"])
    metrics = steps.write_student(
        _teacher_file(given),
        list(given["dreams"]),
        fitting.wanted(given),
        given["init"],
        options.take(StudentSettings, given),
        given["data"],
        given["seed"],
        output,
    )
    console.result({"output": str(output.path), **metrics}, _student_summary(output.path, metrics))


def _student_summary(output: Path, metrics: dict[str, Any]) -> str:
    text = (
        f"{output}: {metrics['parameters']:,} parameters, {metrics['times_smaller']:.1f} times "
        f"fewer than the teacher, from {metrics['dreams']:,} dreams"
    )
    if "accuracy_test" in metrics:
        text += (
            f"; accuracy {metrics['accuracy_validation']:.2%} validation, "
            f"{metrics['accuracy_test']:.2%} test, the teacher's {metrics['accuracy_test_teacher']:.2%}"
        )
    return f"{fitting.table(metrics['fit'])}\n{text}" if "fit" in metrics else text


@command.command("run")
@_teacher
@dreaming.plan
@dreaming.pixels
@dreaming.fast
@dreaming.machine
@_student
@options.data(
    "Report accuracy on this data set when all is done; the student never sees it.", required=False
)
@options.seed
@options.output("Directory for dreams/ and student.keras")
@options.common
def run_all(**given: Any) -> None:
    """Make dreams and train a student on them, in one go."""
    from tinyml.distill import hosts, steps

    hosts.require_one("distill run")
    metrics = steps.write_all(
        _teacher_file(given),
        dreaming.settings(given),
        (fitting.wanted(given), given["init"], options.take(StudentSettings, given)),
        given["data"],
        given["seed"],
        steps.Output(given["output"], given["force"]),
    )
    made = given["output"] / "student.keras"
    console.result(
        {"output": str(given["output"]), **metrics}, _student_summary(made, metrics["student"])
    )
