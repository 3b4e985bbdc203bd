"""What a round is made of: who takes part, what is measured, what is kept."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tinyml.data import Split
from tinyml.federated import divergence, measuring
from tinyml.federated.history import History, Round
from tinyml.federated.learning import Trained
from tinyml.federated.measuring import Worth
from tinyml.federated.participation import Participation
from tinyml.models import checkpoint
from tinyml.models.runtime import tensorflow


@pytest.mark.parametrize(("part", "size"), [(1.0, 20), (0.5, 10), (0.26, 5), (0.001, 1)])
def test_so_many_clients_are_asked(part, size):
    taking_part = Participation(20, part, 0.0, seed=1)
    for number in range(1, 30):
        asked = taking_part.asked(number)
        assert len(set(asked)) == len(asked) == size
        assert set(asked) <= set(range(20))
        assert taking_part.dropped(number) == []


def test_the_seed_and_the_round_decide_who_takes_part():
    def drawn(seed, numbers=range(1, 40)):
        taking_part = Participation(20, 0.5, 0.3, seed)
        return [(taking_part.asked(n), taking_part.dropped(n)) for n in numbers]

    assert drawn(1) == drawn(1)
    assert drawn(1)[20:] == drawn(1, range(21, 40))  # as a resumed run asks
    assert drawn(1) != drawn(2)
    assert len({tuple(asked) for asked, _ in drawn(1)}) > 35


def test_clients_are_lost_as_often_as_asked():
    taking_part = Participation(100, 0.5, 0.3, seed=0)
    lost = [len(taking_part.dropped(number)) for number in range(1, 201)]
    assert np.mean(lost) == pytest.approx(0.3 * 50, rel=0.05)
    for number in range(1, 20):
        assert set(taking_part.dropped(number)) <= set(taking_part.asked(number))


def test_a_checkpoint_is_replaced_whole(tmp_path):
    path = tmp_path / "checkpoint.npz"
    assert checkpoint.load(path) is None
    arrays = {"server/0": np.arange(3, dtype=np.float32), "server/1": np.array(7, np.int64)}
    checkpoint.save(path, 4, arrays)
    (tmp_path / "checkpoint.new").write_bytes(b"half of the next one")
    number, found = checkpoint.load(path)
    assert number == 4
    assert {name: a.tobytes() for name, a in found.items()} == {
        name: a.tobytes() for name, a in arrays.items()
    }
    assert found["server/1"].dtype == np.int64
    checkpoint.save(path, 5, {})
    assert checkpoint.load(path) == (5, {})
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint.npz"]


def test_history_goes_on_after_the_last_round_that_counts(tmp_path):
    path = tmp_path / "history.jsonl"
    history = History(path)
    for number in range(4):
        history.append(done(number))
    with path.open("a") as stream:
        stream.write('{"round": 4')
    again = History(path)
    again.resume(2)
    assert [line["round"] for line in again.lines] == [0, 1, 2]
    again.append(done(3))
    assert [json.loads(line)["round"] for line in path.read_text().splitlines()] == [0, 1, 2, 3]


def done(number):
    worth = Worth(1.5, 0.25) if number % 2 else None
    return Round(number, [1], [2], 0.1, Trained(2.0, 0.5, 10), worth, worth, 8, 4, None, 0.1)


def test_a_line_is_flat(tmp_path):
    history = History(tmp_path / "history.jsonl")
    history.append(done(1))
    assert (history.last["client_loss"], history.last["test_accuracy"]) == (2.0, 0.25)
    history.append(done(2))
    assert (history.last["train_loss"], history.last["test_accuracy"]) == (None, None)


def model_of(kernel, bias):
    tf = tensorflow()
    model = tf.keras.Sequential(
        [tf.keras.layers.Flatten(input_shape=(2, 1, 1)), tf.keras.layers.Dense(2, name="dense")]
    )
    model.set_weights([np.array(kernel, np.float32), np.array(bias, np.float32)])
    return model


def test_divergence_by_hand():
    found = divergence.by_layer(
        model_of([[1, 2], [3, 4]], [0, 0]), model_of([[1, 2], [2, 0]], [4, 0])
    )
    assert found == {"dense": pytest.approx(np.sqrt(1 + 16 + 16) / 5)}


def test_measured_by_hand():
    model = model_of([[1, 0], [0, 1]], [0, 0])
    x = np.array([[2, 0], [0, 1], [3, 0]], np.float32).reshape(3, 2, 1, 1)
    worth = measuring.measure(model, Split(x, np.array([0, 1, 1])))
    losses = [np.log(1 + np.exp(-2)), np.log(1 + np.exp(-1)), np.log(1 + np.exp(3))]
    assert worth.loss == pytest.approx(np.mean(losses), rel=1e-6)
    assert worth.accuracy == pytest.approx(2 / 3)


def test_the_training_sample_is_of_the_training_split(digits):
    sample = measuring.training_sample(digits, seed=0)
    assert len(sample) == len(digits.test)
    known = {bytes(x) for x in digits.train.x}
    assert all(bytes(x) in known for x in sample.x)
    again = measuring.training_sample(digits, seed=0)
    np.testing.assert_array_equal(sample.y, again.y)
