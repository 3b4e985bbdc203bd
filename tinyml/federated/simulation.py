"""The step behind `tinyml federate`: rounds of a TFF process, measured and written down."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import Any

import numpy as np

from tinyml import console, data
from tinyml.data import Dataset
from tinyml.errors import InputError
from tinyml.federated import cluster, measuring, plots, process
from tinyml.federated.clients import ClientStore
from tinyml.federated.history import History
from tinyml.federated.learning import weights_of
from tinyml.federated.population import Share, populate
from tinyml.federated.request import Request
from tinyml.federated.rounds import Rounds, Run
from tinyml.models import files
from tinyml.models.folding import fold_batch_norm
from tinyml.models.runtime import tensorflow
from tinyml.run import Step


def federate(request: Request, step: Step) -> dict[str, Any]:
    """Simulate the rounds; write model, history, partition and plots into the step's output.

    A run that was killed goes on from what it left there and in the workspace.

    Returns:
        The record's metrics.

    Raises:
        InputError: inputs that cannot be read or do not fit together.
        CheckFailed: a client's training was no longer finite.
    """
    tensorflow(request.seed)
    served = fold_batch_norm(files.load(request.model, request.allow_unsafe))
    dataset = _fitting_data(request, served)
    share = Share(request.share, request.share_alpha, request.share_source)
    people = populate(dataset, request.partition, request.clients, share, request.seed)
    (step.path / "partition.json").write_text(json.dumps(people.described(), indent=1) + "\n")
    sample = measuring.training_sample(dataset, request.seed)
    history = History(step.path / "history.jsonl")
    model = process.on_logits(served)
    run = Run(request, model, dataset, sample, people, history, step)
    before = measuring.measure(model, dataset.test).accuracy
    _simulate(run)
    served.set_weights(model.get_weights())
    files.save(served, step.path / "model.keras")
    _draw(run)
    return _metrics(run, before)


def _fitting_data(request: Request, model: Any) -> Dataset:
    dataset = data.load(request.data)
    if len(model.inputs) != 1 or len(model.output_shape) != 2:
        raise InputError(request.model, "is not a classifier of one input", "give a classifier")
    data.require_shape(dataset, tuple(model.input_shape[1:]), request.model)
    if model.output_shape[-1] != dataset.classes:
        raise InputError(
            dataset.name,
            f"has {dataset.classes} classes, {request.model} answers {model.output_shape[-1]}",
            "use the data set that the model was made for",
        )
    return dataset


def _simulate(run: Run) -> None:
    """All rounds; the model of `run` then holds the final weights."""
    asked = run.request
    place = run.step.workspace / "clients"
    place.mkdir(exist_ok=True)
    store = ClientStore(place, run.dataset.shape)
    run.population.store(store, everyone=asked.divergence)
    if asked.faults:
        start = weights_of(run.model)
        store.write_start([*start.trainable, *start.non_trainable])
    with ExitStack() as stack:
        bar = stack.enter_context(console.progress("federate", asked.rounds))
        store = stack.enter_context(cluster.context(asked.cluster(), store))
        rounds = Rounds(run, store)
        done = rounds.start()
        bar.advance(done)
        for number in range(done + 1, asked.rounds + 1):
            rounds.run(number)
            bar.advance(1, loss=run.history.last["client_loss"] or float("nan"))


def _draw(run: Run) -> None:
    asked, people, lines = run.request, run.population, run.history.lines
    output = run.step.path
    kind = asked.share_source.partition(":")[0]  # a directory has no place in a title
    shared = f", shared {asked.share:g} of {kind}" if asked.share else ""
    title = f"{run.dataset.name}, {asked.partition}, {asked.strategy}{shared}"
    emd = f"{title}, EMD {people.emd.mean():.2f}"
    plots.accuracy_over_rounds(output / "accuracy.png", lines, title)
    plots.label_distribution(output / "labels.png", people.counts, people.shared_counts, emd)
    if asked.divergence:
        plots.divergence_over_rounds(output / "divergence.png", lines, emd)


def _metrics(run: Run, before: float) -> dict[str, Any]:
    lines, people, private = run.history.lines, run.population, run.request.privacy()
    return {
        "accuracy_before": before,
        "accuracy_warm_up": lines[0]["test_accuracy"] if run.warm_up else None,
        "accuracy_after": lines[-1]["test_accuracy"],
        "accuracy_train": lines[-1]["train_accuracy"],
        "divergence": lines[-1]["divergence"],
        "privacy": private.described() if private else None,
        "emd_mean": float(people.emd.mean()),
        "emd_mean_with_shared": float(people.emd_with_shared.mean()),
        "clients": run.request.clients,
        "rounds": run.request.rounds,
        "seconds_per_round": round(float(np.mean([line["seconds"] for line in lines[1:]])), 4),
        "shared_samples": len(people.shared),
        "shared_samples_per_client": len(people.handed[0]),
        "train_samples": int(people.counts.sum()),
        "test_samples": len(run.dataset.test),
        "parameters": int(run.model.count_params()),
    }
