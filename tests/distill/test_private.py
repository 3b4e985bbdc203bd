"""Metadata under differential privacy: the noise is what the guarantee takes, and all goes through it."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from tinyml.data import Split
from tinyml.distill import metadata, private
from tinyml.distill.settings import Budget, Limits
from tinyml.errors import InputError

CLIP = 3.0


def vector(features):
    """The sums of a class, each part divided by its bound, as the noise sees them."""
    sums = private._noisy(
        private.clipped(features, CLIP), 0.0, CLIP, True, np.random.default_rng(0)
    )
    above = np.triu_indices(len(sums.total))
    return np.concatenate([[sums.count], sums.total / CLIP, sums.products[above] / CLIP**2])


@pytest.mark.parametrize("epsilon", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("delta", [1e-3, 1e-6])
def test_noise_is_that_of_the_analytic_gaussian_mechanism(epsilon, delta):
    """Balle and Wang 2018 (arXiv 1805.06530), theorem 8, computed here apart from dp-accounting."""
    sigma = private.noise_scale(Budget(epsilon, delta, 1))

    def phi(x):
        return math.erfc(-x / math.sqrt(2)) / 2

    given = phi(1 / (2 * sigma) - epsilon * sigma)
    given -= math.exp(epsilon) * phi(-1 / (2 * sigma) - epsilon * sigma)
    assert given == pytest.approx(delta, rel=0.01)


@pytest.mark.parametrize("scale", [0.1, 1.0, 50.0])
def test_one_sample_changes_the_sums_by_no_more_than_the_bound(rng, scale):
    features = np.abs(rng.normal(scale=scale, size=(12, 5)))
    whole = vector(features)
    for left_out in range(len(features)):
        without = vector(np.delete(features, left_out, axis=0))
        assert np.linalg.norm(whole - without) <= math.sqrt(3) * (1 + 1e-9)


def test_noise_of_the_declared_size_is_on_every_number(rng):
    drawn = [private._noisy(np.zeros((4, 3)), 2.0, CLIP, True, rng) for _ in range(2000)]
    parts = {
        1: np.array([s.count for s in drawn]) - 4,
        CLIP: np.array([s.total for s in drawn]).ravel(),
        CLIP**2: np.array([s.products[np.triu_indices(3)] for s in drawn]).ravel(),
    }
    for bound, noise in parts.items():
        assert noise.std() == pytest.approx(2 * bound, rel=0.06)
        assert abs(noise.mean()) < 6 * 2 * bound / math.sqrt(len(noise))


def test_without_noise_the_clusters_are_exact(rng):
    x = np.abs(rng.normal(size=(400, 4)) @ rng.normal(size=(4, 4)))
    sums = private._noisy(private.clipped(x, 1e9), 0.0, 1e9, True, rng)
    found = private._cluster(sums, 0.0, 2, 0.0)
    values = np.linalg.eigvalsh(np.cov(x.T, bias=True))
    np.testing.assert_allclose(found.centroid, x.mean(axis=0))
    np.testing.assert_allclose(found.variances, values[::-1][:2])
    assert found.count == 400


def test_directions_lost_in_the_noise_are_left_out(rng):
    sums = private._noisy(np.zeros((500, 30)), 5.0, 1.0, True, rng)
    kept = private._cluster(sums, 5.0, 30, -np.inf)
    assert len(kept.variances) <= 3


def test_everything_is_drawn_anew(teacher, digits):
    budget, limits = Budget(20.0, 1e-4, 10.0), Limits(1.0, components=4)
    first, second = (
        metadata.summarise(teacher, "", digits.train, limits, 0, budget) for _ in range(2)
    )
    assert (first.epsilon, first.delta) == (20.0, 1e-4)
    assert first.cluster_class.tolist() == list(range(10))
    assert not np.isclose(first.centroids, second.centroids, rtol=1e-9)[first.centroids > 0].any()
    assert (first.centroids >= 0).all()  # the layer follows a ReLU


def test_more_epsilon_comes_nearer_to_the_truth(teacher, digits):
    limits = Limits(1.0, clusters=1, components=0)
    exact = metadata.summarise(teacher, "", digits.train, limits, 0).centroids

    def error(epsilon):
        made = metadata.summarise(
            teacher, "", digits.train, limits, 0, Budget(epsilon, 1e-4, 100.0)
        )
        return np.linalg.norm(made.centroids - exact)

    assert error(300.0) < error(3.0) / 4


def test_too_few_samples_for_the_noise(teacher, digits):
    few = Split(digits.train.x[:40], digits.train.y[:40])
    with pytest.raises(InputError, match=r"--epsilon: class \d has about \d+ samples under"):
        metadata.summarise(teacher, "", few, Limits(1.0), 0, Budget(1.0, 1e-5, 10.0))


def test_command_has_no_seed_and_says_what_it_guarantees(tinyml, teacher_path, tmp_path, capsys):
    given = ("distill", "metadata", "--teacher", teacher_path, "--data", "digits", "--fraction", 1)
    path = tmp_path / "m.npz"
    tinyml(*given, "--epsilon", 20, "--clip", 10, "--json", "-o", path)
    printed = json.loads(capsys.readouterr().out)
    made = metadata.load(path)
    assert (made.epsilon, made.delta) == (20.0, 1e-5)
    assert printed["samples"] == made.counts.sum()  # the noisy counts
    record = json.loads((tmp_path / "m.npz.run.json").read_text())
    assert record["seed"] is None
    assert record["settings"]["privacy"] == {"epsilon": 20.0, "delta": 1e-5, "clip": 10.0}


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--epsilon", 1), "needs the length .*; give --clip"),
        (("--epsilon", 1, "--clip", 3, "--seed", 5), "--seed: .* take the noise off"),
        (("--epsilon", 1, "--clip", 3, "--clusters", 5), "--clusters: .* look at the data"),
        (
            ("--epsilon", 1, "--clip", 3, "--members-per-component", 5),
            "--members-per-component: .* noise",
        ),
        (("--clip", 3), "--clip: belongs to --epsilon"),
        (("--delta", 1e-6), "--delta: belongs to --epsilon"),
    ],
)
def test_options_that_do_not_go_together(tinyml, teacher_path, tmp_path, options, reason):
    with pytest.raises(InputError, match=reason):
        tinyml(
            *("distill", "metadata", "--teacher", teacher_path, "--data", "digits"),
            *(*options, "-o", tmp_path / "m.npz"),
        )
