"""Partitions and how skewed they are."""

from __future__ import annotations

import numpy as np
import pytest

from tinyml.errors import InputError
from tinyml.federated import partitions, skew
from tinyml.federated.partitions.dirichlet import DirichletPartitioner
from tinyml.federated.partitions.emd import EmdPartitioner
from tinyml.federated.partitions.iid import IidPartitioner
from tinyml.federated.partitions.pathological import PathologicalPartitioner

EVERY = ["iid", "pathological:1", "pathological:2", "pathological:10", "dirichlet:0.3", "emd:1.1"]
LABELS = np.random.default_rng(0).permutation(np.repeat(np.arange(10), 100))


def counts_of(text, clients=10, seed=0):
    parts = partitions.parse(text, seed).partition(LABELS, clients)
    return skew.label_counts(LABELS, parts, 10)


@pytest.mark.parametrize("text", EVERY)
@pytest.mark.parametrize("clients", [10, 13])
def test_every_sample_is_in_exactly_one_part(text, clients):
    parts = partitions.parse(text, 0).partition(LABELS, clients)
    assert len(parts) == clients
    assert np.sort(np.concatenate(parts)).tolist() == list(range(1000))
    assert all(np.all(np.diff(part) > 0) for part in parts)


@pytest.mark.parametrize("text", EVERY)
def test_the_seed_decides(text):
    first, again, other = (
        np.concatenate(partitions.parse(text, seed).partition(LABELS, 20)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("held", [1, 2, 10])
def test_pathological_gives_each_client_so_many_classes(held):
    counts = counts_of(f"pathological:{held}")
    assert ((counts > 0).sum(axis=1) == held).all()
    assert set(counts[counts > 0]) == {100 // held}


@pytest.mark.parametrize(
    ("text", "expected"), [("pathological:1", 1.8), ("pathological:2", 1.6), ("pathological:10", 0)]
)
def test_emd_of_even_classes(text, expected):
    counts = counts_of(text)
    found = skew.earth_movers_distance(counts, counts.sum(axis=0))
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_two_classes_a_client_are_the_papers_twenty_parts():
    """Section 2 of arXiv 1806.00582: sorted by class, cut in 20, two parts a client."""
    parts = PathologicalPartitioner(2, seed=4).partition(LABELS, 10)
    cells = [part[LABELS[part] == label] for part in parts for label in range(10)]
    held = [cell for cell in cells if len(cell)]
    assert [len(cell) for cell in held] == [50] * 20
    for label in range(10):
        assert sum(LABELS[cell[0]] == label for cell in held) == 2


def mean_emd(labels, parts):
    counts = skew.label_counts(labels, parts, int(labels.max()) + 1)
    return skew.earth_movers_distance(counts, counts.sum(axis=0)).mean()


@pytest.mark.parametrize("classes", [2, 3, 10, 35])
@pytest.mark.parametrize("clients", [2, 3, 7, 10, 20, 33])
@pytest.mark.parametrize("is_even", [True, False])
def test_emd_is_met(classes, clients, is_even):
    """Any distance from 0 to the largest, which is known in closed form."""
    random = np.random.default_rng([classes, clients])
    sizes = np.full(classes, 2000) if is_even else random.integers(1000, 3000, classes)
    labels = random.permutation(np.repeat(np.arange(classes), sizes))
    rare = sizes / sizes.sum()
    one_each = 2 * (1 - np.resize(rare, clients)).mean()  # one class a client, dealt in order
    largest = one_each if clients >= classes else 2 * (1 - 1 / clients)
    for distance in (0, largest, *random.uniform(0, largest, 4)):
        parts = EmdPartitioner(distance, seed=3).partition(labels, clients)
        assert mean_emd(labels, parts) == pytest.approx(distance, abs=0.01)
        assert np.sort(np.concatenate(parts)).tolist() == list(range(len(labels)))
    for outside in (largest + 0.02, 2.5):
        with pytest.raises(
            InputError, match=rf"it goes from 0\.00\d to {largest:.3f}, the nearest"
        ):
            EmdPartitioner(outside, seed=3).partition(labels, clients)


def test_emd_of_ten_equal_classes_goes_from_iid_to_one_class_each():
    even, single = (counts_of(f"emd:{distance}") for distance in (0, 1.8))
    np.testing.assert_array_equal(even, np.full((10, 10), 10))
    np.testing.assert_array_equal(single, np.diag([100] * 10))
    found = counts_of("emd:0.9")
    own = np.diag(found)
    assert found.sum() == 1000
    assert set(own) <= {54, 55, 56}  # half of 100, and a tenth of the other half
    each = skew.earth_movers_distance(found, found.sum(axis=0))
    np.testing.assert_allclose(each, 0.9, atol=0.05)


def test_emd_says_what_few_samples_allow():
    labels = np.repeat(np.arange(3), 5)
    with pytest.raises(
        InputError, match=r"no mean EMD of 0 with 4 clients .* goes from 0\.\d+ to 1"
    ):
        EmdPartitioner(0).partition(labels, 4)
    with pytest.raises(InputError, match="class 0 has 1 samples for 2 clients"):
        EmdPartitioner(1).partition(np.array([0, 1, 1, 1]), 4)


def test_emd_grows_with_skew():
    def mean_of(text):
        return mean_emd(LABELS, partitions.parse(text, 0).partition(LABELS, 10))

    emds = [mean_of(text) for text in ("dirichlet:100", "dirichlet:1", "dirichlet:0.3")]
    assert emds == sorted(emds)
    assert mean_of("iid") < 0.3


def test_emd_by_hand():
    found = skew.earth_movers_distance(np.array([[3, 1], [0, 4]]), np.array([3, 5]))
    np.testing.assert_allclose(found, [0.75, 0.75])


def test_iid_sizes_differ_by_one_at_most():
    sizes = [len(part) for part in IidPartitioner().partition(LABELS[:97], 10)]
    assert set(sizes) == {9, 10}


def test_dirichlet_keeps_its_smallest_size_or_says_so():
    sizes = [len(p) for p in DirichletPartitioner(0.5, min_partition_size=20).partition(LABELS, 8)]
    assert min(sizes) >= 20
    with pytest.raises(InputError, match=r"alpha 0\.01 left a client fewer than 100 samples"):
        DirichletPartitioner(0.01, min_partition_size=100).partition(LABELS, 10)


def test_self_balancing_evens_the_sizes():
    def spread(balanced):
        maker = DirichletPartitioner(0.3, min_partition_size=0, self_balancing=balanced)
        return np.std([len(part) for part in maker.partition(LABELS, 10)])

    assert spread(True) < spread(False)


@pytest.mark.parametrize(
    "text",
    ["", "zipf", "iid:1", "pathological", "pathological:0", "pathological:x", "dirichlet:-1"]
    + ["dirichlet", "dirichlet:nan", "dirichlet:x", "emd", "emd:-0.1", "emd:nan", "emd:x"],
)
def test_unknown_partitions_are_refused_with_those_known(text):
    known = "dirichlet:ALPHA, emd:X, iid, pathological:CLASSES"
    with pytest.raises(InputError, match=f"^--partition: .*give one of {known}$"):
        partitions.parse(text, 0)


def test_impossible_partitions_are_refused():
    with pytest.raises(InputError, match="1001 clients for 1000 samples"):
        IidPartitioner().partition(LABELS, 1001)
    with pytest.raises(InputError, match="11 classes a client, the data has 10"):
        PathologicalPartitioner(11).partition(LABELS, 10)
    with pytest.raises(InputError, match="5 clients of 2 classes leave some of 10 classes out"):
        PathologicalPartitioner(2).partition(LABELS, 5)
    with pytest.raises(InputError, match="class 0 has 1 samples for 2 clients"):
        PathologicalPartitioner(1).partition(np.array([0, 1, 1, 1]), 4)
