"""A trained network seen from inside: logits, pooled features and what its batch norms receive."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tinyml.errors import InputError
from tinyml.models import files
from tinyml.models.outputs import require_score_a_class
from tinyml.models.runtime import tensorflow

_SMALLEST_PROBABILITY = 1e-7  # keeps the logarithm of a softmax's zero finite


@dataclass(frozen=True)
class Seen:
    """A look at a batch: logits (N, classes), features (N, F) or None, each batch norm's input."""

    logits: Any
    features: Any
    norm_inputs: list[Any]


@dataclass(frozen=True)
class NormStatistics:
    """Running statistics of one batch norm: mean and variance, float32 (channels,)."""

    mean: Any
    variance: Any


class Teacher:
    """A frozen Keras classifier.

    Args:
        model: functional or sequential, from (N, H, W, C) to (N, classes) logits or probabilities.
        layer: name of the pooled feature layer; found when None (see `feature_layer`).
        where: what to call the model in errors.

    Raises:
        InputError: the model does not map one image to one vector of classes; no such layer.
    """

    def __init__(self, model: Any, layer: str | None = None, where: object = "teacher") -> None:
        _check_signature(model, where)
        tf = tensorflow()
        self.where, self._layer_name = where, layer
        self._model, self._scores = model, _Scores(model)
        norms = [x for x in model.layers if isinstance(x, tf.keras.layers.BatchNormalization)]
        self._features = feature_layer(model, layer, where) if layer else _find_pooled(model)
        outputs = [self._scores.source, *(norm.input for norm in norms)]
        if self._features is not None:
            outputs.append(self._features.output)
        self._probe = tf.keras.Model(model.inputs, outputs)
        self.norms = [NormStatistics(n.moving_mean, n.moving_variance) for n in norms]

    @classmethod
    def load(cls, path: Path, layer: str | None = None, allow_unsafe: bool = False) -> Teacher:
        """Load from a .keras or .h5 file; raises InputError as `files.load` and the constructor."""
        return cls(files.load(path, allow_unsafe), layer, path)

    @property
    def model(self) -> Any:
        """The Keras model itself."""
        return self._model

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample, (height, width, channels)."""
        return tuple(self._model.input_shape[1:])

    @property
    def classes(self) -> int:
        """Number of classes."""
        return int(self._model.output_shape[-1])

    @property
    def layer(self) -> str:
        """Name of the pooled feature layer; raises InputError when there is none."""
        return str(feature_layer(self._model, self._layer_name, self.where).name)

    def look(self, x: Any) -> Seen:
        """Run a batch float32 (N, H, W, C) in inference mode; differentiable in x."""
        source, *rest = self._probe(x, training=False)
        features = rest.pop() if self._features is not None else None
        return Seen(self._scores.logits(source), features, rest)

    def logits(self, x: Any, training: bool = False) -> Any:
        """Logits (N, classes) of a batch; of a model that ends in a softmax, what goes into it."""
        return self._scores.logits(self._scores.body(x, training=training))

    def watched(self, layers: list[Any]) -> Callable[..., tuple[Any, list[Any]]]:
        """From (x, training=False) to logits (N, classes) and the outputs of some layers."""
        outputs = [self._scores.source, *(layer.output for layer in layers)]
        probe = tensorflow().keras.Model(self._model.inputs, outputs)

        def look(x: Any, training: bool = False) -> tuple[Any, list[Any]]:
            source, *seen = probe(x, training=training)
            return self._scores.logits(source), seen

        return look

    def features(self, x: np.ndarray, batch_size: int = 500) -> np.ndarray:
        """Pooled activations, float32 (N, F), of images float32 (N, H, W, C)."""
        feature_layer(self._model, self._layer_name, self.where)  # raises when there is none
        batches = (x[i : i + batch_size] for i in range(0, len(x), batch_size))
        return np.concatenate([np.asarray(self.look(batch).features) for batch in batches])

    def answers(self, x: np.ndarray, batch_size: int = 500) -> np.ndarray:
        """Logits, float32 (N, classes), of images float32 (N, H, W, C)."""
        batches = (x[i : i + batch_size] for i in range(0, len(x), batch_size))
        return np.concatenate([np.asarray(self.logits(batch)) for batch in batches])

    def require_norms(self, method: str) -> None:
        """Raises InputError when there is no batch norm whose statistics `method` could match."""
        if not self.norms:
            raise InputError(
                self.where,
                f"has no batch norm layer, and method '{method}' matches their statistics",
                "use --method activation with metadata, or a teacher with batch norm",
            )


class _Scores:
    """Where a model's logits come from.

    The logarithm of a softmax is the logits up to a constant, but only where no probability is so small
    that it is 0 in float32; there the order of the classes and the gradient are lost. So it is left out.

    Attributes:
        source: the symbolic tensor that `logits` takes.
        body: a Keras model that gives it, with the layers of `model` itself.
    """

    def __init__(self, model: Any) -> None:
        keras = tensorflow().keras
        last = model.output._keras_history.layer
        self._dense, self._gives_probabilities = None, False
        self.source = model.output
        if isinstance(last, (keras.layers.Softmax, keras.layers.Activation)) and ends_in_softmax(
            model
        ):
            self.source = last.input
        elif isinstance(last, keras.layers.Dense) and ends_in_softmax(model):
            self.source, self._dense = last.input, last
        elif ends_in_softmax(model):
            self._gives_probabilities = True
        self.body = keras.Model(model.inputs, self.source)

    def logits(self, found: Any) -> Any:
        """Logits (N, classes), from a batch of `source`."""
        tf = tensorflow()
        if self._dense is not None:
            sums = tf.linalg.matmul(found, self._dense.kernel)
            return sums if self._dense.bias is None else sums + self._dense.bias
        if self._gives_probabilities:
            return tf.math.log(tf.maximum(found, _SMALLEST_PROBABILITY))
        return found


def feature_layer(model: Any, name: str | None, where: object) -> Any:
    """The pooled feature layer: the one named, or else the last one that pools a whole map.

    That is a GlobalAveragePooling2D, or a Flatten after an AveragePooling2D that leaves a 1x1 map.

    Raises:
        InputError: no layer of that name or kind, or its output is not one vector a sample.
    """
    if name is None:
        found = _find_pooled(model)
        if found is None:
            raise InputError(
                where,
                "no pooled feature layer found (GlobalAveragePooling2D, or Flatten after an "
                "AveragePooling2D over the whole map)",
                f"name one with --layer: {_names(model)}",
            )
        return found
    for layer in model.layers:
        if layer.name == name:
            if len(layer.output_shape) != 2:
                raise InputError(
                    where,
                    f"layer '{name}' gives {layer.output_shape}, not one vector a sample",
                    "name a layer after the pooling",
                )
            return layer
    raise InputError(where, f"no layer '{name}'", f"it has {_names(model)}")


def ends_in_softmax(model: Any) -> bool:
    """True when the model's output are probabilities: a Softmax layer, or a softmax activation."""
    keras = tensorflow().keras
    last = model.output._keras_history.layer
    return isinstance(last, keras.layers.Softmax) or (
        getattr(last, "activation", None) is keras.activations.softmax
    )


def _find_pooled(model: Any) -> Any:
    layers = tensorflow().keras.layers
    for layer in reversed(model.layers):
        if isinstance(layer, layers.GlobalAveragePooling2D) and len(layer.output_shape) == 2:
            return layer
        if isinstance(layer, layers.Flatten) and tuple(layer.input_shape[1:3]) == (1, 1):
            before = layer.input._keras_history.layer
            if isinstance(before, layers.AveragePooling2D):
                return layer
    return None


def _names(model: Any) -> str:
    return ", ".join(layer.name for layer in model.layers)


def _check_signature(model: Any, where: object) -> None:
    shapes: list[Any] = [getattr(model, name, None) for name in ("input_shape", "output_shape")]
    lengths = [len(s) if isinstance(s, tuple) else 0 for s in shapes]
    if lengths != [4, 2] or None in shapes[0][1:]:
        raise InputError(
            where,
            f"maps {shapes[0]} to {shapes[1]}",
            "use a classifier from (N, height, width, channels), all known, to (N, classes)",
        )
    require_score_a_class(model, where)
