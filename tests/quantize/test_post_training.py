"""Post-training quantization: what is in the .tflite, and what it costs."""

from __future__ import annotations

import numpy as np
import pytest
import tflite

from tinyml.errors import InputError
from tinyml.models import files
from tinyml.models.runtime import tensorflow
from tinyml.quantize import calibration
from tinyml.quantize.convert import quantized_tflite
from tinyml.quantize.post_training import Request, quantize


@pytest.fixture(scope="module")
def request_of(trained):
    def make(**changes):
        asked = {
            "model": trained,
            "calibration": "digits",
            "samples": 100,
            "data": "digits",
            "allow_unsafe": False,
            "seed": 0,
        }
        return Request(**{**asked, **changes})

    return make


@pytest.mark.slow
@pytest.mark.parametrize("source", ["digits", "dreams"])
def test_int8_is_about_as_accurate_as_float(request_of, dreams_dir, tmp_path, source):
    named = f"dreams:{dreams_dir}" if source == "dreams" else source
    metrics = quantize(request_of(calibration=named), tmp_path / "m.tflite")
    assert metrics["accuracy_float"] > 0.8
    assert metrics["accuracy_quantized"] == pytest.approx(metrics["accuracy_float"], abs=0.02)
    assert metrics["test_samples"] == 360
    assert metrics["calibration"]["samples"] == (60 if source == "dreams" else 100)
    assert metrics["bytes"] == (tmp_path / "m.tflite").stat().st_size
    assert metrics["input_tensor"]["zero_point"] == -128


def test_everything_is_int8_or_int32_and_weights_are_per_channel(int8_file):
    graph = tflite.Model.GetRootAsModel(int8_file.read_bytes(), 0).Subgraphs(0)
    tensors = [graph.Tensors(i) for i in range(graph.TensorsLength())]
    assert {t.Type() for t in tensors} <= {tflite.TensorType.INT8, tflite.TensorType.INT32}
    kernel = next(t for t in tensors if t.ShapeLength() == 4 and t.Shape(0) == 8)
    assert kernel.Quantization().ScaleLength() == 8
    assert set(kernel.Quantization().ZeroPointAsNumpy()) == {0}


def test_same_input_gives_same_bytes_and_prints_nothing(int8_file, trained, digits, capfd):
    again = quantized_tflite(files.load(trained), digits.train.x[:100])
    assert again == int8_file.read_bytes()
    assert capfd.readouterr() == ("", "")


def test_float_answers_are_close_sample_by_sample(int8_file, trained, digits):
    from tinyml import affine
    from tinyml.quantize import tflm

    model = tflm.Tflm(int8_file)
    given, got = model.inputs[0], model.outputs[0]
    codes = model.predict(affine.quantize(digits.test.x[:50], given.scale, given.zero_point))
    real = affine.dequantize(codes, got.scale, got.zero_point)
    exact = files.load(trained).predict(digits.test.x[:50], verbose=0)
    assert np.abs(real - exact).max() < 6 * got.scale


def test_draws_samples_with_the_seed(dreams_dir):
    source, shape = f"dreams:{dreams_dir}", (8, 8, 1)
    first, again, other = (calibration.load(source, shape, 20, seed).x for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert len(first) == 20
    assert not np.array_equal(first, other)
    assert len(calibration.load(source, shape, 1000, 1)) == 60


def test_refuses_calibration_of_another_shape(request_of, tmp_path):
    path = tmp_path / "wide.npz"
    x, y = np.zeros((20, 9, 8), np.uint8), np.arange(20) % 2
    np.savez(path, x_train=x, y_train=y, x_test=x, y_test=y)
    with pytest.raises(
        InputError, match=r"samples have shape \(9, 8, 1\), the model takes \(8, 8, 1\)"
    ):
        quantize(request_of(calibration=str(path)), tmp_path / "m.tflite")
    with pytest.raises(InputError, match=r"wide: samples have shape \(9, 8, 1\)"):
        quantize(request_of(data=str(path)), tmp_path / "m.tflite")


def test_refuses_data_of_other_classes(request_of, tmp_path):
    path = tmp_path / "two.npz"
    x, y = np.zeros((20, 8, 8), np.uint8), np.arange(20) % 2
    np.savez(path, x_train=x, y_train=y, x_test=x, y_test=y)
    with pytest.raises(InputError, match=r"has 2 classes, .* answers 10"):
        quantize(request_of(data=str(path)), tmp_path / "m.tflite")


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_refuses_a_lambda_layer_unless_asked(request_of, tmp_path, suffix):
    tf = tensorflow()
    x = tf.keras.Input((8, 8, 1))
    y = tf.keras.layers.Dense(10)(
        tf.keras.layers.Flatten()(tf.keras.layers.Lambda(lambda v: v * 2)(x))
    )
    path = tmp_path / f"code{suffix}"
    _save(tf.keras.Model(x, y), path)
    with pytest.raises(InputError, match=r"Lambda layer, which runs code.*--allow-unsafe"):
        quantize(request_of(model=path, data=None), tmp_path / "m.tflite")
    trusted = request_of(model=path, data=None, allow_unsafe=True)
    assert quantize(trusted, tmp_path / "m.tflite")["bytes"] > 0


def _save(model, path):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras calls .h5 legacy
        model.save(path)


def test_refuses_weights_that_are_not_finite(trained, digits):
    model = files.load(trained)
    weights = model.get_weights()
    weights[0][0, 0, 0, 0] = np.nan
    model.set_weights(weights)
    with pytest.raises(InputError, match=r"weights of .*kernel.* are not finite"):
        quantized_tflite(model, digits.train.x[:2])


def test_refuses_a_layer_that_int8_lacks_in_one_line(digits, capfd):
    tf = tensorflow()
    x = tf.keras.Input((8, 8, 1))
    y = tf.keras.layers.Dense(10)(tf.keras.layers.Flatten()(tf.math.erfinv(x * 0.1)))
    with pytest.raises(InputError, match="cannot convert it to int8") as caught:
        quantized_tflite(tf.keras.Model(x, y), digits.train.x[:2])
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("shapes", [[(8, 8, 1), (8, 8, 1)], [(None, 8, 1)]])
def test_refuses_models_of_several_or_free_inputs(digits, shapes):
    tf = tensorflow()
    given = [tf.keras.Input(shape) for shape in shapes]
    pooled = [tf.keras.layers.GlobalAveragePooling2D()(x) for x in given]
    joined = tf.keras.layers.Add()(pooled) if len(pooled) > 1 else pooled[0]
    with pytest.raises(InputError, match=r"2 inputs|is not fixed"):
        quantized_tflite(tf.keras.Model(given, joined), digits.train.x[:2])
