"""What a client does in a round, as TFF client work: one compiled loop over the client's arrays.

TFF's own client work goes over a `tf.data.Dataset`, whose functions (map, flat_map, reduce) TensorFlow
sets up anew each time they run: 40 ms of CPU a client, before the first sample. Here the client's
"data set" is its key alone, and the loop slices batches from the arrays that the key names.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

from tinyml.federated import faults
from tinyml.federated.clients import order
from tinyml.federated.learning import Setup
from tinyml.models.runtime import tensorflow

KEY_LENGTH = 3  # client, round, whether it is faulty


def key_type() -> Any:
    """TFF type of a client's key."""
    import tensorflow_federated as tff

    return tff.TensorType(np.int64, [KEY_LENGTH])


def initial_weights(setup: Setup) -> Any:
    """TFF computation: the weights of a new model."""
    import tensorflow_federated as tff

    @tff.tensorflow.computation
    def made() -> Any:
        return tff.learning.models.ModelWeights.from_model(setup.make_model())

    return made


def train(
    setup: Setup, weights: Any, key: Any, update: Callable[..., tuple[Any, Any]], state: Any
) -> tuple[list[Any], Any]:
    """Train a model on a client's data, inside a TFF computation.

    Args:
        setup: the model, the clients' data and what they do with it.
        weights: `tff.learning.models.ModelWeights` to start from.
        key: int64 tensor, client and round.
        update: state, weights, gradients -> state, weights: what an optimizer does in a step.
        state: its first state.

    Returns:
        The trainable weights afterwards, and sums over the client's samples, of all passes, while it
        trained: "loss", "correct", "samples", and its "steps".
    """
    import tensorflow_federated as tff

    tf = tensorflow()
    model, local = setup.make_model(), setup.local
    variables = tff.learning.models.ModelWeights.from_model(model)

    def one_step(x: Any, y: Any, state: Any) -> tuple[Any, Any, Any]:
        """The optimizer's next state, the batch's loss and how many it had right."""
        with tf.GradientTape() as tape:
            scores = model(x, training=True)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y, scores)
            objective = tf.add_n([tf.reduce_mean(losses), *model.losses])
        slopes = tape.gradient(objective, variables.trainable)
        state, moved = update(state, tuple(variables.trainable), tuple(slopes))
        tf.nest.map_structure(lambda v, w: v.assign(w), tuple(variables.trainable), moved)
        found = tf.equal(tf.argmax(scores, 1), y)  # `==` means `is` while TFF builds its graph
        right = tf.reduce_sum(tf.cast(found, tf.int64))
        return state, tf.reduce_sum(losses), right

    @tf.function
    def run(weights: Any, key: Any, state: Any) -> Any:
        tf.nest.map_structure(lambda v, w: v.assign(w), variables, weights)
        x, y = setup.store.read(key[0])
        samples = tf.size(y)
        loss, correct = tf.constant(0.0), tf.constant(0, tf.int64)
        steps = tf.constant(0, tf.int64)
        for epoch in tf.range(local.epochs, dtype=tf.int64):
            mixed = order(key, samples, local.seed, key[1] * local.epochs + epoch)
            for first in tf.range(0, samples, local.batch):
                some = mixed[first : first + local.batch]
                state, more, right = one_step(tf.gather(x, some), tf.gather(y, some), state)
                loss, correct, steps = loss + more, correct + right, steps + 1
        seen = tf.cast(samples * local.epochs, tf.int64)
        sums = OrderedDict(loss=loss, correct=correct, samples=seen, steps=steps)
        return [v.read_value() for v in variables.trainable], sums

    return run(weights, key, state)


def build(setup: Setup, optimizer: Any) -> Any:
    """A `tff.learning.templates.ClientWorkProcess`, whose data is a sequence of the client's key.

    As TFF's own for federated averaging: a client whose weights are no longer finite answers zeros
    that weigh nothing, and counts no samples.

    Args:
        setup: the model, the clients' data and what they do with it.
        optimizer: a `tff.learning.optimizers.Optimizer`; its hyperparameters are the process' own.
    """
    import tensorflow_federated as tff

    tf = tensorflow()
    weights_type = initial_weights(setup).type_signature.result
    hparams = optimizer.get_hparams(optimizer.initialize(tf.TensorSpec((), tf.float32)))

    @tff.federated_computation
    def initialize() -> Any:
        return tff.federated_value(hparams, tff.SERVER)

    hparams_type, keys_type = initialize.type_signature.result.member, tff.SequenceType(key_type())

    @tff.tensorflow.computation(hparams_type, weights_type, keys_type)
    def work(hparams: Any, weights: Any, keys: Any) -> Any:
        specs = tuple(tf.TensorSpec(w.shape, w.dtype) for w in weights.trainable)
        state = optimizer.set_hparams(optimizer.initialize(specs), hparams)
        key = keys.get_single_element()
        start, stale = _start(setup, weights, key)
        trained, sums = train(setup, start, key, optimizer.next, state)
        result, sums = _answer(start.trainable, trained, sums)
        update = result.update
        if setup.faults:
            update = faults.spoil(update, key[2] > 0, setup.faults)
        signs = faults.signs(update, weights.trainable, stale)
        return tff.learning.templates.ClientResult(update, result.update_weight), sums, signs

    metrics = means(work.type_signature.result[1])

    @tff.tensorflow.computation(metrics.type_signature.result.member, work.type_signature.result[2])
    def with_signs(means: Any, signs: Any) -> Any:
        return OrderedDict(means, signs=signs)

    @tff.federated_computation(
        initialize.type_signature.result,
        tff.FederatedType(weights_type, tff.CLIENTS),
        tff.FederatedType(keys_type, tff.CLIENTS),
    )
    def next_round(state: Any, weights: Any, keys: Any) -> Any:
        sent = tff.federated_broadcast(state)
        result, sums, signs = tff.federated_map(work, (sent, weights, keys))
        measured = tff.federated_zip((metrics(sums), tff.federated_sum(signs)))
        return tff.templates.MeasuredProcessOutput(
            state, result, tff.federated_map(with_signs, measured)
        )

    @tff.tensorflow.computation(hparams_type)
    def get_hparams(state: Any) -> Any:
        return state

    @tff.tensorflow.computation(hparams_type, hparams_type)
    def set_hparams(state: Any, hparams: Any) -> Any:
        return hparams

    return tff.learning.templates.ClientWorkProcess(
        initialize, next_round, get_hparams_fn=get_hparams, set_hparams_fn=set_hparams
    )


def by_key(process: Any) -> Any:
    """A learning process over `build`'s work, to be called with one key a client."""
    import tensorflow_federated as tff

    @tff.tensorflow.computation(key_type())
    def data_of(key: Any) -> Any:
        return tensorflow().data.Dataset.from_tensors(key)

    return tff.simulation.compose_dataset_computation_with_learning_process(data_of, process)


def _start(setup: Setup, weights: Any, key: Any) -> tuple[Any, Any]:
    """The weights that a client starts from, and whether they are older than those it was sent."""
    import tensorflow_federated as tff

    tf = tensorflow()
    if setup.faults != "stale":
        return weights, tf.constant(False)
    stale = key[2] > 0
    old = setup.store.read_start(tf.nest.flatten(weights))
    parts = [tf.where(stale, o, w) for o, w in zip(old, tf.nest.flatten(weights))]
    count = len(weights.trainable)
    return tff.learning.models.ModelWeights(parts[:count], parts[count:]), stale


def _answer(before: Any, trained: list[Any], sums: Any) -> tuple[Any, Any]:
    """The client's update (from, not to, its weights), its weight and its sums."""
    import tensorflow_federated as tff

    tf = tensorflow()
    finite = tf.reduce_all([tf.reduce_all(tf.math.is_finite(w)) for w in trained])
    update = [tf.where(finite, w - t, tf.zeros_like(w)) for w, t in zip(before, trained)]
    sums = OrderedDict((name, tf.where(finite, s, tf.zeros_like(s))) for name, s in sums.items())
    weight = tf.cast(sums["samples"], tf.float32)
    return tff.learning.templates.ClientResult(update, weight), sums


def means(sums_type: Any) -> Any:
    """TFF computation: clients' sums, as `train` returns them, to the means over all their samples."""
    import tensorflow_federated as tff

    tf = tensorflow()

    @tff.tensorflow.computation(sums_type)
    def divided(total: Any) -> Any:
        samples = tf.cast(total["samples"], tf.float32)
        right = tf.cast(total["correct"], tf.float32)
        return OrderedDict(
            loss=total["loss"] / samples,
            accuracy=right / samples,
            num_examples=total["samples"],
        )

    @tff.federated_computation(tff.FederatedType(sums_type, tff.CLIENTS))
    def over_clients(sums: Any) -> Any:
        return tff.federated_map(divided, tff.federated_sum(sums))

    return over_clients
