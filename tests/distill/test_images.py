"""Images that stay in the dreams directory until they are asked for."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from tinyml import dreams
from tinyml.errors import InputError


@pytest.fixture
def directory(tmp_path, rng):
    for index, count in enumerate((4, 1, 6)):
        x = rng.random((count, 5, 3, 2), np.float32)
        shard = dreams.Dreams(x, np.arange(count), rng.random((count, 7), np.float32))
        dreams.write_shard(tmp_path, index, shard)
    return tmp_path


def test_images_are_those_of_the_shards(directory, rng):
    whole = dreams.read(directory).x
    images = dreams.Images(dreams.stored_images(directory))
    assert images.shape == (11, 5, 3, 2)
    for chosen in (np.arange(11), rng.integers(0, 11, 40), np.array([10, 0, 4])):
        np.testing.assert_array_equal(images[chosen], whole[chosen])


def test_images_of_a_directory_and_of_arrays_are_pooled(directory, rng):
    real = rng.random((3, 5, 3, 2), np.float32)
    images = dreams.Images([*dreams.stored_images(directory), real])
    np.testing.assert_array_equal(images[np.array([12, 3])][0], real[1])


def test_some_of_them_in_another_order(directory):
    images = dreams.Images(dreams.stored_images(directory))
    few = images.only(np.array([7, 2, 9]))
    assert few.shape == (3, 5, 3, 2)
    np.testing.assert_array_equal(few[np.array([2, 0])], images[np.array([9, 7])])
    again = few.only(np.array([1]))
    np.testing.assert_array_equal(again[np.array([0])], images[np.array([2])])


def test_images_are_not_loaded(tmp_path):
    x = np.zeros((2000, 32, 32, 1), np.float32)  # 8 MB
    dreams.write_shard(tmp_path, 0, dreams.Dreams(x, np.zeros(2000), np.zeros((2000, 2))))
    del x
    tracemalloc.start()
    images = dreams.Images(dreams.stored_images(tmp_path))
    for first in range(0, 2000, 50):
        images[np.arange(first, first + 50)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1e6


@pytest.mark.parametrize("cut", [10, 200, 700])
def test_shard_that_is_cut_off(directory, cut):
    path = directory / "shard-00002.npz"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(InputError, match=r"shard-00002.npz: not a readable shard"):
        dreams.stored_images(directory)


def test_compressed_shard_is_refused(directory):
    path = directory / "shard-00001.npz"
    arrays = dict(np.load(path))
    np.savez_compressed(path, **arrays)
    with pytest.raises(InputError, match="compressed"):
        dreams.stored_images(directory)


def test_shards_of_different_shapes(directory):
    odd = dreams.Dreams(np.zeros((2, 9, 9, 1), np.float32), np.zeros(2), np.zeros((2, 7)))
    dreams.write_shard(directory, 3, odd)
    with pytest.raises(InputError, match="different shapes"):
        dreams.stored_images(directory)
    with pytest.raises(InputError, match="different shapes"):
        list(dreams.read_shards(directory))
