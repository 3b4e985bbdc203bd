"""From a .tflite file to the IR. A flatbuffer is checked before it is believed."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np

from tinyml import ops
from tinyml.errors import InputError
from tinyml.graph import variables
from tinyml.graph.ir import ABSENT, ITEM_BYTES, Graph, Node, Quantization, Tensor
from tinyml.graph.verifier import verify

_IDENTIFIER = b"TFL3"
_MAX_FILE = 256 << 20
# TensorType of the TFLite schema; messages name those that nothing here computes with, too
_DTYPES = {
    0: "float32",
    1: "float16",
    2: "int32",
    3: "uint8",
    4: "int64",
    5: "string",
    6: "bool",
    7: "int16",
    8: "complex64",
    9: "int8",
    10: "float64",
    11: "complex128",
    12: "uint64",
    13: "resource",
    14: "variant",
    15: "uint32",
    16: "uint16",
    17: "int4",
    18: "bfloat16",
}
# What the generated reader raises when an offset in the file is wild
_WILD = (
    struct.error,
    ValueError,
    TypeError,
    IndexError,
    AttributeError,
    OverflowError,
    MemoryError,
    KeyError,
)


def read(path: Path) -> Graph:
    """Read a .tflite file.

    Raises:
        InputError: missing, truncated or malformed file, subgraphs of control flow.
    """
    content = _content(path)
    from tflite.Model import Model

    try:
        return _graph(path, Model.GetRootAsModel(content, 0), len(content))
    except _WILD as error:
        raise InputError(
            path,
            f"malformed TFLite file ({type(error).__name__}: {error})",
            "convert the model again",
        ) from None


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise InputError(path, "no such model file", "check the path") from None
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror})", "check the path") from None
    if len(content) < 8 or content[4:8] != _IDENTIFIER:
        raise InputError(path, "not a TFLite model (no 'TFL3' mark)", "give a .tflite file")
    if len(content) > _MAX_FILE:
        raise InputError(path, "larger than 256 MB", "no microcontroller holds such a model")
    return content


def _graph(path: Path, model: Any, size: int) -> Graph:
    count = model.SubgraphsLength()
    main = _subgraph(path, model, 0, size) if count else None
    if main is None or not main.nodes or not main.inputs or not main.outputs:
        raise InputError(path, "has no operators, inputs or outputs", "convert the model again")
    once = sorted({n.attributes.subgraph for n in main.nodes if n.operator == "CALL_ONCE"})
    if len(once) != count - 1 or not all(0 < index < count for index in once):
        raise InputError(
            path,
            f"exactly one subgraph can be exported, besides those of CALL_ONCE, found {count}",
            "convert the model without control flow",
        )
    others = {index: _subgraph(path, model, index, size) for index in once}
    for other in others.values():
        verify(other, path)
    graph = variables.resolve(main, others)
    verify(graph, path)
    return graph


def _subgraph(path: Path, model: Any, index: int, size: int) -> Graph:
    """A subgraph as it is stored."""
    subgraph = model.Subgraphs(index)
    tensors = tuple(
        _tensor(model, subgraph.Tensors(i)) for i in range(_bounded(subgraph.TensorsLength(), size))
    )
    nodes = tuple(
        _node(path, model, subgraph.Operators(i), i, tensors)
        for i in range(_bounded(subgraph.OperatorsLength(), size))
    )
    inputs, outputs = _indices(subgraph.InputsAsNumpy()), _indices(subgraph.OutputsAsNumpy())
    return Graph(path.stem, tensors, nodes, inputs, outputs)


def _bounded(count: int, size: int) -> int:
    """A vector's length, unless it could not fit into the file."""
    if not 0 <= count <= size // 4:
        raise ValueError(f"a vector of {count} entries")
    return count


def _tensor(model: Any, stored: Any) -> Tensor:
    shape = _indices(stored.ShapeAsNumpy())
    dtype = _DTYPES.get(stored.Type(), f"type {stored.Type()}")
    quantization = _quantization(stored)
    is_state = stored.IsVariable() and dtype in ITEM_BYTES
    return Tensor(
        _text(stored.Name()),
        shape,
        dtype,
        quantization,
        None if is_state else _data(model, stored, shape, dtype),
        _reset_value(shape, dtype, quantization) if is_state else None,
    )


def _reset_value(
    shape: tuple[int, ...], dtype: str, quantization: Quantization | None
) -> np.ndarray:
    """What TFLM puts into a variable tensor: real zeros of int8, zero bytes of any other type."""
    zero_point = quantization.zero_point if quantization and dtype == "int8" else 0
    return variables.filled(zero_point, dtype, shape)


def _quantization(stored: Any) -> Quantization | None:
    parameters = stored.Quantization()
    if parameters is None or parameters.ScaleLength() == 0:
        return None
    scales = tuple(float(scale) for scale in parameters.ScaleAsNumpy())
    zero_points = _indices(parameters.ZeroPointAsNumpy())
    # Older converters note a bias' only dimension as that of the weights' channels.
    axis = 0 if stored.ShapeLength() == 1 else int(parameters.QuantizedDimension())
    return Quantization(scales, zero_points or (0,) * len(scales), axis)


def _data(model: Any, stored: Any, shape: tuple[int, ...], dtype: str) -> np.ndarray | None:
    if not 0 <= stored.Buffer() < model.BuffersLength():
        raise ValueError(f"buffer {stored.Buffer()} does not exist")
    raw = model.Buffers(stored.Buffer()).DataAsNumpy()
    if isinstance(raw, int) or len(raw) == 0 or (dtype not in ITEM_BYTES and dtype != "float16"):
        return None
    data = np.frombuffer(raw.tobytes(), dtype=np.dtype(dtype).newbyteorder("<"))
    return data.reshape(shape)  # a mismatch raises ValueError: the file is malformed


def _node(path: Path, model: Any, stored: Any, index: int, tensors: tuple[Tensor, ...]) -> Node:
    if not 0 <= stored.OpcodeIndex() < model.OperatorCodesLength():
        raise ValueError(f"operator code {stored.OpcodeIndex()} does not exist")
    code = model.OperatorCodes(stored.OpcodeIndex())
    operator = operator_name(code)
    inputs, outputs = _indices(stored.InputsAsNumpy()), _indices(stored.OutputsAsNumpy())
    if any(not ABSENT <= i < len(tensors) for i in inputs) or any(
        not 0 <= i < len(tensors) for i in outputs
    ):
        raise ValueError(f"node {index} refers to a tensor that does not exist")
    name = tensors[outputs[0]].name if outputs else f"{operator.lower()}_{index}"
    attributes = ops.find(operator).parse(stored.BuiltinOptions()) if ops.known(operator) else None
    return Node(operator, name, inputs, outputs, attributes)


def operator_name(code: Any) -> str:
    """TFLite's name of an OperatorCode; a custom operator's own after "CUSTOM "."""
    from tflite import BUILTIN_OPCODE2NAME

    # Codes above 127 stand in the new field; old files have only the old one.
    number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    name = str(BUILTIN_OPCODE2NAME.get(number, f"operator {number}"))
    custom = _text(code.CustomCode())
    return f"{name} {custom}" if name == "CUSTOM" and custom else name


def _indices(values: Any) -> tuple[int, ...]:
    """A vector of integers; the generated reader answers 0 for one that is absent."""
    return () if isinstance(values, (int, np.integer)) else tuple(int(v) for v in values)


def _text(raw: bytes | None) -> str:
    return (raw or b"").decode("utf-8", errors="replace")
