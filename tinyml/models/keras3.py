"""Models that Keras 3 wrote, as models of Keras 2: TensorFlow's converter and tfmot know no other.

A `.keras` file holds a configuration (JSON) and weights (HDF5), in groups that are named after the class of
each layer and its place among its like; https://keras.io/api/models/model_saving_apis says what is where.
Keras 2 makes the model from the configuration rewritten (`keras3_config`); here it gets the weights.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from tinyml.errors import InputError
from tinyml.models.keras3_config import MODELS, PACKAGE, UnknownError, is_operation, translated
from tinyml.models.runtime import tensorflow

_REMEDY = (
    "replace that in the model; or save it from a session started with TF_USE_LEGACY_KERAS=1 "
    "(package tf_keras); or convert it to an int8 .tflite there and export that"
)
# Parts of a layer that have weights, in the order of Keras 2.
_PARTS = ("vars", "cell", "forward_layer", "backward_layer", "layer")
_DRAWS = re.compile("seed_generator|random_generator")  # states of random numbers, no weights


def load(path: Path, config: dict[str, Any], version: str) -> Any:
    """Load a `.keras` or `.h5` file that Keras 3 wrote as an uncompiled model of Keras 2.

    Args:
        path: the file.
        config: its configuration, `{"class_name": ..., "config": ...}`, without code in it.
        version: the Keras that wrote it, for the error.

    Raises:
        InputError: naming the layer or operation that Keras 2 has not, or the weights that are missing.
    """
    try:
        model = tensorflow().keras.models.model_from_config(translated(config))
        if path.suffix == ".keras":
            _read_weights(model, config, path)
        else:
            model.load_weights(path)  # by their order, which is the same in both
    except UnknownError as unknown:
        reason = str(unknown)
    except Exception as error:  # Keras and HDF5 raise whatever the broken part happens to raise
        reason = " ".join(str(error).split())[:200]
    else:
        return model
    raise InputError(
        path, f"was written by Keras {version} and cannot be read here: {reason}", _REMEDY
    )


@lru_cache(maxsize=1)
def register() -> None:
    """Make Keras 2 know the hard functions of Keras 3: their slope is 1/6, that of its own 1/5."""
    tf = tensorflow()
    registered = tf.keras.utils.register_keras_serializable

    @registered(PACKAGE, "hard_sigmoid")
    def hard_sigmoid(x: Any) -> Any:
        return tf.nn.relu6(x + 3.0) * (1.0 / 6.0)

    @registered(PACKAGE, "hard_silu")
    def hard_silu(x: Any) -> Any:
        return x * hard_sigmoid(x)  # a form in which TensorFlow's converter finds HARD_SWISH


def _read_weights(model: Any, config: dict[str, Any], path: Path) -> None:
    import h5py

    with zipfile.ZipFile(path) as archive:
        if "model.weights.h5" not in archive.namelist():
            raise UnknownError("its weights are not in one model.weights.h5")
        stored = io.BytesIO(archive.read("model.weights.h5"))
    with h5py.File(stored, "r") as weights:
        _give(model, config, weights)


def _give(layer: Any, config: dict[str, Any], group: Any) -> None:
    """Give a layer, or each layer of a model, the weights of its group of the file."""
    if config["class_name"] in MODELS:
        for part, name in _group_names(config["config"]["layers"]):
            if part["class_name"] != "InputLayer":
                inner = layer.get_layer(part["config"]["name"])
                _give(inner, part, group and group.get(f"layers/{name}"))
        return
    if not layer.weights:
        return
    arrays = [] if group is None else list(_arrays(group, layer.name))
    wanted, found = [tuple(x.shape) for x in layer.weights], [x.shape for x in arrays]
    if wanted != found:
        raise UnknownError(f"'{layer.name}' needs weights of shapes {wanted}, the file has {found}")
    layer.set_weights(arrays)


def _group_names(layers: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], str]]:
    """Each layer's configuration and the name of its group: conv2d, conv2d_1, ..."""
    seen: Counter[str] = Counter()
    for layer in layers:
        if not is_operation(layer):
            words = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", layer["class_name"])
            name = re.sub("([a-z])([A-Z])", r"\1_\2", words).lower()
            yield layer, f"{name}_{seen[name]}" if seen[name] else name
            seen[name] += 1


def _arrays(group: Any, where: str) -> Iterator[np.ndarray]:
    """Weights of a layer and of its parts (an LSTM's cell), in the order in which Keras 2 has them."""
    unknown = [part for part in group if part not in _PARTS and not _DRAWS.search(part)]
    if unknown:
        raise UnknownError(f"'{where}' has parts that are not known here ({', '.join(unknown)})")
    for part in (part for part in _PARTS if part in group):
        if part == "vars":
            own = group[part]
            yield from (np.asarray(own[str(k)], np.float32) for k in range(len(own)))
        else:
            yield from _arrays(group[part], where)
