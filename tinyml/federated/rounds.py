"""The rounds of a run: who takes part, what comes of it, and where to go on after a kill."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tinyml.data import Dataset, Split
from tinyml.errors import CheckFailed
from tinyml.federated import divergence, measuring, process, robust
from tinyml.federated.clients import EVERYONE, SERVER, ClientStore, key
from tinyml.federated.history import History, Round
from tinyml.federated.learning import Learning, LocalTraining, Trained
from tinyml.federated.measuring import Worth
from tinyml.federated.participation import Participation
from tinyml.federated.population import Population
from tinyml.federated.request import Request
from tinyml.models import checkpoint
from tinyml.run import Step

_PLAIN = "fedavg"  # of a single client it is that client's SGD


@dataclass
class Run:
    """A run under way.

    Attributes:
        request: what was asked for.
        model: the global model, which answers logits.
        dataset: its test split measures.
        sample: of the training split, to measure on.
        population: the clients' data.
        history: the rounds so far.
        step: its output is the directory to write; the clients' data and the checkpoint lie in its
            workspace.
    """

    request: Request
    model: Any
    dataset: Dataset
    sample: Split
    population: Population
    history: History
    step: Step

    @property
    def warm_up(self) -> int:
        """Rounds of the server alone: none without a shared set."""
        return self.request.warm_up if len(self.population.shared) else 0


class Rounds:
    """Runs a run's rounds, inside a TFF context."""

    def __init__(self, run: Run, store: ClientStore) -> None:
        """Build the processes that the run needs."""
        asked = run.request
        self._run, self._store = run, store
        self._local = LocalTraining(asked.epochs, asked.batch, asked.lr, asked.seed)
        self._taking_part = Participation(
            asked.clients, asked.sample_clients, asked.dropout, asked.seed
        )
        faults, private = asked.faults, asked.privacy()
        self._faulty = faults.clients(asked.clients, asked.seed) if faults else frozenset()
        self._learning = process.build(
            asked.strategy,
            run.model,
            store,
            self._local,
            run.population.samples,
            asked.server_lr,
            private.aggregator() if private else robust.aggregator() if asked.robust else None,
            faults.kind if faults else None,
        )
        self._central = _Central(self) if asked.divergence else None
        self._state: Any = None

    def _plain(self, local: LocalTraining) -> Learning:
        """A process for a single client, whose plain SGD it is."""
        run = self._run
        return process.build(_PLAIN, run.model, self._store, local, run.population.samples)

    @property
    def _checkpoint(self) -> Path:
        return self._run.step.workspace / "checkpoint.npz"

    def start(self) -> int:
        """Go on after the last finished round of a killed run, or begin; returns that round."""
        found = checkpoint.load(self._checkpoint)
        if found is None:
            self._begin()
            return 0
        number, arrays = found
        self._run.history.resume(number)
        self._state = self._learning.from_arrays(_without("federated/", arrays))
        self._learning.assign(self._state, self._run.model)
        if self._central:
            self._central.resume(_without("central/", arrays))
        return number

    def run(self, number: int) -> None:
        """Round `number`: train, measure, write down."""
        run, asked = self._run, self._run.request
        dropped = self._taking_part.dropped(number)
        clients = [k for k in self._taking_part.asked(number) if k not in dropped]
        rate = asked.learning_rate(number)
        started, trained = time.monotonic(), None
        if clients:
            keys = [key(client, number, client in self._faulty) for client in clients]
            self._state, trained = self._learning.next(self._state, keys, rate)
        seconds = time.monotonic() - started
        self._learning.assign(self._state, run.model)
        self._check_sound(number, clients, trained)
        measured = number % asked.evaluate_every == 0 or number == asked.rounds
        train, test = self._worth() if measured else (None, None)
        size = _bytes(run.model.trainable_weights) * self._learning.messages
        run.history.append(
            Round(
                number,
                clients,
                dropped,
                rate,
                trained,
                train,
                test,
                size + _bytes(run.model.non_trainable_weights),
                size,
                self._central.next(number, rate) if self._central else None,
                round(seconds, 4),
            )
        )
        self._save(number)

    def _begin(self) -> None:
        """The server's warm-up on the shared set, as a client of its own, and round 0."""
        run, started = self._run, time.monotonic()
        (run.step.path / "history.jsonl").unlink(missing_ok=True)
        if run.warm_up:
            self._warm_up()
        seconds = time.monotonic() - started
        self._state = self._learning.begin(run.model)
        if self._central:
            self._central.begin()
        sample_bytes = int(np.prod(run.dataset.shape)) * 4 + 8  # float32 pixels and an int64 label
        handed = len(run.population.handed[0]) * sample_bytes
        train, test = self._worth()
        run.history.append(
            Round(0, [], [], None, None, train, test, handed, 0, None, round(seconds, 4))
        )
        self._save(0)

    def _warm_up(self) -> None:
        run = self._run
        plain = self._plain(self._local)
        state, samples = plain.begin(run.model), len(run.population.shared) * run.request.epochs
        for number in range(1, run.warm_up + 1):
            state, trained = plain.next(state, [key(SERVER, number)], run.request.lr)
            _check_finite(0, trained, samples)
        plain.assign(state, run.model)

    def _worth(self) -> tuple[Worth, Worth]:
        """On training and on test samples."""
        run = self._run
        return measuring.measure(run.model, run.sample), measuring.measure(
            run.model, run.dataset.test
        )

    def _check_sound(self, number: int, clients: list[int], trained: Trained | None) -> None:
        run = self._run
        if trained is not None:
            samples = sum(run.population.samples_of(client) for client in clients)
            _check_finite(number, trained, run.request.epochs * samples)
            if trained.signs and not run.request.robust:
                trained.signs.check(number, private=run.request.dp_epsilon is not None)
        if not all(np.isfinite(weight).all() for weight in run.model.get_weights()):
            raise CheckFailed(
                f"round {number}: the model's weights are no longer finite; lower --lr or --server-lr"
            )

    def _save(self, number: int) -> None:
        arrays = _with("federated/", self._learning.to_arrays(self._state))
        if self._central:
            arrays.update(_with("central/", self._central.to_arrays()))
        self._run.step.keep_times()  # first: killed in between, no time that was spent is lost
        checkpoint.save(self._checkpoint, number, arrays)


class _Central:
    """SGD over everyone's data from the same start, with the steps that a client makes.

    Its batches are as many times larger as there are clients, as in section 2 of arXiv 1806.00582:
    the average over clients is one over their batches, too.
    """

    def __init__(self, rounds: Rounds) -> None:
        run = rounds._run
        together = replace(rounds._local, batch=rounds._local.batch * run.request.clients)
        self._learning = rounds._plain(together)
        self._model, self._twin = run.model, process.on_logits(run.model)
        self._state: Any = None

    def begin(self) -> None:
        self._state = self._learning.begin(self._model)

    def next(self, number: int, rate: float) -> dict[str, float]:
        """One round of it; the divergence of the run's model after that."""
        self._state, _ = self._learning.next(self._state, [key(EVERYONE, number)], rate)
        self._learning.assign(self._state, self._twin)
        return divergence.by_layer(self._model, self._twin)

    def to_arrays(self) -> dict[str, np.ndarray]:
        arrays: dict[str, np.ndarray] = self._learning.to_arrays(self._state)
        return arrays

    def resume(self, arrays: dict[str, np.ndarray]) -> None:
        self._state = self._learning.from_arrays(arrays)


def _bytes(weights: Any) -> int:
    return sum(int(np.prod(w.shape)) * w.dtype.size for w in weights)


def _with(prefix: str, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {prefix + name: array for name, array in arrays.items()}


def _without(prefix: str, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays whose names begin with the prefix, without it."""
    found = {name: array for name, array in arrays.items() if name.startswith(prefix)}
    return {name[len(prefix) :]: array for name, array in found.items()}


def _check_finite(number: int, trained: Trained, asked_samples: int) -> None:
    """TFF drops a client whose update is not finite, metrics and all; the count of samples tells."""
    dropped = asked_samples - trained.samples
    if dropped or not np.isfinite(trained.loss):
        raise CheckFailed(
            f"round {number}: training was no longer finite on {dropped} of {asked_samples} samples; "
            "lower --lr"
        )
