"""The configuration of a model of Keras 3, rewritten to one of Keras 2.

What has no equal there is refused: nothing is left out that would change what the model computes.
"""

from __future__ import annotations

import inspect
from typing import Any

from tinyml.models.references import listed
from tinyml.models.runtime import tensorflow

MODELS = ("Functional", "Sequential")
PACKAGE = "tinyml"  # under which Keras 2 finds the functions that it has not, see `keras3.register`
_MODULES = ("layers", "initializers", "regularizers", "constraints")
_BASE_OPTIONS = {"name", "trainable", "dtype", "activity_regularizer", "batch_input_shape"}
_OTHER_NAMES = {
    ("InputLayer", "batch_shape"): "batch_input_shape",
    ("LeakyReLU", "negative_slope"): "alpha",
}
_OTHER_CLASSES = {"OrthogonalInitializer": "Orthogonal", "IdentityInitializer": "Identity"}
_OTHER_FUNCTIONS = {
    "hard_sigmoid": "hard_sigmoid",
    "hard_silu": "hard_silu",
    "hard_swish": "hard_silu",
}
# Options of Keras 3 alone that change nothing in what a trained model computes.
_WITHOUT_EFFECT = {
    *("optional", "input_axes", "output_axes", "zero_output_for_mask"),
    *("value_range", "renorm", "renorm_clipping", "renorm_momentum"),
}
_MERGES = ("Add", "Subtract", "Multiply", "Maximum", "Minimum")  # operations that are layers, too


class UnknownError(Exception):
    """What of the model has no equal in Keras 2."""


def translated(stored: dict[str, Any]) -> dict[str, Any]:
    """A model, layer, initializer or the like as Keras 2 writes it.

    Args:
        stored: `{"class_name": ..., "config": ..., "module": ...}`, of a `.h5` file without `module`.

    Raises:
        UnknownError: naming the layer, option or operation that Keras 2 has not.
        KeyError, TypeError: no configuration of Keras 3.
    """
    name, config = stored["class_name"], stored["config"]
    if name in MODELS:
        return {"class_name": name, "config": _model(name, config)}
    name = _OTHER_CLASSES.get(name, name)
    known = _known_options(stored, name)
    where = f"{name} '{config['name']}'" if "name" in config else name
    options = {}
    for option, value in config.items():
        option = _OTHER_NAMES.get((name, option), option)
        if option in known:
            options[option] = _value(option, value, where)
        elif value not in (None, False, "channels_last") and option not in _WITHOUT_EFFECT:
            raise UnknownError(f"{where} has {option}={value!r}, which Keras 2 does not know")
    return {"class_name": name, "config": options}


def _known_options(stored: dict[str, Any], name: str) -> set[str]:
    """What the constructor of Keras 2's class of this name takes."""
    keras = tensorflow().keras
    module = stored.get("module") or ".".join(_MODULES)  # .h5 files do not say
    spaces = [getattr(keras, space) for space in _MODULES if space in module.split(".")]
    found = next((getattr(space, name) for space in spaces if hasattr(space, name)), None)
    if found is None or stored.get("registered_name"):
        raise UnknownError(f"it has {name}, which Keras 2 does not know")
    known = set(_BASE_OPTIONS)
    for parent in found.__mro__:
        if parent is keras.layers.Layer:
            break
        if "__init__" in vars(parent):
            known |= set(inspect.signature(parent.__init__).parameters)
    return known


def _value(option: str, value: Any, where: str) -> Any:
    if option == "dtype":
        return _dtype(value, where)
    if option == "seed" and isinstance(value, dict):
        return None
    if option.endswith("activation") and isinstance(value, str) and value in _OTHER_FUNCTIONS:
        return f"{PACKAGE}>{_OTHER_FUNCTIONS[value]}"
    return translated(value) if isinstance(value, dict) and "class_name" in value else value


def _dtype(policy: Any, where: str) -> str:
    """Keras 2's name of a policy; models of half precision become float32, as their weights mostly are."""
    name = policy["config"].get("name") if isinstance(policy, dict) else policy
    if not isinstance(name, str) or (isinstance(policy, dict) and "mode" in policy["config"]):
        raise UnknownError(f"{where} was quantized by Keras")
    return "float32" if "float" in name else name


def _model(kind: str, config: dict[str, Any]) -> dict[str, Any]:
    if kind == "Sequential":
        return {"name": config["name"], "layers": [translated(layer) for layer in config["layers"]]}
    calls = {layer["name"]: _calls(layer) for layer in config["layers"]}
    return {
        "name": config["name"],
        "layers": [_with_inputs(layer, calls) for layer in config["layers"]],
        "input_layers": [_tensor(end, calls) for end in _ends(config["input_layers"])],
        "output_layers": [_tensor(end, calls) for end in _ends(config["output_layers"])],
    }


def _calls(stored: dict[str, Any]) -> range:
    """Numbers that Keras 2 gives the calls of a layer; 0 is an inner model's own making."""
    first = int(stored["class_name"] in MODELS)
    return range(first, first + max(1, len(stored["inbound_nodes"])))


def _tensor(history: list[Any], calls: dict[str, range]) -> list[Any]:
    """[layer, call, tensor] as Keras 2 counts; a call that is not there would keep it waiting for ever."""
    name, call, tensor = history
    if call not in range(len(calls.get(name, ()))):
        raise UnknownError(f"call {call} of '{name}', which it needs, is not in it")
    return [name, calls[name][call], tensor]


def _ends(ends: Any) -> list[Any]:
    if isinstance(ends, dict):
        raise UnknownError("its inputs or outputs are a dictionary")
    return listed(ends)


def _with_inputs(stored: dict[str, Any], calls: dict[str, range]) -> dict[str, Any]:
    """A layer of a functional model, with the tensors of each of its calls."""
    name = stored["name"]
    if is_operation(stored):
        if len(stored["inbound_nodes"]) != 1:
            raise UnknownError(
                f"operation {stored['class_name']} '{name}' is called more than once"
            )
        layer, tensors = _operation(stored)
        inputs = [[*_tensor(_history(tensor), calls), {}] for tensor in tensors]
        return {**layer, "name": name, "inbound_nodes": [inputs]}
    nodes = [_inputs(node, name, calls) for node in stored["inbound_nodes"]]
    return {**translated(stored), "name": name, "inbound_nodes": nodes}


def is_operation(stored: dict[str, Any]) -> bool:
    """True for `ops.relu(x)`, `x + y` and the like between layers; they have no weights."""
    module = stored.get("module")
    if module is None:  # a .h5 file does not say
        return stored["class_name"] not in MODELS and "dtype" not in stored["config"]
    return ".ops." in module


def _inputs(node: dict[str, Any], name: str, calls: dict[str, range]) -> list[Any]:
    """[[layer, call, tensor, keyword arguments], ...] of a call on a tensor or a list of them."""
    given = {key: value for key, value in node["kwargs"].items() if value is not None}
    arguments = [value for value in node["args"] if value is not None]
    tensors = arguments[0] if arguments and isinstance(arguments[0], list) else arguments[:1]
    plain = all(isinstance(value, (bool, int, float, str)) for value in given.values())
    if len(arguments) != 1 or not plain or not all(map(_is_tensor, tensors)):
        raise UnknownError(f"'{name}' is called with more than a tensor or a list of tensors")
    return [[*_tensor(_history(tensor), calls), given] for tensor in tensors]


def _is_tensor(value: Any) -> bool:
    return isinstance(value, dict) and value.get("class_name") == "__keras_tensor__"


def _history(tensor: dict[str, Any]) -> list[Any]:
    return list(tensor["config"]["keras_history"])


def _operation(stored: dict[str, Any]) -> tuple[dict[str, Any], list[Any]]:
    """The layer for an operation between layers (`x + y`, `x / 255`, `ops.relu(x)`), and its inputs."""
    kind, name, node = stored["class_name"], stored["name"], stored["inbound_nodes"][0]
    arguments = [value for value in node["args"] if value is not None]
    options = {key: v for key, v in {**stored["config"], **node["kwargs"]}.items() if v is not None}
    tensors = [value for value in arguments if _is_tensor(value)]
    numbers = [value for value in arguments if isinstance(value, (int, float))]
    options.pop("name", None)
    if len(tensors) + len(numbers) == len(arguments) and not (options and kind != "Softmax"):
        if kind in _MERGES and len(tensors) == 2 and _same_rank(tensors):
            return _layer(kind, name), tensors
        if len(tensors) == len(numbers) == 1:
            line = _line(kind, float(numbers[0]), _is_tensor(arguments[0]))
            if line is not None:
                return _layer("Rescaling", name, scale=line[0], offset=line[1]), tensors
        if len(arguments) == len(tensors) == 1:
            if kind in ("Relu", "Relu6"):
                limit = {"max_value": 6.0} if kind == "Relu6" else {}
                return _layer("ReLU", name, **limit), tensors
            if kind in ("Sigmoid", "Tanh"):
                return _layer("Activation", name, activation=kind.lower()), tensors
            if kind == "Softmax" and set(options) <= {"axis"}:
                return _layer("Softmax", name, **options), tensors
    raise UnknownError(f"operation {kind} '{name}' is not one of those that can be read as a layer")


def _layer(kind: str, name: str, **options: Any) -> dict[str, Any]:
    return {"class_name": kind, "config": {"name": name, **options}}


def _same_rank(tensors: list[dict[str, Any]]) -> bool:
    return len({len(tensor["config"]["shape"]) for tensor in tensors}) == 1


def _line(kind: str, number: float, tensor_first: bool) -> tuple[float, float] | None:
    """(scale, offset) of an operation between a tensor and a number; None where it is no straight line."""
    if kind == "Add":
        return 1.0, number
    if kind == "Subtract":
        return (1.0, -number) if tensor_first else (-1.0, number)
    if kind == "Multiply":
        return number, 0.0
    if kind in ("TrueDivide", "Divide") and tensor_first and number:
        return 1.0 / number, 0.0
    return None
