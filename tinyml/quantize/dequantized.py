"""The float model that a quantized .tflite stands for: the same graph with its weights as real numbers.

What is left out is exactly what quantization adds at run time: rounding and clamping of every activation.
The rounding of the weights stays; for that, compare with the model before quantization.
"""

from __future__ import annotations

from typing import Any

import flatbuffers
import numpy as np

from tinyml.quantize.tflm import require


def dequantized(content: bytes) -> bytes:
    """A quantized .tflite in float32, with the same numbers of tensors and nodes.

    Every tensor that has a scale becomes float32; indices and shapes stay integers.

    Args:
        content: a model that TFLM loads.

    Raises:
        InputError: tflite-micro, whose schema is used, is not installed.
    """
    require()
    from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))
    types = {value: name.lower() for name, value in vars(schema.TensorType).items()}
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            if tensor.quantization is not None and _length(tensor.quantization.scale):
                _make_float(model, tensor, types[tensor.type], schema)
    _replace_changes_of_scale(model, schema)
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _length(values: Any) -> int:
    """Of a vector that the schema's reader leaves None when it is absent."""
    return 0 if values is None else len(values)


def _make_float(model: Any, tensor: Any, dtype: str, schema: Any) -> None:
    data = model.buffers[tensor.buffer].data
    if _length(data):
        raw = np.frombuffer(bytes(data), dtype).reshape(tensor.shape)
        values = _real(raw, tensor.quantization)
        # A buffer of its own: others may share the old one with another scale.
        stored = schema.BufferT()
        stored.data = np.frombuffer(values.astype(np.float32).tobytes(), np.uint8)
        tensor.buffer = len(model.buffers)
        model.buffers.append(stored)
    tensor.type, tensor.quantization = schema.TensorType.FLOAT32, None


def _real(raw: np.ndarray, quantization: Any) -> np.ndarray:
    """scale * (raw - zero point), per tensor or along the quantized dimension."""
    scales = np.array(quantization.scale, np.float64)
    zero_points = np.zeros(len(scales), np.int64)
    zero_points[:] = quantization.zeroPoint if _length(quantization.zeroPoint) else 0
    shape = [1] * raw.ndim
    if len(scales) > 1:
        shape[quantization.quantizedDimension] = -1
    real: np.ndarray = (raw - zero_points.reshape(shape)) * scales.reshape(shape)
    return real


def _replace_changes_of_scale(model: Any, schema: Any) -> None:
    """QUANTIZE and DEQUANTIZE between two float tensors, which TFLM refuses, become copies: RESHAPE."""
    codes = schema.BuiltinOperator
    replaced = set()
    for index, code in enumerate(model.operatorCodes):
        if code.deprecatedBuiltinCode in (codes.QUANTIZE, codes.DEQUANTIZE):
            code.builtinCode = code.deprecatedBuiltinCode = codes.RESHAPE
            replaced.add(index)
    for graph in model.subgraphs:
        for node in graph.operators:
            if node.opcodeIndex in replaced:
                node.builtinOptionsType, node.builtinOptions = schema.BuiltinOptions.NONE, None
