"""`tinyml quantize`: a float Keras model to an int8 or int16x8 .tflite."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tinyml import console
from tinyml.cli import options
from tinyml.errors import InputError
from tinyml.models.settings import TrainSettings

# Weights that are good already: fewer, smaller steps than from nothing
_AWARE = TrainSettings(epochs=5, batch_size=32, learning_rate=1e-4, augment=False)


@click.command(name="quantize")
@options.model_argument("model", "MODEL")
@click.option(
    "--calibration",
    metavar="NAME|PATH|dreams:DIR",
    help="Where activation ranges come from: a data set's training split (as --data takes it), "
    "or a directory of dreams.",
)
@options.precision
@click.option(
    "--qat",
    is_flag=True,
    help="Quantization-aware training on --data instead of --calibration; for int8.",
)
@options.data(
    "With --qat, what to train on. Accuracy, judged by TFLM, is that on its test split.",
    required=False,
)
@click.option(
    "--calibration-samples",
    type=click.IntRange(min=1),
    default=500,
    show_default=True,
    help="At most this many, drawn with --seed; --qat starts its ranges from so many.",
)
@click.option(
    "--epochs", type=click.IntRange(min=1), help=f"With --qat [default: {_AWARE.epochs}]."
)
@click.option(
    "--batch-size", type=click.IntRange(min=2), help=f"With --qat [default: {_AWARE.batch_size}]."
)
@click.option(
    "--learning-rate",
    type=click.FloatRange(min=0, min_open=True),
    help=f"With --qat, the highest, at the start [default: {_AWARE.learning_rate}].",
)
@options.unsafe
@options.seed
@options.output("The .tflite to write, OUTPUT.run.json beside it")
@options.common
def command(
    model: Path,
    calibration: str | None,
    precision: str,
    qat: bool,
    data: str | None,
    calibration_samples: int,
    epochs: int | None,
    batch_size: int | None,
    learning_rate: float | None,
    allow_unsafe: bool,
    seed: int,
    output: Path,
    force: bool,
) -> None:
    """Quantize a Keras MODEL (.keras, .h5, SavedModel) with --calibration, or train it quantized with --qat.

    Weights are int8 per channel, inputs and outputs int8 (int16x8: int16), the batch size is fixed at 1.
    """
    from tinyml import run
    from tinyml.quantize import aware, post_training

    given = {"epochs": epochs, "batch_size": batch_size, "learning_rate": learning_rate}
    changed = {name: value for name, value in given.items() if value is not None}
    request: aware.Request | post_training.Request
    if qat:
        source = _training_data(calibration, precision, data)
        settings = TrainSettings(**{**vars(_AWARE), **changed})
        request = aware.Request(model, source, calibration_samples, settings, allow_unsafe, seed)
    else:
        source = _calibration(calibration, changed)
        request = post_training.Request(
            model, source, calibration_samples, data, allow_unsafe, seed, precision
        )
    with run.step(
        "quantize",
        output,
        inputs=request.inputs(),
        settings=request.settings(),
        seed=seed,
        force=force,
    ) as step:
        if isinstance(request, aware.Request):
            step.metrics = aware.quantize(request, step.path)
        else:
            step.metrics = post_training.quantize(request, step.path)
    console.result({"output": str(output), **step.metrics}, _summary(output, step.metrics))


def _training_data(calibration: str | None, precision: str, data: str | None) -> str:
    """--data, when the options fit quantization-aware training."""
    if calibration is not None:
        raise InputError(
            "--calibration",
            "is for quantization after training, --qat learns the ranges from --data",
            "leave one of the two out",
        )
    if precision != "int8":
        raise InputError(
            f"--quantize {precision}", "--qat trains for int8", "leave one of the two out"
        )
    if data is None:
        raise InputError("--qat", "has nothing to train on", "add --data NAME|PATH")
    return data


def _calibration(calibration: str | None, changed: dict[str, Any]) -> str:
    """--calibration, when the options fit quantization after training."""
    if changed:
        option = "--" + next(iter(changed)).replace("_", "-")
        raise InputError(option, "is for quantization-aware training", "add --qat, or leave it out")
    if calibration is None:
        raise InputError(
            "tinyml quantize",
            "does not know the activation ranges",
            "add --calibration NAME|PATH|dreams:DIR, or --qat --data NAME|PATH",
        )
    return calibration


def _summary(output: Path, metrics: dict[str, Any]) -> str:
    text = f"{output}: {metrics['bytes']:,} bytes, {metrics['precision']}, "
    if "calibration" in metrics:
        calibration = metrics["calibration"]
        text += f"calibrated on {calibration['samples']} samples of {calibration['source']}"
    else:
        text += (
            f"trained quantized; accuracy on the validation split {metrics['accuracy_validation']:.2%}"
            f" (float, before: {metrics['accuracy_validation_float']:.2%})"
        )
    if "accuracy_quantized" in metrics:
        text += (
            f"\naccuracy on {metrics['test_samples']} test samples: {metrics['precision']} "
            f"{metrics['accuracy_quantized']:.2%} (TFLM), float {metrics['accuracy_float']:.2%}"
        )
    if "accuracy_post_training" in metrics:
        text += f", int8 without training {metrics['accuracy_post_training']:.2%}"
    return text
