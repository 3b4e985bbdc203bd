"""Metadata: right, small, and without samples."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from tinyml import run
from tinyml.data import Split
from tinyml.distill import metadata
from tinyml.distill.clusters import describe, k_means
from tinyml.distill.settings import Limits
from tinyml.errors import InputError


@pytest.fixture(scope="module")
def made(teacher_path, tmp_path_factory, digits):
    from tinyml.distill.teacher import Teacher

    loaded = Teacher.load(teacher_path)
    return metadata.summarise(loaded, run.sha256(teacher_path), digits.train, Limits(), seed=1)


def test_components_are_the_eigenvectors_of_the_covariance(rng):
    x = rng.normal(size=(30, 6)) @ rng.normal(size=(6, 6))
    found = describe(x, 4)
    values, vectors = np.linalg.eigh(np.cov(x.T))
    np.testing.assert_allclose(found.centroid, x.mean(0))
    np.testing.assert_allclose(found.variances, values[::-1][:4])
    np.testing.assert_allclose(
        np.abs(found.components @ vectors[:, ::-1][:, :4]), np.eye(4), atol=1e-8
    )
    assert found.count == 30


def test_no_more_components_than_the_members_span(rng):
    assert describe(rng.normal(size=(3, 6)), 8).components.shape == (2, 6)
    assert describe(rng.normal(size=(1, 6)), 8).components.shape == (0, 6)


def test_k_means_finds_separate_groups(rng):
    centres = np.array([[0, 0], [9, 0], [0, 9]])
    truth = np.repeat([0, 1, 2], 20)
    labels = k_means(centres[truth] + rng.normal(size=(60, 2)), 3, 5, rng)
    assert len({(a, b) for a, b in zip(truth, labels)}) == 3


def test_small_clusters_are_dissolved(rng):
    x = np.concatenate([rng.normal(size=(30, 2)), rng.normal(50, 1, (2, 2))])
    sizes = np.bincount(k_means(x, 4, 5, rng))
    assert sizes.sum() == 32
    assert sizes.min() >= 5


def test_equal_samples_are_one_cluster(rng):
    labels = k_means(np.ones((12, 3)), 2, 5, rng)
    assert set(np.bincount(labels)) <= {12}


def test_metadata_matches_a_recomputation_from_the_data(made, teacher, digits):
    """With the whole data set in one cluster a class, everything can be computed by hand."""
    limits = Limits(fraction=1, clusters=1, components=3)
    made = metadata.summarise(teacher, "", digits.train, limits, seed=0)
    for label in range(10):
        features = teacher.features(digits.train.x[digits.train.y == label]).astype(np.float64)
        np.testing.assert_allclose(made.centroids[label], features.mean(0), rtol=1e-4, atol=1e-5)
        values, vectors = np.linalg.eigh(np.cov(features.T))
        np.testing.assert_allclose(made.variances[label], values[::-1][:3], rtol=1e-3)
        along = np.abs(made.components[label] @ vectors[:, ::-1][:, :3])
        np.testing.assert_allclose(along, np.eye(3), atol=1e-2)
        assert made.counts[label] == len(features)


def test_metadata_keeps_its_limits(made, digits):
    per_class = np.ceil(0.1 * np.bincount(digits.train.y))
    assert made.counts.min() >= 10
    np.testing.assert_array_equal(np.bincount(made.cluster_class, made.counts), per_class)
    components = (made.variances > 0).sum(axis=1)
    assert components.max() == 1  # 13 or so members each, ten behind a component
    assert made.layer == "features"


def test_components_have_members_enough_behind_them(teacher, digits):
    limits = Limits(fraction=1, clusters=3, components=6, members_per_component=15)
    made = metadata.summarise(teacher, "", digits.train, limits, seed=0)
    components = (made.variances > 0).sum(axis=1)
    np.testing.assert_array_equal(components, np.minimum(6, made.counts // 15))
    assert components.min() < 6  # the rule was needed


def test_file_holds_no_sample(made, tmp_path, digits):
    path = tmp_path / "m.npz"
    metadata.save(made, path)
    with np.load(path) as stored:
        arrays = {name: stored[name] for name in stored.files}
    assert set(arrays) == {
        *("schema", "teacher_sha256", "layer", "classes", "epsilon", "delta"),
        *("cluster_class", "counts", "centroids", "components", "variances"),
    }
    pixels = digits.train.x.reshape(len(digits.train), -1)
    for array in arrays.values():
        assert 64 not in array.shape  # nothing is as long as an image
        assert array.ndim == 0 or len(array) < made.counts.sum()  # nothing is one a sample
    raw = path.read_bytes()
    assert len(raw) < 0.2 * pixels.nbytes
    assert not any(image.tobytes() in raw for image in pixels)


def test_file_is_no_larger_than_its_clusters(made, tmp_path):
    path = tmp_path / "m.npz"
    metadata.save(made, path)
    k, r, f = made.components.shape
    numbers = 4 * k * (f + r * f + r) + 8 * 2 * k  # float32 and int64
    names = len(made.teacher_sha256) * 4 + len(made.layer) * 4 + 4 * 8
    heads = 11 * 512  # of each array in the archive: its header and its two places in the directory
    assert numbers + names < path.stat().st_size < numbers + names + heads


def test_no_row_is_nearly_a_sample_or_its_activation(made, teacher, digits):
    """Neither a stored row nor what is drawn first from one: a centroid moved along a component."""
    assert made.counts.min() > 1
    moved = np.sqrt(made.variances)[..., None] * made.components
    rows = [
        made.centroids,
        made.components.reshape(-1, made.components.shape[2]),
        *((made.centroids[:, None] + sign * moved).reshape(moved.shape[0], -1) for sign in (1, -1)),
    ]
    rows = np.concatenate([part.reshape(-1, made.centroids.shape[1]) for part in rows])
    activations = teacher.features(digits.train.x)
    spread = np.linalg.norm(activations - activations.mean(axis=0), axis=1).mean()
    for row in rows:
        assert np.linalg.norm(activations - row, axis=1).min() > 0.02 * spread


def test_file_is_read_back_and_repeats(made, tmp_path):
    first, second = tmp_path / "a.npz", tmp_path / "b.npz"
    metadata.save(made, first)
    metadata.save(metadata.load(first), second)
    assert first.read_bytes() == second.read_bytes()


def test_drawn_activations_have_the_clusters_moments(made, rng):
    one = np.flatnonzero(made.cluster_class == 4)
    t = made.draw(np.full(4000, 4), rng)
    weights = made.counts[one] / made.counts[one].sum()
    assert (t >= 0).all()  # the layer follows a ReLU
    np.testing.assert_allclose(t.mean(0), weights @ made.centroids[one], atol=0.15)


def test_too_few_samples_of_a_class(teacher, digits):
    few = Split(digits.train.x[:60], digits.train.y[:60])
    with pytest.raises(InputError, match=r"--fraction: leaves .* of class .*raise --fraction"):
        metadata.summarise(teacher, "", few, Limits(), 0)


def test_metadata_of_another_network_is_refused(made, plain_teacher_path):
    from tinyml.distill.teacher import Teacher

    with pytest.raises(InputError, match=r"10 classes and 16 features, .* has 10 and 6"):
        made.require_fit(Teacher.load(plain_teacher_path))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"schema": np.int64(9)}, "schema 9"),
        ({"counts": np.ones(3, np.int64)}, "do not fit together"),
        ({"cluster_class": None}, "not readable"),
        ({"centroids": np.nan}, "not finite"),
        ({"classes": np.int64(11)}, "no cluster of class 10"),
    ],
)
def test_broken_metadata(made, tmp_path, change, reason):
    path = tmp_path / "m.npz"
    metadata.save(made, path)
    arrays = dict(np.load(path))
    for name, value in change.items():
        if value is None:
            del arrays[name]
        else:
            whole = isinstance(value, (np.ndarray, np.generic))
            arrays[name] = value if whole else np.full_like(arrays[name], value)
    np.savez(path, **arrays)
    with pytest.raises(InputError, match=reason):
        metadata.load(path)


def test_truncated_metadata(made, tmp_path):
    path = tmp_path / "m.npz"
    metadata.save(made, path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InputError, match="not readable metadata"):
        metadata.load(path)


def test_metadata_command(tinyml, teacher_path, tmp_path, capsys):
    for name in ("a.npz", "b.npz"):
        tinyml(
            *("distill", "metadata", "--teacher", teacher_path, "--data", "digits"),
            *("--json", "-o", tmp_path / name),
        )
        printed = json.loads(capsys.readouterr().out)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert printed["samples"] == 131
    assert printed["smallest_cluster"] >= 10
    assert metadata.load(tmp_path / "a.npz").teacher_sha256 == run.sha256(teacher_path)


def test_metadata_of_another_teacher_file_is_refused(made, tinyml, teacher_path, tmp_path):
    other = dataclasses.replace(made, teacher_sha256="0" * 64)
    metadata.save(other, tmp_path / "m.npz")
    with pytest.raises(InputError, match="another teacher"):
        tinyml(
            *("distill", "dream", "--teacher", teacher_path, "--metadata", tmp_path / "m.npz"),
            *("--method", "activation", "-o", tmp_path / "d"),
        )


def test_metadata_command_refuses_unfitting_data(tinyml, teacher_path, tmp_path):
    x, y = np.zeros((20, 9, 9, 1), np.uint8), np.arange(20) % 10
    np.savez(tmp_path / "d.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    with pytest.raises(InputError, match=r"shape \(9, 9, 1\)"):
        tinyml(
            *("distill", "metadata", "--teacher", teacher_path, "--data", tmp_path / "d.npz"),
            *("-o", tmp_path / "m.npz"),
        )
    assert not (tmp_path / "m.npz").exists()
