"""Keras models to TFLite bytes: quantized after training, with ranges learned in training, or float."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyml import console
from tinyml.errors import InputError
from tinyml.models.runtime import tensorflow
from tinyml.quantize.group_norm import exportable
from tinyml.quantize.leftovers import float_operators, require_no_loop
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


def quantized_tflite(
    model: Any, samples: np.ndarray, precision: str = "int8", name: object = "model"
) -> bytes:
    """Full integer quantization after training: weights int8 per channel, batch size 1.

    Args:
        model: a Keras model with one input.
        samples: float32 (N, ...), N >= 1, from which activation ranges are taken.
        precision: of inputs, activations and outputs: "int8", or "int16x8" for int16 ones.
        name: what errors call the model.

    Returns:
        The `.tflite`; the same weights and samples always give the same bytes.

    Raises:
        InputError: weights that are not finite, or a layer that TFLite lacks in that precision.
    """
    converter = _converter(model, name)
    sets = tensorflow().lite.OpsSet
    known = {
        "int8": sets.TFLITE_BUILTINS_INT8,
        "int16x8": sets.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8,
    }
    converter.representative_dataset = lambda: ([sample[np.newaxis]] for sample in samples)
    converter.target_spec.supported_ops = [known[precision]]
    return _quantized(converter, precision, name)


def learned_tflite(model: Any, name: object = "model") -> bytes:
    """Full int8 with the activation ranges that a quantization-aware model has learned.

    Raises:
        InputError: as `quantized_tflite`.
    """
    # Without samples the converter insists that supported_ops is left alone; the result is int8 alike.
    return _quantized(_converter(model, name), "int8", name)


def float_tflite(model: Any, name: object = "model") -> bytes:
    """The model in float32, as the converter sees it before it quantizes.

    Raises:
        InputError: as `quantized_tflite`.
    """
    return _converted(_converter(model, name), "float32", name)


def _quantized(converter: Any, precision: str, name: object) -> bytes:
    tf = tensorflow()
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    boundary = {"int8": tf.int8, "int16x8": tf.int16}[precision]
    converter.inference_input_type = converter.inference_output_type = boundary
    content = _converted(converter, precision, name)
    left = float_operators(content)
    if left:
        console.note(
            f"warning: {name}: TFLite has left {', '.join(left)} in float32, which 'tinyml export' does not "
            "take; replace these layers"
        )
    return content


def _converted(converter: Any, precision: str, name: object) -> bytes:
    with native_output():
        try:
            return bytes(converter.convert())
        except Exception as error:  # the converter raises many kinds, most of them private
            reason = " ".join(str(error).split())[:_REASON_LENGTH]
            remedy = "replace the layer it names"
            if precision == "int16x8":
                remedy += ", or quantize to int8"
            raise InputError(
                name, f"TFLite cannot convert it to {precision} ({reason})", remedy
            ) from None


def _converter(model: Any, name: object) -> Any:
    broken = [w.name for w in model.weights if not np.isfinite(w.numpy()).all()]
    if broken:
        raise InputError(name, f"weights of {broken[0]} are not finite", "train the model again")
    require_no_loop(model, name)
    tf = tensorflow()
    model = exportable(model)
    # A fixed batch of 1: firmware has static shapes; a free batch leaves shape arithmetic behind.
    shape = (1, *sample_shape(model, name))
    spec = tf.TensorSpec(shape, model.inputs[0].dtype, name=model.input_names[0])
    infer = tf.function(lambda x: model(x, training=False)).get_concrete_function(spec)
    return tf.lite.TFLiteConverter.from_concrete_functions([infer], model)
