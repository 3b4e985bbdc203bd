"""What the families are built of: layers that export, each convolution with its batch norm."""

from __future__ import annotations

from typing import Any


def convolution(keras: Any, x: Any, channels: int, size: Any, stride: int, name: str) -> Any:
    """Convolution and batch norm, whose shift makes a bias of the convolution's own useless."""
    x = keras.layers.Conv2D(
        channels,
        size,
        stride,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=name,
    )(x)
    return norm(keras, x, name)


def separable(keras: Any, x: Any, channels: int, stride: int, name: str) -> Any:
    """3x3 depthwise convolution, then 1x1 convolution, each with batch norm and ReLU."""
    x = keras.layers.DepthwiseConv2D(
        3, stride, padding="same", use_bias=False, name=f"{name}_depthwise"
    )(x)
    x = norm(keras, x, f"{name}_depthwise")
    x = keras.layers.ReLU(name=f"{name}_depthwise_relu")(x)
    x = convolution(keras, x, channels, 1, 1, f"{name}_pointwise")
    return keras.layers.ReLU(name=f"{name}_pointwise_relu")(x)


def norm(keras: Any, x: Any, name: str) -> Any:
    """The batch norm of the layer `name`; its statistics follow quickly, for runs of few steps."""
    return keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-3, name=f"{name}_bn")(x)


def classifier(keras: Any, inputs: Any, x: Any, classes: int, name: str) -> Any:
    """Average over the whole map, then logits."""
    x = keras.layers.AveragePooling2D(tuple(x.shape[1:3]), name="pool")(x)
    x = keras.layers.Flatten(name="features")(x)
    return keras.Model(inputs, keras.layers.Dense(classes, name="logits")(x), name=name)
