"""The learning process: a strategy over a Keras model and clients' data by key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinyml.federated import strategies
from tinyml.federated.clients import ClientStore
from tinyml.federated.learning import Learning, LocalTraining, Setup


def build(
    strategy: str,
    model: Any,
    store: ClientStore,
    local: LocalTraining,
    samples: int,
    server_learning_rate: float | None = None,
    aggregator: Any = None,
    faults: str | None = None,
) -> Learning:
    """The learning process of a strategy.

    Args:
        strategy: as the user names it, e.g. "fedprox:0.01".
        model: the Keras model; its structure is used, its weights are not.
        store: the clients' data.
        local: what they do with it.
        samples: that all clients train on in one pass.
        server_learning_rate: None for the strategy's own.
        aggregator: a TFF weighted aggregation factory; None for the mean.
        faults: the kind of fault of faulty clients; None for none.

    Raises:
        InputError: unknown strategy.
    """
    chosen = strategies.parse(strategy)
    made = _model_fn(model)
    try:
        return chosen.build(
            Setup(made, store, local, samples, server_learning_rate, aggregator, faults)
        )
    finally:
        _restore_keras(model)


def _restore_keras(model: Any) -> None:
    """Make eager models usable again.

    TFF makes the model inside a graph. On that Keras swaps the base classes of functional models and
    of each layer class, for all their instances, to its version 1, until the next of that class is
    made outside a graph: this one.
    """
    type(model).from_config(model.get_config())


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


def _model_fn(model: Any) -> Callable[[], Any]:
    """TFF wants a model made anew at each call, inside its own graph.

    A client makes one in every round and then assigns its weights: drawing them first would be
    wasted work.
    """
    config, kind = _starting_at_zero(on_logits(model).get_config()), type(model)
    return lambda: kind.from_config(config)


def _starting_at_zero(config: Any) -> Any:
    """A Keras configuration with every initializer replaced."""
    if isinstance(config, list):
        return [_starting_at_zero(part) for part in config]
    if not isinstance(config, dict):
        return config
    zeros = {"class_name": "Zeros", "config": {}}
    return {
        name: zeros if name.endswith("_initializer") and part else _starting_at_zero(part)
        for name, part in config.items()
    }
