"""The CNNs of the federated averaging paper."""

from __future__ import annotations

import numpy as np
import pytest
from tflm_check import check_file

from tinyml.errors import InputError
from tinyml.models import registry
from tinyml.quantize.convert import quantized_tflite


@pytest.mark.parametrize(
    ("name", "shape", "expected"),
    [
        ("fedavg-cnn-mnist", (28, 28, 1), 1_663_370),  # as the paper counts
        ("fedavg-cnn-cifar", (32, 32, 3), 1_068_298),  # "about 10^6"
    ],
)
def test_they_are_of_the_papers_size(name, shape, expected):
    assert registry.build(name, shape, 10).count_params() == expected


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "shape"), [("fedavg-cnn-mnist", (9, 8, 1)), ("fedavg-cnn-cifar", (24, 25, 1))]
)
def test_they_export_to_code_that_equals_tflm(tmp_path, name, shape):
    samples = np.random.default_rng(0).random((10, *shape), np.float32)
    path = tmp_path / "model.tflite"
    path.write_bytes(quantized_tflite(registry.build(name, shape, 4), samples))
    (found,) = check_file(path, tmp_path, seed=1)
    assert len(np.unique(found)) > 2


@pytest.mark.parametrize(("name", "size"), [("fedavg-cnn-mnist", 3), ("fedavg-cnn-cifar", 23)])
def test_small_samples_are_refused(name, size):
    with pytest.raises(InputError, match="too small"):
        registry.build(name, (size, size, 1), 10)
