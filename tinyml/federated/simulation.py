"""The step behind `tinyml federate`: rounds of a TFF process, measured and written down."""

from __future__ import annotations

import json
import tempfile
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tinyml import console, data
from tinyml.data import Dataset, Split
from tinyml.errors import CheckFailed, InputError
from tinyml.federated import partitions, plots, process, sharing, worker
from tinyml.federated.clients import SERVER, ClientStore
from tinyml.federated.history import History, Round
from tinyml.federated.population import Population, Share, populate
from tinyml.models import files
from tinyml.models.folding import fold_batch_norm
from tinyml.models.runtime import tensorflow

_BATCH = 256  # of evaluation


@dataclass(frozen=True)
class Request:
    """What the user asked for; the fields are the command's options."""

    model: Path
    data: str
    clients: int
    partition: str
    rounds: int
    epochs: int
    batch_size: int
    learning_rate: float
    strategy: str
    share: float
    share_alpha: float
    share_source: str
    warm_up: int
    evaluate_every: int
    allow_unsafe: bool
    seed: int

    def check(self) -> None:
        """Refuse at once what needs no TensorFlow to be refused.

        Raises:
            InputError: unknown partition, strategy or source; no worker.
        """
        partitions.parse(self.partition, self.seed)
        process.check_strategy(self.strategy)
        sharing.path_of(self.share_source)
        worker.require()

    def inputs(self) -> dict[str, Path]:
        """The files and directories read, by role."""
        found = {
            "model": self.model,
            "data": Path(self.data) if self.data.endswith(".npz") else None,
            "dreams": sharing.path_of(self.share_source) if self.share else None,
        }
        return {role: path for role, path in found.items() if path is not None}

    def settings(self) -> dict[str, Any]:
        """What JSON can hold of it, for the record."""
        return {name: v for name, v in asdict(self).items() if name not in ("model", "seed")}


@dataclass
class _Run:
    """A run under way."""

    request: Request
    model: Any
    dataset: Dataset
    population: Population
    history: History

    @property
    def warm_up(self) -> int:
        """Rounds of the server alone: none without a shared set."""
        return self.request.warm_up if len(self.population.shared) else 0


def federate(request: Request, output: Path) -> dict[str, Any]:
    """Simulate the rounds; write model, history, partition and plots into `output`.

    Returns:
        The record's metrics.

    Raises:
        InputError: inputs that cannot be read or do not fit together.
        CheckFailed: a client's training was no longer finite.
    """
    tensorflow(request.seed)
    model = fold_batch_norm(files.load(request.model, request.allow_unsafe))
    dataset = _fitting_data(request, model)
    share = Share(request.share, request.share_alpha, request.share_source)
    people = populate(dataset, request.partition, request.clients, share, request.seed)
    (output / "partition.json").write_text(json.dumps(people.described(), indent=1) + "\n")
    run = _Run(request, model, dataset, people, History(output / "history.jsonl"))
    before = accuracy(model, dataset.test)
    _simulate(run, output.parent)
    files.save(model, output / "model.keras")
    _draw(run, output)
    return _metrics(run, before)


def accuracy(model: Any, split: Split) -> float:
    """Share of `split` that a Keras model classifies rightly."""
    scores = model.predict(split.x, batch_size=_BATCH, verbose=0)
    return float(np.mean(scores.argmax(axis=-1) == split.y))


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


def _simulate(run: _Run, scratch: Path) -> None:
    """All rounds; the model of `run` then holds the final weights."""
    asked = run.request
    local = process.LocalTraining(asked.epochs, asked.batch_size, asked.learning_rate, asked.seed)
    with ExitStack() as stack:
        bar = stack.enter_context(console.progress("federate", run.warm_up + asked.rounds))
        place = stack.enter_context(tempfile.TemporaryDirectory(dir=scratch))
        stack.enter_context(worker.context(stack.enter_context(worker.running())))
        store = ClientStore(Path(place), run.dataset.shape)
        run.population.store(store)
        learning = process.build(asked.strategy, run.model, store, local)
        state = process.with_weights_of(learning, run.model)
        state = _warm_up(run, learning, state, bar)
        for number in range(1, asked.rounds + 1):
            state = _one_round(run, learning, state, number)
            bar.advance(1, loss=run.history.last["train_loss"])


def _warm_up(run: _Run, learning: Any, state: Any, bar: console.Progress) -> Any:
    """The server trains on the shared set: rounds of which it is the only client."""
    started = time.monotonic()
    for number in range(1, run.warm_up + 1):
        result = learning.next(state, [_key(SERVER, number)])
        _check_sound(0, result, run.request.epochs * len(run.population.shared))
        state = result.state
        bar.advance()
    seconds = time.monotonic() - started
    process.assign(learning, state, run.model)
    sample_bytes = int(np.prod(run.dataset.shape)) * 4 + 8  # float32 pixels and an int64 label
    handed = len(run.population.handed[0]) * sample_bytes
    reached = accuracy(run.model, run.dataset.test)
    run.history.append(Round(0, None, None, reached, handed, 0, round(seconds, 4)))
    return state


def _one_round(run: _Run, learning: Any, state: Any, number: int) -> Any:
    asked, model = run.request, run.model
    started = time.monotonic()
    keys = [_key(client, number) for client in range(asked.clients)]
    result = learning.next(state, keys)
    seconds = time.monotonic() - started
    process.assign(learning, result.state, model)
    _check_sound(number, result, asked.epochs * run.population.samples)
    trained = result.metrics["client_work"]["train"]
    measured = number % asked.evaluate_every == 0 or number == asked.rounds
    run.history.append(
        Round(
            number,
            float(trained["loss"]),
            float(trained["accuracy"]),
            accuracy(model, run.dataset.test) if measured else None,
            _bytes(model.weights),
            _bytes(model.trainable_weights),
            round(seconds, 4),
        )
    )
    return result.state


def _key(client: int, number: int) -> np.ndarray:
    return np.array([client, number], np.int64)


def _bytes(weights: Any) -> int:
    return sum(int(np.prod(w.shape)) * w.dtype.size for w in weights)


def _check_sound(number: int, result: Any, asked_samples: int) -> None:
    """TFF drops a client whose update is not finite, metrics and all; the count of samples tells."""
    trained = result.metrics["client_work"]["train"]
    dropped = asked_samples - int(trained["num_examples"])
    if dropped or not np.isfinite(trained["loss"]):
        raise CheckFailed(
            f"round {number}: training was no longer finite on {dropped} of {asked_samples} samples; "
            "lower --learning-rate"
        )


def _draw(run: _Run, output: Path) -> None:
    asked, people = run.request, run.population
    kind = asked.share_source.partition(":")[0]  # a directory has no place in a title
    shared = f", shared {asked.share:g} of {kind}" if asked.share else ""
    title = f"{run.dataset.name}, {asked.partition}, {asked.strategy}{shared}"
    plots.accuracy_over_rounds(output / "accuracy.png", run.history.lines, title)
    plots.label_distribution(
        output / "labels.png",
        people.counts,
        people.shared_counts,
        f"{title}, EMD {people.emd.mean():.2f}",
    )


def _metrics(run: _Run, before: float) -> dict[str, Any]:
    lines, people = run.history.lines, run.population
    return {
        "accuracy_before": before,
        "accuracy_warm_up": lines[0]["test_accuracy"] if run.warm_up else None,
        "accuracy_after": lines[-1]["test_accuracy"],
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
