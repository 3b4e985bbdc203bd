"""`tinyml quantize`: a float Keras model to an int8 .tflite."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tinyml import console
from tinyml.cli import options


@click.command(name="quantize")
@options.model_argument("model", "MODEL")
@click.option(
    "--calibration",
    metavar="NAME|FILE|dreams:DIR",
    required=True,
    help="Where activation ranges come from: a data set's training split (a name or a .npz file), "
    "or a directory of dreams.",
)
@options.data("Report accuracy on this data set's test split, with TFLM.", required=False)
@click.option(
    "--calibration-samples",
    type=click.IntRange(min=1),
    default=500,
    show_default=True,
    help="At most this many, drawn with --seed.",
)
@options.unsafe
@options.seed
@options.output("The .tflite to write, OUTPUT.run.json beside it")
@options.common
def command(
    model: Path,
    calibration: str,
    data: str | None,
    calibration_samples: int,
    allow_unsafe: bool,
    seed: int,
    output: Path,
    force: bool,
) -> None:
    """Quantize a Keras MODEL (.keras, .h5) to int8 after training.

    Weights are int8 per channel, inputs and outputs int8, the batch size is fixed at 1.
    """
    from tinyml import run
    from tinyml.quantize.post_training import Request, quantize

    request = Request(model, calibration, calibration_samples, data, allow_unsafe, seed)
    with run.step(
        "quantize",
        output,
        inputs=request.inputs(),
        settings=request.settings(),
        seed=seed,
        force=force,
    ) as step:
        step.metrics = quantize(request, step.path)
    console.result({"output": str(output), **step.metrics}, _summary(output, step.metrics))


def _summary(output: Path, metrics: dict[str, Any]) -> str:
    calibration = metrics["calibration"]
    text = (
        f"{output}: {metrics['bytes']:,} bytes, int8, "
        f"calibrated on {calibration['samples']} samples of {calibration['source']}"
    )
    if "accuracy_int8" in metrics:
        text += (
            f"\naccuracy on {metrics['test_samples']} test samples: "
            f"int8 {metrics['accuracy_int8']:.2%} (TFLM), float {metrics['accuracy_float']:.2%}"
        )
    return text
