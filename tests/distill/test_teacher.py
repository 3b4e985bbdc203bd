"""Looking inside a teacher."""

from __future__ import annotations

import numpy as np
import pytest

from tinyml.distill.teacher import Teacher, ends_in_softmax, feature_layer
from tinyml.errors import InputError
from tinyml.models import registry, runtime


def keras():
    return runtime.tensorflow().keras


def test_features_are_found_after_pooling_of_the_whole_map(teacher, digits):
    assert teacher.layer == "features"
    features = teacher.features(digits.test.x[:7])
    assert features.shape == (7, 16)
    dense = teacher.model.layers[-1]
    np.testing.assert_allclose(
        features @ dense.kernel.numpy() + dense.bias.numpy(),
        teacher.answers(digits.test.x[:7]),
        rtol=1e-4,
        atol=1e-4,
    )


def test_last_global_pooling_is_found(plain_teacher_path):
    assert Teacher.load(plain_teacher_path).layer == "mean"


def test_partial_pooling_is_no_feature_layer():
    k = keras()
    inputs = k.Input((8, 8, 1))
    x = k.layers.Flatten()(k.layers.AveragePooling2D(4)(inputs))
    model = k.Model(inputs, k.layers.Dense(3)(x))
    with pytest.raises(InputError, match=r"no pooled feature layer.*--layer"):
        feature_layer(model, None, "teacher")
    assert feature_layer(model, model.layers[2].name, "teacher") is model.layers[2]


def test_named_layer_must_exist_and_give_one_vector(teacher):
    model = teacher.model
    with pytest.raises(InputError, match=r"no layer 'nowhere'; it has .*features"):
        Teacher(model, "nowhere")
    with pytest.raises(InputError, match="not one vector"):
        Teacher(model, "stem")


def test_norm_inputs_are_what_the_norms_receive(teacher, digits):
    x = digits.test.x[:4]
    seen = teacher.look(x)
    assert len(seen.norm_inputs) == len(teacher.norms) == 6
    stem = teacher.model.get_layer("stem")(x)
    np.testing.assert_allclose(seen.norm_inputs[0], stem, atol=1e-5)


@pytest.mark.parametrize("scale", [1.0, 1000.0])
def test_logits_are_what_goes_into_the_softmax(plain_teacher_path, rng, scale):
    """Also where float32 has no other probabilities than 0 and 1."""
    teacher = Teacher.load(plain_teacher_path)
    assert ends_in_softmax(teacher.model)
    x = rng.random((5, 8, 8, 1), np.float32)
    dense = teacher.model.layers[-1]
    dense.kernel.assign(scale * dense.kernel)
    logits = teacher.features(x) @ dense.kernel.numpy() + dense.bias.numpy()
    np.testing.assert_allclose(teacher.answers(x), logits, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(teacher.look(x).logits, logits, rtol=1e-4, atol=1e-4)


def test_a_softmax_that_is_no_layer_of_a_known_kind_is_undone(rng):
    """Up to a constant."""
    k = keras()
    base = registry.build("resnet-4-4", (8, 8, 1), 3)
    last = k.layers.EinsumDense("ab,bc->ac", output_shape=3, activation="softmax")
    model = k.Model(base.input, last(base.output))
    x = rng.random((5, 8, 8, 1), np.float32)
    given = Teacher(model).answers(x)
    np.testing.assert_allclose(np.exp(given), model(x), atol=1e-6)


def test_softmax_layer_is_seen_too():
    k = keras()
    base = registry.build("resnet-4-4", (8, 8, 1), 3)
    assert not ends_in_softmax(base)
    for last in (k.layers.Softmax(), k.layers.Activation("softmax")):
        teacher = Teacher(k.Model(base.input, last(base.output)))
        assert ends_in_softmax(teacher.model)
        x = np.ones((2, 8, 8, 1), np.float32)
        np.testing.assert_array_equal(teacher.answers(x), base(x))


def test_model_that_is_no_image_classifier_is_refused():
    model = keras().Sequential([keras().layers.Dense(3, input_shape=(5,))])
    with pytest.raises(InputError, match="use a classifier"):
        Teacher(model)


def test_teacher_without_batch_norm_is_refused_by_methods_that_match_it(plain_teacher_path):
    with pytest.raises(InputError, match=r"no batch norm.*activation"):
        Teacher.load(plain_teacher_path).require_norms("deepinversion")
