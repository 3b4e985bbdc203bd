"""GroupNormalization as operators that int8 has: TFLite's own conversion leaves some of it in float."""

from __future__ import annotations

from typing import Any

from tinyml.models.runtime import tensorflow

_NAME = "GroupNormalization"


def exportable(model: Any) -> Any:
    """A copy of `model` in which each GroupNormalization over the last axis is written out.

    y = gamma (x - mean) / sqrt(variance + epsilon) + beta with mean and variance of a group's channels
    over all places of one sample; outputs agree to 1e-5. The variance is the mean of x (x - mean):
    TensorFlow would make a SQUARE of (x - mean)^2, which TFLite has in float only.

    Returns:
        The model itself when it has no such layer.
    """
    tf = tensorflow()
    found = [layer for layer in model.layers if type(layer).__name__ == _NAME]
    if not any(_is_over_channels(layer) for layer in found):
        return model

    def written_out(layer: Any) -> Any:
        is_one = type(layer).__name__ == _NAME and _is_over_channels(layer)
        kind = _written_out(tf) if is_one else type(layer)
        return kind.from_config(layer.get_config())

    copy = tf.keras.models.clone_model(model, clone_function=written_out)
    copy.set_weights(model.get_weights())
    return copy


def _is_over_channels(layer: Any) -> bool:
    return layer.axis in (-1, len(layer.input_shape) - 1)


def _written_out(tf: Any) -> Any:
    class WrittenOut(tf.keras.layers.GroupNormalization):
        """Keras' layer, its weights included, that computes otherwise."""

        def call(self, x: Any) -> Any:
            groups, channels = self.groups, x.shape[-1]
            places = x.shape[1:-1].num_elements()
            grouped = tf.reshape(x, (-1, places, groups, channels // groups))
            centred = grouped - tf.reduce_mean(grouped, (1, 3), keepdims=True)
            variance = tf.reduce_mean(grouped * centred, (1, 3), keepdims=True)
            result = tf.reshape(centred * tf.math.rsqrt(variance + self.epsilon), tf.shape(x))
            if self.scale:
                result *= self.gamma
            return result + self.beta if self.center else result

    return WrittenOut
