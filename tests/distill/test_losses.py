"""Each loss against its formula, computed another way."""

from __future__ import annotations

import numpy as np
import pytest

from tinyml.distill.losses.activation import activation
from tinyml.distill.losses.batch_norm import batch_norm
from tinyml.distill.losses.image import energy, total_variation
from tinyml.distill.losses.imitation import imitation
from tinyml.distill.losses.label import label
from tinyml.distill.teacher import NormStatistics
from tinyml.models import runtime


def statistics(x):
    axes = tuple(range(x.ndim - 1))
    mean, variance = x.mean(axes, dtype=np.float32), x.var(axes, dtype=np.float32)
    tf = runtime.tensorflow()
    return NormStatistics(tf.constant(mean), tf.constant(variance))


def test_batch_norm_prior_is_zero_for_matching_statistics(rng):
    x = rng.normal(2, 3, (40, 4, 4, 5)).astype(np.float32)
    assert float(batch_norm([x], [statistics(x)])) == pytest.approx(0, abs=1e-4)


def test_batch_norm_prior_counts_in_running_deviations(rng):
    x = rng.normal(0, 3, (4000, 1)).astype(np.float32)
    norm = statistics(x)
    off_by_two_deviations = x + 2 * np.sqrt(norm.variance)
    assert float(batch_norm([off_by_two_deviations], [norm])) == pytest.approx(2, abs=0.01)
    twice_as_wide = x * 2 - x.mean()
    assert float(batch_norm([twice_as_wide], [norm])) == pytest.approx(3, abs=0.01)


def test_batch_norm_prior_is_lower_for_data_than_for_noise(teacher, digits, rng):
    real = teacher.look(digits.train.x[:250]).norm_inputs
    noise = teacher.look(rng.random((250, 8, 8, 1), np.float32)).norm_inputs
    assert float(batch_norm(real, teacher.norms)) < 0.3 * float(batch_norm(noise, teacher.norms))


def test_batch_norm_prior_has_a_gradient_at_its_minimum(rng):
    tf = runtime.tensorflow()
    x = tf.constant(rng.normal(size=(10, 3)).astype(np.float32))
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = batch_norm([x], [statistics(x.numpy())])
    assert np.isfinite(tape.gradient(value, x)).all()


def test_activation_is_in_units_of_each_feature():
    features = np.array([[1.0, 10.0]], np.float32)
    target = np.array([[0.0, 0.0]], np.float32)
    variance = np.array([1.0, 100.0], np.float32)
    assert float(activation(features, target, variance)) == pytest.approx(1)


def test_image_priors():
    x = np.zeros((1, 2, 2, 1), np.float32)
    x[0, 0, 0, 0] = 1
    assert float(total_variation(x)) == pytest.approx(0.5 + 0.5)
    assert float(energy(x)) == pytest.approx(0.25)
    assert float(total_variation(np.full((2, 4, 4, 3), 0.7, np.float32))) == 0


def test_label_is_cross_entropy():
    logits = np.log(np.array([[0.25, 0.75], [0.5, 0.5]], np.float32))
    wanted = -np.mean([np.log(0.75), np.log(0.5)])
    assert float(label(logits, np.array([1, 0]))) == pytest.approx(wanted, rel=1e-5)


def test_imitation_is_zero_for_the_same_answer_and_scaled_by_the_temperature(rng):
    a, b = rng.normal(size=(2, 6, 4)).astype(np.float32)
    assert float(imitation(a, a + 5, 4.0)) == pytest.approx(0, abs=1e-5)

    def softmax(z):
        return np.exp(z) / np.exp(z).sum(1, keepdims=True)

    p, q = softmax(a / 3), softmax(b / 3)
    wanted = 9 * np.mean((p * np.log(p / q)).sum(1))
    assert float(imitation(a, b, 3.0)) == pytest.approx(wanted, rel=1e-4)
