"""Which of the teacher's channels a narrow student of the same structure stands for.

It may start as them (no data, but not independent) or be asked for what they answer (see `hints`).
Channels that flow into each other (through batch norm, ReLU, pooling and Add) are one group; a group
keeps those channels whose batch norms have the largest |gamma| in sum (Liu et al. 2017, arXiv
1708.06519, prune by gamma), as many as the student has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyml.errors import InputError
from tinyml.models.runtime import tensorflow

Groups = Mapping[str, int]  # layer name -> the group of its output channels


def inherit(student: Any, teacher: Any) -> None:
    """Set the student's weights from the teacher's channels, in place.

    Raises:
        InputError: the student is not a narrower copy of the teacher (see `_pairs`).
    """
    pairs = _pairs(student, teacher, "--init", "'teacher-channels'", "--init random")
    groups = _groups(teacher)
    kept = _kept(groups, pairs, teacher)
    for own, whole in pairs:
        if own.get_weights():
            own.set_weights([_cut(w, whole, groups, kept) for w in whole.get_weights()])


@dataclass(frozen=True)
class Matched:
    """A layer of the student, the teacher's, and which channels of that it stands for.

    Attributes:
        own: the student's Keras layer.
        whole: the teacher's.
        channels: int64 (channels of `own`,), ascending.
    """

    own: Any
    whole: Any
    channels: np.ndarray


def matched_maps(student: Any, teacher: Any) -> list[Matched]:
    """Where a student can answer as the teacher: the batch norms of both, in the order of the layers.

    Where the teacher adds up more than the student has, as at a shortcut that is an identity in the
    student, the sum stands for the batch norms that go into it.

    Raises:
        InputError: as `inherit`; there are none.
    """
    pairs = _pairs(student, teacher, "--hint", "a hint", "--hint 0")
    groups = _groups(teacher)
    kept = _kept(groups, pairs, teacher)
    layers = tensorflow().keras.layers
    ours = {whole.name for _, whole in pairs}
    sums = [
        whole
        for _, whole in pairs
        if isinstance(whole, layers.Add) and not ours.issuperset(_sources(whole))
    ]
    summands = {name for whole in sums for name in _sources(whole)}
    found = [
        Matched(own, whole, np.flatnonzero(kept[groups[whole.name]]))
        for own, whole in pairs
        if whole in sums
        or (isinstance(whole, layers.BatchNormalization) and whole.name not in summands)
    ]
    if not found:
        raise InputError(
            "--hint", f"'{teacher.name}' has no batch norm to take hints from", "leave --hint out"
        )
    return found


Pairs = Sequence[tuple[Any, Any]]  # a layer of the student and the teacher's


def _pairs(student: Any, teacher: Any, option: str, what: str, instead: str) -> Pairs:
    """Layers of the student, each with the teacher's that it is a narrow copy of.

    The layers are the same in the same order, apart from widths; or have the same names, and all that
    the student lacks is convolutions and batch norms: of a shortcut that is an identity in the
    student, because there its width does not change.
    """
    pairs: Pairs = list(zip(student.layers, teacher.layers))
    same = len(student.layers) == len(teacher.layers) and _narrower(pairs)
    if not same:
        pairs = _by_name(student, teacher)
    if not pairs:
        raise InputError(
            option,
            f"{what} needs a student built like the teacher; '{student.name}' is not a "
            f"narrower '{teacher.name}'",
            f"choose a student of the teacher's depth, or {instead}",
        )
    return pairs


def _by_name(student: Any, teacher: Any) -> Pairs:
    """As `_pairs`; empty when it is not so."""
    left = {layer.name: layer for layer in teacher.layers}
    pairs = [(own, left.pop(own.name)) for own in student.layers if own.name in left]
    layers = tensorflow().keras.layers
    shortcuts = {type(layer) for layer in left.values()} <= {
        layers.Conv2D,
        layers.BatchNormalization,
    }
    return pairs if len(pairs) == len(student.layers) and shortcuts and _narrower(pairs) else []


def _narrower(pairs: Pairs) -> bool:
    return all(
        type(own) is type(whole)
        and len(own.get_weights()) == len(whole.get_weights())
        and _width(own) <= _width(whole)
        for own, whole in pairs
    )


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


def _kept(groups: Groups, pairs: Pairs, teacher: Any) -> dict[int, np.ndarray]:
    """Which of its channels each group keeps, bool (channels,)."""
    norm = tensorflow().keras.layers.BatchNormalization
    widths: dict[int, int] = {}
    worth: dict[int, np.ndarray] = {}
    for own, whole in pairs:  # the first of a group has its channels alone: a Flatten comes later
        widths.setdefault(groups[whole.name], _width(own))
        worth.setdefault(groups[whole.name], np.zeros(_width(whole)))
    for layer in teacher.layers:
        if isinstance(layer, norm) and layer.scale:
            worth[groups[layer.name]] += np.abs(layer.gamma.numpy())
    ranks = {group: np.argsort(np.argsort(-sums, kind="stable")) for group, sums in worth.items()}
    return {group: rank < widths[group] for group, rank in ranks.items()}


def _width(layer: Any) -> int:
    shape = layer.output_shape
    return int((shape[0] if isinstance(shape, list) else shape)[-1])


def _cut(
    weight: np.ndarray, whole: Any, groups: Groups, kept: Mapping[int, np.ndarray]
) -> np.ndarray:
    """One weight, narrowed along its output (last axis) and input channels (last but one)."""
    layers = tensorflow().keras.layers
    outputs, inputs = kept[groups[whole.name]], kept[groups[_sources(whole)[0]]]
    if isinstance(whole, layers.DepthwiseConv2D) and weight.ndim == 4:
        return weight[:, :, outputs]
    narrow = weight[..., outputs]
    if weight.ndim == 1:
        return narrow
    places = weight.shape[-2] // len(inputs)  # of a map that was flattened: channels lie innermost
    return np.compress(np.tile(inputs, places), narrow, axis=-2)
