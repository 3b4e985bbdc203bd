"""What the families are built of: layers that export, each convolution with its norm."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

Norm = Callable[[Any, Any, str], Any]  # (keras, what a layer gives, the layer's name)

_GROUPS = 8  # at most; Wu & He 2018 take 32, of layers that are several times as wide


def norm(keras: Any, x: Any, name: str) -> Any:
    """The batch norm of the layer `name`; its statistics follow quickly, for runs of few steps."""
    return keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-3, name=f"{name}_bn")(x)


def group_norm(keras: Any, x: Any, name: str) -> Any:
    """The group norm of the layer `name` (Wu & He 2018, arXiv 1803.08494): each sample by itself."""
    groups = math.gcd(_GROUPS, x.shape[-1])
    return keras.layers.GroupNormalization(groups, name=f"{name}_gn")(x)


def convolution(
    keras: Any, x: Any, channels: int, size: Any, stride: int, name: str, norm: Norm = norm
) -> Any:
    """Convolution and norm, whose shift makes a bias of the convolution's own useless."""
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


def separable(keras: Any, x: Any, channels: int, stride: int, name: str, norm: Norm = norm) -> Any:
    """3x3 depthwise convolution, then 1x1 convolution, each with norm and ReLU."""
    x = keras.layers.DepthwiseConv2D(
        3, stride, padding="same", use_bias=False, name=f"{name}_depthwise"
    )(x)
    x = norm(keras, x, f"{name}_depthwise")
    x = keras.layers.ReLU(name=f"{name}_depthwise_relu")(x)
    x = convolution(keras, x, channels, 1, 1, f"{name}_pointwise", norm)
    return keras.layers.ReLU(name=f"{name}_pointwise_relu")(x)


def classifier(keras: Any, inputs: Any, x: Any, classes: int, name: str) -> Any:
    """Average over the whole map, then logits."""
    x = keras.layers.AveragePooling2D(tuple(x.shape[1:3]), name="pool")(x)
    x = keras.layers.Flatten(name="features")(x)
    return keras.Model(inputs, keras.layers.Dense(classes, name="logits")(x), name=name)
