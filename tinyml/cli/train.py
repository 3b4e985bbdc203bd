"""`tinyml train`: a teacher from labelled data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tinyml import console
from tinyml.cli import options
from tinyml.models.settings import TrainSettings

_DEFAULT = TrainSettings()


@click.command("train", short_help="Train a teacher on a data set.")
@options.data("The data set.")
@click.option(
    "--model",
    metavar="NAME",
    default="resnet-8-20",
    show_default=True,
    help="Architecture: resnet-DEPTH-WIDTH, wrn-DEPTH-K, ds-cnn-WIDTH[-gn], mobilenetv1-ALPHA or "
    "autoencoder-WIDTH; an unknown one lists them with their ranges.",
)
@click.option("--epochs", type=click.IntRange(min=1), default=_DEFAULT.epochs, show_default=True)
@click.option(
    "--steps", type=click.IntRange(min=1), help="Gradient steps in all, in place of --epochs."
)
@click.option(
    "--batch-size", type=click.IntRange(min=2), default=_DEFAULT.batch_size, show_default=True
)
@click.option(
    "--learning-rate",
    type=click.FloatRange(min=0, min_open=True),
    default=_DEFAULT.learning_rate,
    show_default=True,
    help="The highest, at the start; it falls to 0 along a cosine.",
)
@click.option(
    "--augment/--no-augment",
    default=_DEFAULT.augment,
    show_default=True,
    help="Shift, turn, stretch and shear the images a little.",
)
@options.flip
@options.seed
@options.output("Where the model goes (.keras)")
@options.common
def command(data: str, model: str, output: Path, force: bool, seed: int, **settings: Any) -> None:
    """Train a teacher on the training split of a data set.

    The settings are fixed in advance: the validation split is only reported, and the test split is
    touched once, after training. A run that was killed or interrupted goes on where it was when the
    same command is run again; what is kept every 30 seconds lies in .OUTPUT.partial.
    """
    from tinyml import run
    from tinyml.data import load, source_path
    from tinyml.models import files, registry, training
    from tinyml.models.outputs import require_keras_name
    from tinyml.models.runtime import tensorflow

    require_keras_name(output)
    path = source_path(data)
    with run.step(
        "train",
        output,
        inputs={"data": path} if path else {},
        settings={"data": data, "model": model, **settings},
        seed=seed,
        force=force,
        resumable=True,
    ) as step:
        tensorflow(seed)
        dataset = load(data)
        if dataset.note:
            console.note(f"{data}: {dataset.note}")
        network = registry.build(model, dataset.shape, dataset.classes)
        chosen = TrainSettings(**settings)
        trained = training.train(network, dataset.train, chosen, seed, within=step)
        step.metrics.update(loss=trained.loss, training_seconds=round(trained.seconds, 3))
        step.metrics["parameters"] = network.count_params()
        files.save(network, step.path)
        step.metrics.update(training.evaluate(network, dataset))
        step.metrics["classes"] = list(dataset.class_names)
    console.result({"output": str(output), **step.metrics}, _summary(output, step.metrics))


def _summary(output: Path, metrics: dict[str, Any]) -> str:
    if "error_test" in metrics:
        kind, form = "error", ".5f"
    else:
        kind, form = "accuracy", ".2%"
    validation, test = metrics[f"{kind}_validation"], metrics[f"{kind}_test"]
    return (
        f"{output}: {metrics['parameters']:,} parameters, "
        f"{kind} {validation:{form}} validation, {test:{form}} test"
    )
