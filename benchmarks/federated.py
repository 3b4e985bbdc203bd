"""Times rounds of `tinyml federate` against a plain compiled loop; writes benchmarks/federated.json.

The loop does the same arithmetic on the same data, which it holds in memory, in this process, client
after client. Both take turns round by round, so that a busy machine slows both; CPU seconds, which
it slows less, stand beside wall seconds. The first round of each, which compiles, is recorded apart.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from tinyml.federated import cluster, process
from tinyml.federated.clients import ClientStore, key, order
from tinyml.federated.cluster import Cluster
from tinyml.federated.learning import LocalTraining
from tinyml.models.runtime import tensorflow

RECORD = Path(__file__).resolve().parent / "federated.json"
RATE = 0.01
SHAPE = (28, 28, 1)


@dataclass(frozen=True)
class Case:
    """Clients of so many samples each, and the CNN's widths (two convolutions, one hidden layer)."""

    clients: int
    samples: int
    batch: int
    widths: tuple[int, int, int]


CASES = (
    Case(10, 300, 10, (32, 64, 512)),
    Case(10, 500, 10, (8, 16, 32)),
    Case(100, 50, 10, (8, 16, 32)),
    Case(1000, 5, 5, (8, 16, 32)),
)


def cnn(widths: tuple[int, int, int]) -> Any:
    """The CNN of arXiv 1602.05629, section 3, of other widths; it answers logits."""
    tf = tensorflow(0)
    layers, given = tf.keras.layers, tf.keras.Input(SHAPE)
    x = given
    for width in widths[:2]:
        x = layers.Conv2D(width, 5, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D()(x)
    x = layers.Dense(widths[2], activation="relu")(layers.Flatten()(x))
    return tf.keras.Model(given, layers.Dense(10)(x))


class PlainLoop:
    """Federated averaging in one `tf.function` a client, without TFF and tf.data."""

    def __init__(self, model: Any, parts: list[tuple[np.ndarray, np.ndarray]], batch: int) -> None:
        tf = tensorflow()
        self._weights = model.get_weights()
        self._model, self._parts = model, [(tf.constant(x), tf.constant(y)) for x, y in parts]
        self._train = self._compiled(batch)

    def _compiled(self, batch: int) -> Any:
        tf, model = tensorflow(), self._model
        specs = [
            tf.TensorSpec((None, *SHAPE)),
            tf.TensorSpec((None,), tf.int64),
            tf.TensorSpec((2,), tf.int64),
        ]

        @tf.function(input_signature=specs)
        def train(x: Any, y: Any, key: Any) -> Any:
            mixed = order(key, tf.size(y), 0, key[1])
            loss, right = tf.constant(0.0), tf.constant(0, tf.int64)
            for first in tf.range(0, tf.size(y), batch):
                some = mixed[first : first + batch]
                labels = tf.gather(y, some)
                with tf.GradientTape() as tape:
                    scores = model(tf.gather(x, some), training=True)
                    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, scores)
                    mean = tf.reduce_mean(losses)
                slopes = tape.gradient(mean, model.trainable_weights)
                for weight, slope in zip(model.trainable_weights, slopes):
                    weight.assign_sub(RATE * slope)
                loss += tf.reduce_sum(losses)
                right += tf.reduce_sum(tf.cast(tf.argmax(scores, 1) == labels, tf.int64))
            return loss, right

        return train

    def round(self, number: int) -> list[np.ndarray]:
        """All clients once; the mean of their weights, which weighs a client by its samples."""
        tf = tensorflow()
        total = [np.zeros_like(w) for w in self._weights]
        samples = sum(len(y) for _, y in self._parts)
        for client, (x, y) in enumerate(self._parts):
            for weight, value in zip(self._model.weights, self._weights):
                weight.assign(value)
            self._train(x, y, tf.constant([client, number], tf.int64))
            part = np.float32(len(y) / samples)
            total = [t + part * w.numpy() for t, w in zip(total, self._model.weights)]
        self._weights = total
        return total


def timed(work: Callable[[], Any], processes: list[psutil.Process]) -> tuple[Any, float, float]:
    """What `work` returns, and its wall and CPU seconds in all of `processes`."""

    def spent() -> float:
        return sum(sum(p.cpu_times()[:2]) for p in processes)

    cpu, wall = spent(), time.monotonic()
    result = work()
    return result, time.monotonic() - wall, spent() - cpu


def measure(case: Case, rounds: int) -> dict[str, Any]:
    """The medians over `rounds` of both, and the worker's memory."""
    random = np.random.default_rng(0)  # the time does not depend on what the pixels show
    parts = [
        (
            random.uniform(size=(case.samples, *SHAPE)).astype(np.float32),
            random.integers(10, size=case.samples),
        )
        for _ in range(case.clients)
    ]
    model = cnn(case.widths)
    plain = PlainLoop(cnn(case.widths), parts, case.batch)
    local = LocalTraining(1, case.batch, RATE, 0)
    with tempfile.TemporaryDirectory() as place:
        store = ClientStore(Path(place), SHAPE)
        for client, (x, y) in enumerate(parts):
            store.write(client, x, y)
        with cluster.context(Cluster((), 0, case.clients), store):
            rows, memory, apart = _rounds(case, rounds, plain, model, store, local)
    (first_loop, first_tff), *rest = rows
    medians = [
        [statistics.median(row[who][what] for row in rest) for what in (0, 1)] for who in (0, 1)
    ]
    (loop_wall, loop_cpu), (tff_wall, tff_cpu) = medians
    return {
        **asdict(case),
        "parameters": int(model.count_params()),
        "loop_seconds": round(loop_wall, 4),
        "loop_cpu_seconds": round(loop_cpu, 3),
        "federate_seconds": round(tff_wall, 4),
        "federate_cpu_seconds": round(tff_cpu, 3),
        "ratio_wall": round(tff_wall / loop_wall, 3),
        "ratio_cpu": round(tff_cpu / loop_cpu, 3),
        "rounds_per_second": round(1 / tff_wall, 3),
        "first_round_seconds": {
            "loop": round(first_loop[0], 2),
            "federate": round(first_tff[0], 2),
        },
        "worker_peak_megabytes": round(memory / 1e6),
        "weights_apart": float(f"{apart:.1e}"),
    }


def _rounds(
    case: Case,
    rounds: int,
    plain: PlainLoop,
    model: Any,
    store: ClientStore,
    local: LocalTraining,
) -> tuple[list[Any], int, float]:
    """(wall, CPU) of the loop and of TFF in each round, the worker's peak bytes, how far apart."""
    learning = process.build("fedavg", model, store, local, case.clients * case.samples)
    state = learning.begin(model)
    ours = psutil.Process()
    (its,) = ours.children()
    rows = []
    for number in range(rounds + 1):
        expected, *loop = timed(lambda number=number: plain.round(number), [ours])
        keys = [key(client, number) for client in range(case.clients)]
        (state, _), *tff = timed(
            lambda keys=keys, state=state: learning.next(state, keys, RATE), [ours, its]
        )
        rows.append((loop, tff))
        if number == 0:
            learning.assign(state, model)
            apart = max(np.abs(a - b).max() for a, b in zip(model.get_weights(), expected))
    peak = Path(f"/proc/{its.pid}/status").read_text("ascii").split("VmHWM:")[1].split()[0]
    return rows, int(peak) * 1024, float(apart)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="Timed, after the one that compiles.")
    rounds = parser.parse_args().rounds
    load = os.getloadavg()[0]
    results = []
    for case in CASES:
        results.append(measure(case, rounds))
        print(json.dumps(results[-1]), flush=True)
    record = {
        "machine": {"cpus": os.cpu_count(), "system": platform.machine()},
        "load_at_start": round(load, 1),
        "rounds": rounds,
        "note": "medians; loop and federate take turns; other work ran on the machine where "
        "load_at_start is above 1, and CPU seconds are then the figures to compare",
        "cases": results,
    }
    RECORD.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
