"""The learning process: TFF's federated averaging over a Keras model and clients' data by key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyml.errors import InputError
from tinyml.federated.clients import ClientStore
from tinyml.models.runtime import tensorflow


@dataclass(frozen=True)
class LocalTraining:
    """What a client does with its data in a round: plain SGD, section 3 of arXiv 1806.00582."""

    epochs: int
    batch: int
    learning_rate: float
    seed: int


def build(strategy: str, model: Any, store: ClientStore, local: LocalTraining) -> Any:
    """A `tff.learning.templates.LearningProcess` whose `next` takes clients' keys (`ClientStore`).

    Args:
        strategy: one of `STRATEGIES`.
        model: the Keras model; its structure is used, its weights are not.
        store: the clients' data.
        local: what they do with it.

    Raises:
        InputError: unknown strategy.
    """
    check_strategy(strategy)
    import tensorflow_federated as tff

    tf = tensorflow()

    @tff.tensorflow.computation(tff.TensorType(np.int64, [2]))
    def data_of(key: Any) -> Any:
        return store.dataset(key, local.seed, local.epochs, local.batch)

    try:
        process = STRATEGIES[strategy](tff, _model_fn(tff, tf, model, store), local)
        return tff.simulation.compose_dataset_computation_with_learning_process(data_of, process)
    finally:
        _restore_keras(model)


def check_strategy(strategy: str) -> None:
    """Refuse a strategy that is not in `STRATEGIES`.

    Raises:
        InputError: it is not; lists the known ones.
    """
    if strategy not in STRATEGIES:
        known = ", ".join(sorted(STRATEGIES))
        raise InputError("--strategy", f"no strategy '{strategy}'", f"give one of {known}")


def _restore_keras(model: Any) -> None:
    """Make eager models usable again.

    TFF makes the model inside a graph. On that Keras swaps the base classes of functional models and
    of each layer class, for all their instances, to its version 1, until the next of that class is
    made outside a graph: this one.
    """
    type(model).from_config(model.get_config())


def _fed_avg(tff: Any, model_fn: Callable[[], Any], local: LocalTraining) -> Any:
    """FedAvg (arXiv 1602.05629): clients' weights averaged by their number of samples."""
    return tff.learning.algorithms.build_weighted_fed_avg(
        model_fn,
        client_optimizer_fn=tff.learning.optimizers.build_sgdm(local.learning_rate),
        server_optimizer_fn=tff.learning.optimizers.build_sgdm(1.0),
    )


STRATEGIES: dict[str, Callable[[Any, Callable[[], Any], LocalTraining], Any]] = {
    "fedavg": _fed_avg,
}


def on_logits(model: Any) -> Any:
    """A copy of a functional `model`, weights included, without the softmax that it may end in.

    Training is on logits always: where a softmax saturates, Keras clips its gradient to zero.
    """
    config = model.get_config()
    name = config["output_layers"][0][0]
    last = next(layer for layer in config["layers"] if layer["name"] == name)
    if last["class_name"] == "Softmax":
        last["class_name"] = "Activation"
        last["config"] = {"name": name, "activation": "linear"}
    elif last["config"].get("activation") == "softmax":
        last["config"]["activation"] = "linear"
    copy = type(model).from_config(config)
    copy.set_weights(model.get_weights())
    return copy


def _model_fn(tff: Any, tf: Any, model: Any, store: ClientStore) -> Callable[[], Any]:
    """TFF wants a model made anew at each call, inside its own graph."""
    config, kind = on_logits(model).get_config(), type(model)

    def make() -> Any:
        return tff.learning.models.from_keras_model(
            kind.from_config(config),
            loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            input_spec=store.element_spec(),
            metrics=[tf.keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        )

    return make


def with_weights_of(process: Any, model: Any) -> Any:
    """The process' first state, holding the weights of `model`."""
    import tensorflow_federated as tff

    weights = tff.learning.models.ModelWeights.from_model(model)
    numbers = tff.learning.models.ModelWeights(
        [w.numpy() for w in weights.trainable], [w.numpy() for w in weights.non_trainable]
    )
    return process.set_model_weights(process.initialize(), numbers)


def assign(process: Any, state: Any, model: Any) -> None:
    """Put the weights of `state` into `model`; inside `worker.context`, as all of TFF's work."""
    process.get_model_weights(state).assign_weights_to(model)
