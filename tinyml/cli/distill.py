"""`tinyml distill`: a teacher to a student, by dreams."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import click

from tinyml import console
from tinyml.cli import fitting, options
from tinyml.cli import metadata as summary
from tinyml.distill.settings import (
    INITS,
    Dreaming,
    FastSettings,
    Limits,
    PixelSettings,
    Plan,
    StudentSettings,
    method_names,
)

_F = TypeVar("_F", bound=Callable[..., Any])
_PLAN, _PIXELS, _STUDENT = Plan(), PixelSettings(), StudentSettings()
_FAST = FastSettings()
_PATH = click.Path(path_type=Path)
_COUNT = click.IntRange(min=1)
_POSITIVE = click.FloatRange(min=0, min_open=True)
_WEIGHT = click.FloatRange(min=0)


class _RunByDefault(click.Group):
    """`tinyml distill --teacher ...` is `tinyml distill run --teacher ...`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0].startswith("-") and args[0] not in ctx.help_option_names:
            args = ["run", *args]
        return super().parse_args(ctx, args)


def _sizes(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[int, ...]:
    """Batch sizes with commas between them."""
    items = value.split(",") if value else []
    if not all(item.strip().isdecimal() and int(item) > 1 for item in items):
        raise click.BadParameter(f"'{value}' is not numbers from 2 with commas between them")
    return tuple(int(item) for item in items)


@click.group("distill", cls=_RunByDefault)
def command() -> None:
    """Compress a teacher into a student with dreams, without real samples.

    Without a subcommand, the options are those of 'run', which does all that is needed in one go.
    """


def _apply(function: _F, *decorators: Callable[[Any], Any]) -> _F:
    for decorator in reversed(decorators):
        function = decorator(function)
    return function


def _teacher(function: _F) -> _F:
    return _apply(
        function,
        click.option("--teacher", type=_PATH, required=True, help="The teacher (.keras or .h5)."),
        click.option(
            "--layer", metavar="NAME", help="The pooled feature layer, if it is not found."
        ),
        options.unsafe,
    )


def _plan(function: _F) -> _F:
    return _apply(
        function,
        click.option(
            "--metadata", type=_PATH, help="Metadata of the teacher's activations (.npz)."
        ),
        click.option(
            "--method",
            metavar="NAME[,NAME...]",
            default=",".join(_PLAN.methods),
            show_default=True,
            help=f"{', '.join(method_names())}; several share the dreams out.",
        ),
        click.option(
            "--count", type=_COUNT, default=_PLAN.count, show_default=True, help="Dreams in all."
        ),
        click.option(
            "--dream-batch-size",
            type=click.IntRange(min=2),
            default=_PLAN.batch_size,
            show_default=True,
            help="Dreams made together, whose statistics are matched together.",
        ),
    )


def _pixels(function: _F) -> _F:
    return _apply(
        function,
        click.option(
            "--dream-steps",
            type=_COUNT,
            default=_PIXELS.steps,
            show_default=True,
            help="Gradient steps on the pixels.",
        ),
        click.option(
            "--dream-learning-rate",
            type=_POSITIVE,
            default=_PIXELS.learning_rate,
            show_default=True,
            help="Of Adam on pixels in [0, 1].",
        ),
        click.option(
            "--jitter",
            type=click.IntRange(min=0),
            default=_PIXELS.jitter,
            show_default=True,
            help="Largest random shift at a step, in pixels.",
        ),
        click.option(
            "--dream-flip/--no-dream-flip",
            default=_PIXELS.flip,
            show_default=True,
            help="Mirror the dreams at every second step: for photographs.",
        ),
        click.option(
            "--batch-norm",
            type=_WEIGHT,
            default=_PIXELS.batch_norm,
            show_default=True,
            help="Weight of the batch-norm prior.",
        ),
        click.option(
            "--total-variation",
            type=_WEIGHT,
            default=_PIXELS.total_variation,
            show_default=True,
            help="Weight of the smoothness prior.",
        ),
        click.option(
            "--energy",
            type=_WEIGHT,
            default=_PIXELS.energy,
            show_default=True,
            help="Weight of the L2 prior.",
        ),
        click.option(
            "--against",
            type=_PATH,
            help="A student (.keras or .h5); dreams are drawn to where it is not yet the teacher.",
        ),
        click.option(
            "--adversarial",
            type=_WEIGHT,
            default=_PIXELS.adversarial,
            show_default=True,
            help="Weight of that.",
        ),
    )


def _fast(function: _F) -> _F:
    return _apply(
        function,
        click.option(
            "--fast-steps",
            type=_COUNT,
            default=_FAST.steps,
            show_default=True,
            help="Method 'fast': steps of the generator on a batch.",
        ),
        click.option(
            "--fast-pixel-steps",
            type=click.IntRange(min=0),
            default=_FAST.pixel_steps,
            show_default=True,
            help="Likewise, steps on the pixels after that.",
        ),
        click.option(
            "--fast-episodes",
            type=_COUNT,
            default=_FAST.episodes,
            show_default=True,
            help="Likewise, small batches that the generator's start is learnt on.",
        ),
        click.option(
            "--fast-width",
            type=_COUNT,
            default=_FAST.width,
            show_default=True,
            help="Likewise, channels of the generator.",
        ),
    )


def _machine(function: _F) -> _F:
    return _apply(
        function,
        click.option(
            "--devices",
            metavar="NAME[,NAME...]",
            help="Make as many batches at once, e.g. on gpu:0,gpu:1 or on cpu:0,cpu:1.",
        ),
        click.option(
            "--probe",
            callback=_sizes,
            metavar="SIZE[,SIZE...]",
            help="First measure images a second at these batch sizes, for the run record.",
        ),
    )


def _student(function: _F) -> _F:
    return _apply(
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
            "--augment/--no-augment",
            default=_STUDENT.augment,
            show_default=True,
            help="Shift, turn, stretch and shear the dreams a little.",
        ),
        options.flip,
    )


def _take(kind: type[Any], given: dict[str, Any], prefix: str = "") -> Any:
    """Settings of a dataclass out of the options; an option with the prefix goes first."""
    names = [field.name for field in fields(kind)]
    return kind(**{n: given[prefix + n if prefix + n in given else n] for n in names})


def _teacher_file(given: dict[str, Any]) -> Any:
    from tinyml.distill.steps import TeacherFile

    return TeacherFile(given["teacher"], given["layer"], given["allow_unsafe"])


def _dreaming(given: dict[str, Any]) -> Dreaming:
    methods = tuple(name.strip() for name in given["method"].split(","))
    return Dreaming(
        Plan(methods, given["count"], given["dream_batch_size"]),
        _take(PixelSettings, given, "dream_"),
        _take(FastSettings, given, "fast_"),
        given["metadata"],
        given["against"],
        tuple(name.strip() for name in (given["devices"] or "").split(",") if name),
        given["probe"],
    )


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
    limits = _take(Limits, given)
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
@_plan
@_pixels
@_fast
@_machine
@options.seed
@options.output("Directory for the dreams")
@options.common
def dream(**given: Any) -> None:
    """Make images out of what the teacher remembers, without data."""
    from tinyml.distill import steps

    output = steps.Output(given["output"], given["force"])
    metrics = steps.write_dreams(_teacher_file(given), _dreaming(given), given["seed"], output)
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
        _take(StudentSettings, given),
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
            f"{metrics['accuracy_test']:.2%} test"
        )
    return f"{fitting.table(metrics['fit'])}\n{text}" if "fit" in metrics else text


@command.command("run")
@_teacher
@_plan
@_pixels
@_fast
@_machine
@_student
@options.data(
    "Report accuracy on this data set when all is done; the student never sees it.", required=False
)
@options.seed
@options.output("Directory for dreams/ and student.keras")
@options.common
def run_all(**given: Any) -> None:
    """Make dreams and train a student on them, in one go."""
    from tinyml.distill import steps

    metrics = steps.write_all(
        _teacher_file(given),
        _dreaming(given),
        (fitting.wanted(given), given["init"], _take(StudentSettings, given)),
        given["data"],
        given["seed"],
        steps.Output(given["output"], given["force"]),
    )
    made = given["output"] / "student.keras"
    console.result(
        {"output": str(given["output"]), **metrics}, _student_summary(made, metrics["student"])
    )
