"""What the rounds need of a learning process, and how TFF's own processes give it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from tinyml.federated.clients import ClientStore
from tinyml.federated.faults import Signs
from tinyml.models.runtime import tensorflow


@dataclass(frozen=True)
class LocalTraining:
    """What a client does with its data in a round: plain SGD, section 3 of arXiv 1806.00582.

    Attributes:
        epochs: passes over its data.
        batch: samples a step; the last one of a pass may be smaller.
        learning_rate: of the first round; a later one may be given another.
        seed: of the order of the samples.
    """

    epochs: int
    batch: int
    learning_rate: float
    seed: int


@dataclass(frozen=True)
class Setup:
    """What a strategy builds its process from.

    Attributes:
        make_model: the Keras model, which answers logits, made anew at each call.
        store: the clients' data.
        local: what a client does.
        samples: that all clients train on in one pass.
        server_learning_rate: None for the strategy's own.
        aggregator: a TFF weighted aggregation factory; None for the mean.
        faults: the kind of fault of the clients whose key says that they are faulty; None for none.
    """

    make_model: Callable[[], Any]
    store: ClientStore
    local: LocalTraining
    samples: int
    server_learning_rate: float | None = None
    aggregator: Any = None
    faults: str | None = None


@dataclass(frozen=True)
class Trained:
    """A round as the clients saw it: means over their samples while they trained.

    Attributes:
        loss: cross-entropy.
        accuracy: from 0 to 1.
        samples: that they trained on, all passes together.
        signs: of broken updates; None where they are not looked for.
    """

    loss: float
    accuracy: float
    samples: int
    signs: Signs | None = None

    @classmethod
    def from_metrics(cls, metrics: Any) -> Trained:
        """From the metrics of `client_work`."""
        found = metrics.get("signs")
        return cls(
            float(metrics["loss"]),
            float(metrics["accuracy"]),
            int(metrics["num_examples"]),
            Signs(found["norms"], int(found["not_finite"]), int(found["stale"])) if found else None,
        )


class Learning(Protocol):
    """A process over clients named by keys. All but `messages` runs inside a TFF context.

    Attributes:
        messages: how many times the size of the model goes to a client, and comes back, in a round.
    """

    messages: int

    def begin(self, model: Any) -> Any:
        """The first state: that of an untouched process with the weights of a Keras model."""

    def next(
        self, state: Any, keys: Sequence[np.ndarray], learning_rate: float
    ) -> tuple[Any, Trained]:
        """One round of the clients `keys`, at least one, with this learning rate of theirs."""

    def assign(self, state: Any, model: Any) -> None:
        """Put the weights of a state into a Keras model."""

    def to_arrays(self, state: Any) -> dict[str, np.ndarray]:
        """All of a state, for a checkpoint."""

    def from_arrays(self, arrays: dict[str, np.ndarray]) -> Any:
        """The state that `to_arrays` gave."""


class BuiltIn:
    """A `tff.learning.templates.LearningProcess` as a `Learning`: its clients keep nothing."""

    messages = 1

    def __init__(self, process: Any) -> None:
        """From a process whose clients' learning rate is `client_work`'s hyperparameter."""
        self._process = process

    def begin(self, model: Any) -> Any:
        """See `Learning.begin`."""
        return self._process.initialize()._replace(global_model_weights=weights_of(model))

    def next(
        self, state: Any, keys: Sequence[np.ndarray], learning_rate: float
    ) -> tuple[Any, Trained]:
        """See `Learning.next`."""
        # TFF's get_ and set_hparams would send the whole state to the worker and back, each
        work = OrderedDict(state.client_work, learning_rate=np.float32(learning_rate))
        result = self._process.next(state._replace(client_work=work), list(keys))
        return result.state, Trained.from_metrics(result.metrics["client_work"])

    def assign(self, state: Any, model: Any) -> None:
        """See `Learning.assign`."""
        state.global_model_weights.assign_weights_to(model)

    def to_arrays(self, state: Any) -> dict[str, np.ndarray]:
        """See `Learning.to_arrays`."""
        return numbered("server", state)

    def from_arrays(self, arrays: dict[str, np.ndarray]) -> Any:
        """See `Learning.from_arrays`."""
        return restored("server", arrays, self._process.initialize())


def weights_of(model: Any) -> Any:
    """A Keras model's weights as TFF takes them."""
    import tensorflow_federated as tff

    weights = tff.learning.models.ModelWeights.from_model(model)
    return tff.learning.models.ModelWeights(
        [w.numpy() for w in weights.trainable], [w.numpy() for w in weights.non_trainable]
    )


def numbered(name: str, structure: Any) -> dict[str, np.ndarray]:
    """The leaves of a nested structure as NAME/0, NAME/1, ..."""
    leaves = tensorflow().nest.flatten(structure)
    return {f"{name}/{number}": np.asarray(leaf) for number, leaf in enumerate(leaves)}


def restored(name: str, arrays: dict[str, np.ndarray], like: Any) -> Any:
    """The structure that `numbered` took apart, of the same form as `like`."""
    nest = tensorflow().nest
    leaves = [arrays[f"{name}/{number}"] for number in range(len(nest.flatten(like)))]
    return nest.pack_sequence_as(like, leaves)
