"""TFF's rounds against a plain loop over the same clients."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tinyml.errors import InputError
from tinyml.federated import process, rooms, strategies, worker
from tinyml.federated.clients import ClientStore, key, order
from tinyml.federated.learning import LocalTraining
from tinyml.models.folding import fold_batch_norm
from tinyml.models.runtime import tensorflow

pytestmark = pytest.mark.slow  # TensorFlow trains in every test

LOCAL = LocalTraining(epochs=2, batch=8, learning_rate=0.05, seed=3)
SIZES = (20, 7, 33)
ROUNDS = [((0, 1, 2), 0.05), ((2, 0), 0.04), ((1, 2), 0.03)]  # who takes part, learning rate


@pytest.fixture
def store(tmp_path, digits):
    made, first = ClientStore(tmp_path, digits.shape), 0
    for client, size in enumerate(SIZES):
        part = slice(first, first + size)
        made.write(client, digits.train.x[part], digits.train.y[part])
        first += size
    return made


def batches(store, client, number):
    tf = tensorflow()
    x, y = store.read(tf.constant(client, "int64"))
    found = []
    for epoch in range(LOCAL.epochs):
        mixed = order(
            key(client, number), len(y), LOCAL.seed, number * LOCAL.epochs + epoch
        ).numpy()
        for some in np.split(mixed, range(LOCAL.batch, len(y), LOCAL.batch)):
            found.append((x.numpy()[some], y.numpy()[some]))
    return found


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


@pytest.mark.parametrize("ending", [None, "softmax", "Softmax"])
def test_the_softmax_is_taken_off(small_model, ending):
    model, tf = fold_batch_norm(small_model()), tensorflow()
    whole = fold_batch_norm(small_model(activation="softmax")) if ending == "softmax" else model
    if ending == "Softmax":
        whole = tf.keras.Model(model.input, tf.keras.layers.Softmax()(model.output))
    x = np.random.default_rng(0).uniform(0, 1, (4, 8, 8, 1))
    found = process.on_logits(whole).predict(x, verbose=0)
    np.testing.assert_array_equal(found, model.predict(x, verbose=0))


@pytest.mark.parametrize(
    ("strategy", "server_rate", "activation"),
    [
        ("fedavg", None, None),
        ("fedavg", 0.5, "softmax"),
        ("fedprox:0.5", None, None),
        ("fedavgm", None, None),
        ("fedavgm:0.5", 0.7, None),
        ("fedadam", None, None),
        ("fedadam", 0.05, None),
        ("scaffold", None, None),
        ("scaffold", 0.7, None),
    ],
)
def test_tff_agrees_with_a_plain_loop(store, small_model, strategy, server_rate, activation):
    model = fold_batch_norm(small_model(activation=activation))
    start = model.get_weights()
    with worker.running() as child, worker.context(child):
        learning = process.build(strategy, model, store, LOCAL, sum(SIZES), server_rate)
        assert learning.messages == (2 if strategy == "scaffold" else 1)
        state = learning.begin(model)
        for number, (clients, rate) in enumerate(ROUNDS, 1):
            state = learning.from_arrays(learning.to_arrays(state))
            state, trained = learning.next(state, keys(clients, number), rate)
            assert trained.samples == LOCAL.epochs * sum(SIZES[client] for client in clients)
        learning.assign(state, model)
    found = model.get_weights()
    plain = PlainLoop(fold_batch_norm(small_model()), store, strategy, server_rate)
    for number, (clients, rate) in enumerate(ROUNDS, 1):
        loss, accuracy = plain.round(clients, number, rate)
    assert trained.loss == pytest.approx(loss, rel=1e-5)
    assert trained.accuracy == pytest.approx(accuracy)
    assert accuracy > 0
    moved = max(np.abs(a - b).max() for a, b in zip(found, start))
    assert moved > 0.01
    for ours, theirs in zip(found, plain.weights):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


def keys(clients, number):
    return [key(client, number) for client in clients]


class PlainLoop:
    """Every strategy written out, without TFF, as its paper has it."""

    def __init__(self, model, store, strategy, server_rate):
        self.model, self.store = model, store
        self.name, _, argument = strategy.partition(":")
        self.argument = float(argument) if argument else None
        self.server_rate = server_rate or {"fedadam": 0.01}.get(self.name, 1.0)
        self.weights = [w.astype(np.float64) for w in model.get_weights()]
        zeros = [np.zeros_like(w) for w in self.weights]
        self.control = zeros
        self.controls = dict.fromkeys(range(len(SIZES)), zeros)
        self.first, self.second, self.rounds = zeros, zeros, 0
        self._step = _compiled_step(model)

    def round(self, clients, number, rate):
        """Returns the mean loss of the clients' samples, and the part that was right."""
        sizes = [SIZES[client] for client in clients]
        updates, measured, changes = [], [], []
        for client in clients:
            update, seen, steps = self._train(client, number, rate)
            updates.append(update)
            measured.append(seen)
            if self.name == "scaffold":
                now = [
                    own - common - u / (steps * rate)
                    for own, common, u in zip(self.controls[client], self.control, update)
                ]
                changes.append([n - own for n, own in zip(now, self.controls[client])])
                self.controls[client] = now
        mean = [np.average(parts, axis=0, weights=sizes) for parts in zip(*updates)]
        self._server_step(mean)
        for size, change in zip(sizes, changes):
            self.control = [c + size / sum(SIZES) * d for c, d in zip(self.control, change)]
        return np.average(measured, axis=0, weights=sizes)

    def _train(self, client, number, rate):
        """The client's update, its mean loss and accuracy, and number of steps."""
        mu = self.argument if self.name == "fedprox" else 0.0
        scaffold = self.name == "scaffold"
        pairs = zip(self.control, self.controls[client])
        drift = [c - own if scaffold else np.zeros_like(c) for c, own in pairs]
        self.model.set_weights(self.weights)
        start = self.model.get_weights()
        drift = [d.astype(np.float32) for d in drift]
        done = batches(self.store, client, number)
        seen = [self._step(x, y, np.float32(rate), mu, start, drift) for x, y in done]
        update = [w - s for w, s in zip(self.model.get_weights(), self.weights)]
        means = np.average(np.array(seen), axis=0, weights=[len(y) for _, y in done])
        return update, means, len(done)

    def _server_step(self, mean):
        rate = self.server_rate
        if self.name == "fedavgm":
            momentum = self.argument or 0.9
            self.first = [momentum * v + m for v, m in zip(self.first, mean)]
            mean = self.first
        if self.name == "fedadam":
            self.rounds += 1
            self.first = [0.9 * v + 0.1 * m for v, m in zip(self.first, mean)]
            self.second = [0.99 * v + 0.01 * m**2 for v, m in zip(self.second, mean)]
            rate *= np.sqrt(1 - 0.99**self.rounds) / (1 - 0.9**self.rounds)
            mean = [v / (np.sqrt(s) + 1e-3) for v, s in zip(self.first, self.second)]
        self.weights = [w + rate * m for w, m in zip(self.weights, mean)]


def _compiled_step(model):
    tf = tensorflow()
    loss_of = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    @tf.function(reduce_retracing=True)
    def step(x, y, rate, mu, start, drift):
        with tf.GradientTape() as tape:
            scores = model(x, training=True)
            loss = loss_of(y, scores)
        slopes = tape.gradient(loss, model.trainable_weights)
        for weight, slope, first, more in zip(model.trainable_weights, slopes, start, drift):
            weight.assign_sub(rate * (slope + mu * (weight - first) + more))
        return loss, tf.reduce_mean(tf.cast(tf.equal(tf.argmax(scores, 1), y), tf.float32))

    return step


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fedsgd", "no strategy 'fedsgd'; give one of fedadam, fedavg, "),
        ("fedavg:1", "'fedavg:1': takes no argument"),
        ("fedprox", "'fedprox': needs mu, a number from 0"),
        ("fedprox:-1", "needs mu"),
        ("fedprox:nan", "needs mu"),
        ("fedavgm:1", "the momentum lies between 0 and 1"),
        ("fedadam:x", "takes no argument"),
        ("scaffold:2", "takes no argument"),
    ],
)
def test_unknown_strategies_are_refused_with_those_known(text, message):
    with pytest.raises(InputError, match=re.escape(message)):
        strategies.parse(text)


def test_every_strategy_names_itself():
    known = rooms.known(strategies)
    assert sorted(known) == ["fedadam", "fedavg", "fedavgm", "fedprox", "scaffold"]
    assert strategies.parse("fedavgm").momentum == 0.9
    assert strategies.parse("fedprox:0.1").mu == 0.1
