"""`tinyml federate`: federated training on clients with skewed data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tinyml import console
from tinyml.cli import options

_COUNT = click.IntRange(min=1)
_RATE = click.FloatRange(min=0, min_open=True)


@click.command(name="federate")
@click.option(
    "--model", type=click.Path(path_type=Path), required=True, help="The model all start from."
)
@options.data("Its training split is cut for the clients, its test split measures.")
@click.option("--clients", type=_COUNT, default=10, show_default=True)
@click.option(
    "--partition",
    default="iid",
    show_default=True,
    metavar="iid|pathological:CLASSES|dirichlet:ALPHA|emd:X",
    help="How the training data is cut; emd:X to a mean earth mover's distance of the labels.",
)
@click.option("--rounds", type=_COUNT, default=20, show_default=True)
@click.option("--epochs", type=_COUNT, default=1, show_default=True, help="Local passes a round.")
@click.option(
    "--batch",
    "--batch-size",
    "batch",
    type=_COUNT,
    default=10,
    show_default=True,
    help="Samples a local step.",
)
@click.option(
    "--lr",
    "--learning-rate",
    "lr",
    type=_RATE,
    default=0.01,
    show_default=True,
    help="Of the clients' plain SGD.",
)
@click.option(
    "--lr-decay",
    type=click.FloatRange(0, 1, min_open=True),
    default=1.0,
    show_default=True,
    help="What the clients' learning rate is multiplied by after each round.",
)
@click.option(
    "--strategy",
    default="fedavg",
    show_default=True,
    metavar="fedavg|fedprox:MU|fedavgm[:MOMENTUM]|fedadam|scaffold",
    help="How clients train and how their updates are put together.",
)
@click.option(
    "--server-lr",
    type=_RATE,
    help="Of the server's optimizer.  [default: 1; fedadam 0.01]",
)
@click.option(
    "--sample-clients",
    type=click.FloatRange(0, 1, min_open=True),
    default=1.0,
    show_default=True,
    help="The part of the clients that a round asks, drawn anew each round; at least one.",
)
@click.option(
    "--dropout",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.0,
    show_default=True,
    help="Probability that a client is lost in a round after it got the model; its update is, too.",
)
@click.option(
    "--share",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="Size of the set shared with all clients, relative to the training data.",
)
@click.option(
    "--share-alpha",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="The random part of the shared set that a client gets.",
)
@click.option(
    "--share-source",
    default="real",
    show_default=True,
    metavar="real|dreams:DIR",
    help="What is shared: real training samples, taken from the clients, or dreams.",
)
@click.option(
    "--warm-up",
    type=click.IntRange(min=0),
    default=5,
    show_default=True,
    help="Rounds of the server alone on the shared set, before the first; none without one.",
)
@click.option(
    "--evaluate-every",
    type=_COUNT,
    default=1,
    show_default=True,
    help="Rounds between measurements of the model, which select nothing; the last always is.",
)
@click.option(
    "--divergence",
    is_flag=True,
    help="Also train centrally, from the same start with equal work; measure each layer's distance.",
)
@click.option(
    "--faulty",
    metavar="SHARE:nan|huge|stale",
    help="The part of the clients that answer NaN, 1,000 times too much, or by the first model.",
)
@click.option(
    "--robust",
    is_flag=True,
    help="Zero and clip clients' updates as TFF does, so that broken ones do not sink the model.",
)
@click.option(
    "--dp-epsilon",
    type=click.FloatRange(min=0, min_open=True),
    help="Differential privacy: noise on the sum of clients' clipped updates, enough for this epsilon.",
)
@click.option(
    "--dp-delta",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=1e-5,
    show_default=True,
    help="Its delta, for --dp-epsilon.",
)
@click.option(
    "--workers",
    metavar="HOST:PORT,...",
    help="Train on these `tinyml worker`s, to which the clients' data is sent.",
)
@click.option(
    "--local-workers",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Train on so many workers on this machine; 0 for one, without their messages.",
)
@options.unsafe
@options.seed
@options.output("The directory to write: model.keras, history.jsonl, partition.json, plots")
@options.common
def command(output: Path, force: bool, **asked: Any) -> None:
    """Simulate federated training of a Keras model with TFF.

    Batch normalisation is folded into the layers before it first. The weights after the last round
    are the result: no round is selected by its accuracy. A run that was killed or interrupted goes on
    where it was when the same command is run again; it keeps its checkpoint in .OUTPUT.partial.
    """
    from tinyml import run
    from tinyml.federated.request import Request
    from tinyml.federated.simulation import federate

    request = Request(**asked)
    run.check_output(output, force, is_directory=True)
    request.check()
    with run.step(
        "federate",
        output,
        inputs=request.inputs(),
        settings=request.settings(),
        seed=request.seed,
        force=force,
        directory=True,
        resumable=True,
    ) as step:
        if step.resumed:
            console.note(f"going on with the run in {step.workspace}")
        step.metrics = federate(request, step)
    console.result({"output": str(output), **step.metrics}, _summary(output, step.metrics))


def _summary(output: Path, metrics: dict[str, Any]) -> str:
    warm = metrics["accuracy_warm_up"]
    return (
        f"{output}: {metrics['rounds']} rounds, {metrics['clients']} clients, "
        f"EMD {metrics['emd_mean']:.2f}, {metrics['shared_samples']} samples shared, "
        f"{metrics['seconds_per_round']:.2f} s a round\n"
        f"accuracy on {metrics['test_samples']} test samples: "
        f"before {metrics['accuracy_before']:.2%}"
        + (f", after warm-up {warm:.2%}" if warm is not None else "")
        + f", after {metrics['accuracy_after']:.2%}"
    )
