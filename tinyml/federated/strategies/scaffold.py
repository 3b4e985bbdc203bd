"""FedAvg whose clients correct their drift with control variates; TFF 0.87 has none of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyml.federated import client_work
from tinyml.federated.learning import (
    Learning,
    Setup,
    Trained,
    numbered,
    restored,
    weights_of,
)
from tinyml.federated.strategies import no_argument, server_sgd
from tinyml.models.runtime import tensorflow

NAME = "scaffold"
USAGE = "scaffold"


@dataclass(frozen=True)
class Scaffold:
    """Karimireddy et al. 2020, arXiv 1910.06378, algorithm 1 with option II.

    Client k steps along g - c_k + c, where c is the server's control variate and c_k its own, and
    afterwards sets c_k <- c_k - c + (w_server - w_k) / (steps * rate). c moves by the mean of the
    changes of all c_k. Where clients differ in size, both means are weighted by their samples, as
    FedAvg's: the objective is the same; equal sizes give the paper's. The server's rate is 1 unless
    given.

    Clients' variates are kept by their number on the server's side of the simulation, one model's
    size each from a client's first round on, and travel both ways beside the model.
    """

    def build(self, setup: Setup) -> Learning:
        """Our own federated computation, which hands the clients' variates back."""
        return _Learning(setup)


@dataclass(frozen=True)
class _State:
    """What is known between rounds.

    Attributes:
        server: weights, control, and the states of aggregator and finalizer, as TFF holds them.
        controls: a client's own variate by its number; zeros for one that is not there.
    """

    server: Any
    controls: dict[int, list[np.ndarray]]


class _Learning:
    """See `Learning`."""

    messages = 2  # the model and a control variate

    def __init__(self, setup: Setup) -> None:
        self._initialize, self._next = _computations(setup)

    def begin(self, model: Any) -> _State:
        server = self._initialize()
        return _State({**server, "weights": weights_of(model)}, {})

    def next(
        self, state: _State, keys: Sequence[np.ndarray], learning_rate: float
    ) -> tuple[_State, Trained]:
        clients = [int(key[0]) for key in keys]
        zeros = [np.zeros_like(control) for control in state.server["control"]]
        held = [state.controls.get(client, zeros) for client in clients]
        server, metrics, changed = self._next(
            state.server, np.float32(learning_rate), list(keys), held
        )
        now = {client: [np.asarray(c) for c in own] for client, own in zip(clients, changed)}
        return _State(server, {**state.controls, **now}), Trained.from_metrics(metrics)

    def assign(self, state: _State, model: Any) -> None:
        state.server["weights"].assign_weights_to(model)

    def to_arrays(self, state: _State) -> dict[str, np.ndarray]:
        arrays = numbered("server", state.server)
        for client, control in state.controls.items():
            arrays.update(numbered(f"client/{client}", control))
        return arrays

    def from_arrays(self, arrays: dict[str, np.ndarray]) -> _State:
        server = restored("server", arrays, self._initialize())
        clients = sorted({int(name.split("/")[1]) for name in arrays if name.startswith("client/")})
        like = server["control"]
        return _State(server, {k: restored(f"client/{k}", arrays, like) for k in clients})


def _computations(setup: Setup) -> tuple[Any, Any]:
    """initialize: -> state; next: state, rate, keys, controls -> state, metrics, controls."""
    import tensorflow_federated as tff

    tf = tensorflow()

    initial_weights = client_work.initial_weights(setup)
    weights_type = initial_weights.type_signature.result
    control_type = weights_type.trainable
    factory = setup.aggregator or tff.aggregators.MeanFactory()
    aggregator = factory.create(control_type, tff.TensorType(np.float32))
    finalizer = tff.learning.templates.build_apply_optimizer_finalizer(
        server_sgd(setup), weights_type
    )
    work = _client_work(setup, weights_type)
    total = client_work.means(work.type_signature.result["metrics"])

    @tff.tensorflow.computation
    def no_control() -> Any:
        return [tf.zeros(part.shape, part.dtype) for part in control_type]

    @tff.tensorflow.computation(control_type, control_type)
    def add(control: Any, change: Any) -> Any:
        return [old + new for old, new in zip(control, change)]

    @tff.federated_computation
    def initialize() -> Any:
        parts = {
            "weights": tff.federated_eval(initial_weights, tff.SERVER),
            "control": tff.federated_eval(no_control, tff.SERVER),
            "aggregator": aggregator.initialize(),
            "finalizer": finalizer.initialize(),
        }
        return tff.federated_zip(parts)

    @tff.federated_computation(
        initialize.type_signature.result,
        tff.FederatedType(np.float32, tff.SERVER),
        tff.FederatedType(client_work.key_type(), tff.CLIENTS),
        tff.FederatedType(control_type, tff.CLIENTS),
    )
    def next_round(state: Any, rate: Any, keys: Any, controls: Any) -> Any:
        sent = [tff.federated_broadcast(part) for part in (state.weights, state.control, rate)]
        done = tff.federated_map(work, (*sent, controls, keys))
        mean = aggregator.next(state.aggregator, done.update, done.samples)
        final = finalizer.next(state.finalizer, state.weights, mean.result)
        change = tff.federated_sum(done.control_change)
        parts = {
            "weights": final.result,
            "control": tff.federated_map(add, (state.control, change)),
            "aggregator": mean.state,
            "finalizer": final.state,
        }
        return tff.federated_zip(parts), total(done.metrics), done.control

    return initialize, next_round


def _client_work(setup: Setup, weights_type: Any) -> Any:
    """TFF computation: a client's training, its update (from, not to, its weights) and its variates."""
    import tensorflow_federated as tff

    tf = tensorflow()
    control_type, key_type = weights_type.trainable, client_work.key_type()
    all_samples = setup.samples * setup.local.epochs

    @tff.tensorflow.computation(weights_type, control_type, np.float32, control_type, key_type)
    def work(weights: Any, common: Any, rate: Any, own: Any, key: Any) -> Any:
        drift = [c - o for c, o in zip(common, own)]

        def step(state: Any, values: Any, slopes: Any) -> tuple[Any, Any]:
            moved = (w - rate * (s + d) for w, s, d in zip(values, slopes, drift))
            return state, tuple(moved)

        trained, sums = client_work.train(setup, weights, key, step, ())
        samples, steps = (tf.cast(sums[name], tf.float32) for name in ("samples", "steps"))
        update = [w - t for w, t in zip(weights.trainable, trained)]
        control = [o - c + u / (steps * rate) for o, c, u in zip(own, common, update)]
        part = samples / all_samples
        return {
            "update": update,
            "samples": samples,
            "control": control,
            "control_change": [part * (now - was) for now, was in zip(control, own)],
            "metrics": sums,
        }

    return work


def parse(argument: str | None) -> Scaffold:
    """From "scaffold"."""
    no_argument(argument)
    return Scaffold()
