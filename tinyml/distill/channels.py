"""Which of the teacher's channels a narrow student of the same structure stands for.

It may start as them (no data, but not independent) or be asked for what they answer (see `hints`).
Channels that flow into each other (through batch norm, ReLU, pooling and Add) are one group; a group
keeps those channels whose batch norms have the largest |gamma| in sum (Liu et al. 2017, arXiv
1708.06519, prune by gamma), as many as the student has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
    pairs = _pairs(student, teacher, "--init", "'teacher-channels'", "--init random")
    groups = _groups(teacher)
    kept = _kept(groups, student, teacher)
    for own, whole in pairs:
        own.set_weights([_cut(w, own, whole, groups, kept) for w in whole.get_weights()])


@dataclass(frozen=True)
class Matched:
    """A batch norm of the student, the teacher's, and which channels of that it stands for.

    Attributes:
        own: the student's Keras layer.
        whole: the teacher's.
        channels: int64 (channels of `own`,), ascending.
    """

    own: Any
    whole: Any
    channels: np.ndarray


def matched_norms(student: Any, teacher: Any) -> list[Matched]:
    """The batch norms of both, in the order of the layers.

    Raises:
        InputError: as `inherit`; there are none.
    """
    pairs = _pairs(student, teacher, "--hint", "a hint", "--hint 0")
    groups = _groups(teacher)
    kept = _kept(groups, student, teacher)
    norm = tensorflow().keras.layers.BatchNormalization
    found = [
        Matched(own, whole, kept[groups[whole.name]])
        for own, whole in pairs
        if isinstance(whole, norm)
    ]
    if not found:
        raise InputError(
            "--hint", f"'{teacher.name}' has no batch norm to take hints from", "leave --hint out"
        )
    return found


def _pairs(
    student: Any, teacher: Any, option: str, what: str, instead: str
) -> list[tuple[Any, Any]]:
    """Layers of the student, each with the teacher's that it is a narrow copy of."""
    pairs = list(zip(student.layers, teacher.layers))
    same = len(student.layers) == len(teacher.layers) and all(
        type(a) is type(b) and len(a.get_weights()) == len(b.get_weights()) for a, b in pairs
    )
    if not same:
        raise InputError(
            option,
            f"{what} needs a student built like the teacher; '{student.name}' is not a "
            f"narrower '{teacher.name}'",
            f"choose a student of the teacher's depth, or {instead}",
        )
    return pairs


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
