"""TFF's rounds against a plain loop over the same clients."""

from __future__ import annotations

import numpy as np
import pytest

from tinyml.errors import InputError
from tinyml.federated import process, worker
from tinyml.federated.clients import ClientStore
from tinyml.models.folding import fold_batch_norm
from tinyml.models.runtime import tensorflow

pytestmark = pytest.mark.slow  # TensorFlow trains in every test

LOCAL = process.LocalTraining(epochs=2, batch=8, learning_rate=0.05, seed=3)
SIZES = (20, 7, 33)
ROUNDS = 2


@pytest.fixture
def store(tmp_path, digits):
    made, first = ClientStore(tmp_path, digits.shape), 0
    for client, size in enumerate(SIZES):
        part = slice(first, first + size)
        made.write(client, digits.train.x[part], digits.train.y[part])
        first += size
    return made


def batches(store, client, number):
    key = tensorflow().constant([client, number], "int64")
    return list(store.dataset(key, LOCAL.seed, LOCAL.epochs, LOCAL.batch).as_numpy_iterator())


def test_each_pass_is_all_of_the_clients_data_in_a_new_order(store, digits):
    def labels(client, number):
        return np.concatenate([y for _, y in batches(store, client, number)]).reshape(2, -1)

    found, start = labels(2, 1), sum(SIZES[:2])
    expected = np.sort(digits.train.y[start : start + SIZES[2]])
    np.testing.assert_array_equal(np.sort(found, axis=1), [expected, expected])
    orders = {bytes(one) for number in (1, 2) for one in labels(2, number)}
    assert len(orders) == 4
    np.testing.assert_array_equal(labels(2, 1), found)
    x, y = batches(store, 1, 1)[0]
    assert (x.shape, x.dtype, y.shape, y.dtype) == ((7, 8, 8, 1), np.float32, (7,), np.int64)


def plain_round(model, store, number):
    """FedAvg written out: SGD on each client from the same weights, then their weighted mean."""
    tf = tensorflow()
    start = model.get_weights()
    loss_of = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    total = [np.zeros_like(w, np.float64) for w in start]

    @tf.function(reduce_retracing=True)
    def step(x, y):
        with tf.GradientTape() as tape:
            loss = loss_of(y, model(x, training=True))
        slopes = tape.gradient(loss, model.trainable_weights)
        for weight, slope in zip(model.trainable_weights, slopes):
            weight.assign_sub(LOCAL.learning_rate * slope)

    for client, size in enumerate(SIZES):
        model.set_weights(start)
        for x, y in batches(store, client, number):
            step(x, y)
        total = [t + w * (size / sum(SIZES)) for t, w in zip(total, model.get_weights())]
    model.set_weights(total)


@pytest.mark.parametrize("ending", [None, "softmax", "Softmax"])
def test_the_softmax_is_taken_off(small_model, ending):
    model, tf = fold_batch_norm(small_model()), tensorflow()
    whole = fold_batch_norm(small_model(activation="softmax")) if ending == "softmax" else model
    if ending == "Softmax":
        whole = tf.keras.Model(model.input, tf.keras.layers.Softmax()(model.output))
    x = np.random.default_rng(0).uniform(0, 1, (4, 8, 8, 1))
    found = process.on_logits(whole).predict(x, verbose=0)
    np.testing.assert_array_equal(found, model.predict(x, verbose=0))


@pytest.mark.parametrize("activation", [None, "softmax"])
def test_tff_agrees_with_a_plain_loop(store, small_model, activation):
    model = fold_batch_norm(small_model(activation=activation))
    start = model.get_weights()
    with worker.running() as child, worker.context(child):
        learning = process.build("fedavg", model, store, LOCAL)
        state = process.with_weights_of(learning, model)
        for number in range(1, ROUNDS + 1):
            keys = [np.array([client, number]) for client in range(len(SIZES))]
            state = learning.next(state, keys).state
        process.assign(learning, state, model)
    found = model.get_weights()
    plain = fold_batch_norm(small_model())  # ends in logits
    for number in range(1, ROUNDS + 1):
        plain_round(plain, store, number)
    moved = max(np.abs(a - b).max() for a, b in zip(found, start))
    assert moved > 0.01
    for ours, theirs in zip(found, plain.get_weights()):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


def test_unknown_strategies_are_refused_with_those_known(store, small_model):
    with pytest.raises(InputError, match="no strategy 'fedsgd'; give one of fedavg"):
        process.build("fedsgd", small_model(), store, LOCAL)
