"""The shared set, and what the clients then hold."""

from __future__ import annotations

import numpy as np
import pytest

from tinyml import dreams
from tinyml.errors import InputError
from tinyml.federated import sharing
from tinyml.federated.population import Share, populate


@pytest.fixture
def dreamt(tmp_path, digits):
    """100 dreams drawn as class 0, which the teacher reads as 0 to 9 in turn."""
    logits = np.tile(np.eye(10, dtype=np.float32), (10, 1))
    x = digits.train.x[:100]
    dreams.write_shard(tmp_path, 0, dreams.Dreams(x, np.zeros(100, np.int64), logits))
    return tmp_path


def test_real_samples_leave_the_clients(digits):
    shared, rest = sharing.draw(digits, 0.05, "real", seed=0)
    assert len(shared) + len(rest) == len(digits.train)
    assert len(shared) / len(rest) == pytest.approx(0.05, abs=1e-3)
    together = np.concatenate([shared.x, rest.x])
    assert sorted(map(bytes, together)) == sorted(map(bytes, digits.train.x))
    assert np.ptp(np.bincount(shared.y, minlength=10)) <= 1


def test_dreams_carry_the_teachers_answer_and_take_nothing_away(digits, dreamt):
    shared, rest = sharing.draw(digits, 0.05, f"dreams:{dreamt}", seed=0)
    assert rest is digits.train
    assert len(shared) == round(0.05 * len(digits.train))
    assert np.ptp(np.bincount(shared.y, minlength=10)) <= 1


def test_no_share_is_an_empty_one(digits):
    shared, rest = sharing.draw(digits, 0, "dreams:nowhere", seed=0)
    assert (len(shared), rest) == (0, digits.train)


def test_each_client_gets_its_own_random_part(digits, dreamt):
    share = Share(0.05, 0.5, f"dreams:{dreamt}")
    people = populate(digits, "pathological:1", 10, share, seed=0)
    sizes = {len(part) for part in people.handed}
    assert sizes == {round(0.5 * len(people.shared))}
    assert len({part.tobytes() for part in people.handed}) == 10
    assert people.emd.mean() == pytest.approx(1.8, abs=0.01)
    assert people.emd_with_shared.mean() < people.emd.mean()
    assert people.counts.sum() == len(digits.train)
    again = populate(digits, "pathological:1", 10, share, seed=0)
    assert again.described() == people.described()


@pytest.mark.parametrize("source", ["imagined", "dreams", "REAL"])
def test_refuses_an_unknown_source(source):
    with pytest.raises(InputError, match="give real or dreams:DIR"):
        sharing.path_of(source)


def test_refuses_too_few_dreams(digits, dreamt):
    with pytest.raises(InputError, match=r"has 100 dreams, --share 0\.5 of 1257 samples needs 628"):
        sharing.draw(digits, 0.5, f"dreams:{dreamt}", seed=0)


@pytest.mark.parametrize(("shape", "classes"), [((8, 9, 1), 10), ((8, 8, 1), 7)])
def test_refuses_dreams_of_other_data(digits, tmp_path, shape, classes):
    x, y = np.zeros((90, *shape), np.float32), np.zeros(90, np.int64)
    dreams.write_shard(tmp_path, 0, dreams.Dreams(x, y, np.zeros((90, classes), np.float32)))
    with pytest.raises(InputError, match="use dreams of a teacher of this data"):
        sharing.draw(digits, 0.05, f"dreams:{tmp_path}", seed=0)
