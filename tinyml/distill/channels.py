"""A narrow student that starts as the teacher's most used channels: no data, but not independent.

Channels that flow into each other (through batch norm, ReLU, pooling and Add) are one group; a
group keeps those channels whose batch norms have the largest |gamma| in sum (Liu et al. 2017,
arXiv 1708.06519, prune by gamma), as many as the student has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tinyml.errors import InputError
from tinyml.models.runtime import tensorflow

Groups = Mapping[str, int]  # layer name -> the group of its output channels


def inherit(student: Any, teacher: Any) -> None:
    """Set the student's weights from the teacher's channels, in place.

    Raises:
        InputError: the two do not have the same layers in the same order, apart from widths.
    """
    pairs = list(zip(student.layers, teacher.layers))
    same = len(student.layers) == len(teacher.layers) and all(
        type(a) is type(b) and len(a.get_weights()) == len(b.get_weights()) for a, b in pairs
    )
    if not same:
        raise InputError(
            "--init",
            f"'teacher-channels' needs a student built like the teacher; '{student.name}' is not a "
            f"narrower '{teacher.name}'",
            "choose a student of the teacher's depth, or --init random",
        )
    groups = _groups(teacher)
    kept = _kept(groups, student, teacher)
    for own, whole in pairs:
        own.set_weights([_cut(w, own, whole, groups, kept) for w in whole.get_weights()])


def _groups(model: Any) -> dict[str, int]:
    """The channel group of each layer's output: a new one where weights mix channels."""
    layers = tensorflow().keras.layers
    groups: dict[str, int] = {}
    for number, layer in enumerate(model.layers):
        sources = _sources(layer)
        mixes = isinstance(layer, (layers.InputLayer, layers.Dense)) or (
            isinstance(layer, layers.Conv2D) and not isinstance(layer, layers.DepthwiseConv2D)
        )
        groups[layer.name] = number if mixes else groups[sources[0]]
        if not mixes:
            _merge(groups, [groups[name] for name in sources], groups[layer.name])
    return groups


def _merge(groups: dict[str, int], merged: list[int], into: int) -> None:
    for name, group in groups.items():
        if group in merged:
            groups[name] = into


def _sources(layer: Any) -> list[str]:
    if isinstance(layer, tensorflow().keras.layers.InputLayer):
        return []
    inputs = layer.input if isinstance(layer.input, list) else [layer.input]
    return [tensor._keras_history.layer.name for tensor in inputs]


def _kept(groups: Groups, student: Any, teacher: Any) -> dict[int, np.ndarray]:
    """Indices of the channels that each group keeps, ascending."""
    norm = tensorflow().keras.layers.BatchNormalization
    widths: dict[int, int] = {}
    worth: dict[int, np.ndarray] = {}
    for own, whole in zip(student.layers, teacher.layers):
        group, width = groups[whole.name], _width(whole)
        widths[group] = _width(own)
        worth.setdefault(group, np.zeros(width))
        if isinstance(whole, norm) and whole.scale:
            worth[group] = worth[group] + np.abs(whole.gamma.numpy())
    return {
        group: np.sort(np.argsort(-worth[group], kind="stable")[: widths[group]]) for group in worth
    }


def _width(layer: Any) -> int:
    shape = layer.output_shape
    return int((shape[0] if isinstance(shape, list) else shape)[-1])


def _cut(
    weight: np.ndarray, own: Any, whole: Any, groups: Groups, kept: Mapping[int, np.ndarray]
) -> np.ndarray:
    """One weight, narrowed along its output (last axis) and input channels (last but one)."""
    layers = tensorflow().keras.layers
    outputs, inputs = kept[groups[whole.name]], kept[groups[_sources(whole)[0]]]
    if isinstance(whole, layers.DepthwiseConv2D) and weight.ndim == 4:
        return weight[:, :, outputs]
    narrow = weight[..., outputs]
    if weight.ndim == 1:
        return narrow
    return np.take(narrow, inputs, axis=-2)
