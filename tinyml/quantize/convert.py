"""Post-training quantization: a float Keras model and calibration samples to int8 TFLite bytes."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyml.errors import InputError
from tinyml.models.runtime import tensorflow
from tinyml.quantize.quiet import native_output

_REASON_LENGTH = 240


def sample_shape(model: Any, name: object) -> tuple[int, ...]:
    """Shape of one sample that `model` takes; its first dimension, the batch, is left out.

    Raises:
        InputError: several inputs, or a dimension that is not fixed.
    """
    if len(model.inputs) != 1:
        raise InputError(
            name,
            f"has {len(model.inputs)} inputs, calibration has one",
            "give a model with one input",
        )
    shape = tuple(model.inputs[0].shape[1:])
    if any(size is None for size in shape):
        raise InputError(
            name, f"its input shape {shape} is not fixed", "save the model with a fixed input shape"
        )
    return tuple(int(size) for size in shape)


def int8_tflite(model: Any, samples: np.ndarray, name: object = "model") -> bytes:
    """Full int8 quantization: int8 inputs and outputs, weights per channel, batch size 1.

    Args:
        model: a Keras model with one input.
        samples: float32 (N, ...), N >= 1, from which activation ranges are taken.
        name: what errors call the model.

    Returns:
        The `.tflite`; the same weights and samples always give the same bytes.

    Raises:
        InputError: weights that are not finite, or a layer that int8 TFLite does not have.
    """
    broken = [w.name for w in model.weights if not np.isfinite(w.numpy()).all()]
    if broken:
        raise InputError(name, f"weights of {broken[0]} are not finite", "train the model again")
    shape = sample_shape(model, name)
    with native_output():
        try:
            content = _converter(model, samples, shape).convert()
        except Exception as error:  # the converter raises many kinds, most of them private
            reason = " ".join(str(error).split())[:_REASON_LENGTH]
            raise InputError(
                name, f"TFLite cannot convert it to int8 ({reason})", "replace the layer it names"
            ) from None
    return bytes(content)


def _converter(model: Any, samples: np.ndarray, shape: tuple[int, ...]) -> Any:
    tf = tensorflow()
    # A fixed batch of 1: firmware has static shapes; a free batch leaves shape arithmetic behind.
    spec = tf.TensorSpec((1, *shape), model.inputs[0].dtype, name=model.input_names[0])
    infer = tf.function(lambda x: model(x, training=False)).get_concrete_function(spec)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([infer], model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([sample[np.newaxis]] for sample in samples)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return converter
