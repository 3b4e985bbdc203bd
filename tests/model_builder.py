"""Builds .tflite files tensor by tensor, for models that no converter would write.

Uses TensorFlow's generated schema, loaded alone: importing TensorFlow would cost seconds.
"""

from __future__ import annotations

import copy
import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np

_TYPES = {"float32": 0, "int32": 2, "uint8": 3, "int64": 4, "int16": 7, "int8": 9, "resource": 13}


@cache
def schema() -> Any:
    """TensorFlow's schema_py_generated, without TensorFlow."""
    package = importlib.util.find_spec("tensorflow")
    assert package is not None
    assert package.submodule_search_locations
    path = Path(package.submodule_search_locations[0]) / "lite/python/schema_py_generated.py"
    spec = importlib.util.spec_from_file_location("tflite_schema", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class ModelBuilder:
    """One subgraph; `tensor` and `node` return indices."""

    def __init__(self) -> None:
        self._schema = schema()
        self._model = self._schema.ModelT()
        self._model.version = 3
        self._model.description = "tinyml test"
        self._graph = self._schema.SubGraphT()
        self._graph.tensors, self._graph.operators = [], []
        self._model.operatorCodes, self._model.buffers = [], [self._buffer(None)]
        self._others: list[Any] = []

    def tensor(
        self,
        shape: tuple[int, ...],
        dtype: str = "int8",
        scale: float | list[float] | None = None,
        zero_point: int = 0,
        data: np.ndarray | None = None,
        axis: int = 0,
        name: str | None = None,
    ) -> int:
        """Add a tensor; a list of scales makes it per-channel along `axis`."""
        stored = self._schema.TensorT()
        stored.shape, stored.type = list(shape), _TYPES[dtype]
        stored.name = name or f"t{len(self._graph.tensors)}"
        stored.buffer = 0
        if data is not None:
            stored.buffer = len(self._model.buffers)
            self._model.buffers.append(self._buffer(np.ascontiguousarray(data, dtype)))
        if scale is not None:
            quantization = self._schema.QuantizationParametersT()
            scales = scale if isinstance(scale, list) else [scale]
            quantization.scale, quantization.zeroPoint = scales, [zero_point] * len(scales)
            quantization.quantizedDimension = axis
            stored.quantization = quantization
        self._graph.tensors.append(stored)
        return len(self._graph.tensors) - 1

    def variable(self, *args: Any, **options: Any) -> int:
        """Add a tensor that keeps its value between inferences; arguments of `tensor`."""
        index = self.tensor(*args, **options)
        self._graph.tensors[index].isVariable = True
        return index

    def node(self, operator: str, inputs: list[int], output: int, **options: Any) -> int:
        """Add a node, e.g. node("CONV_2D", [0, 1, 2], 3, strideH=1, ...); returns its output."""
        stored = self._schema.OperatorT()
        stored.opcodeIndex = self._code(operator)
        stored.inputs, stored.outputs = inputs, [output]
        kind = options.pop("kind", None)
        if kind:
            stored.builtinOptions = getattr(self._schema, f"{kind}T")()
            stored.builtinOptionsType = getattr(self._schema.BuiltinOptions, kind)
            for field, value in options.items():
                assert hasattr(stored.builtinOptions, field), field
                setattr(stored.builtinOptions, field, value)
        self._graph.operators.append(stored)
        return output

    def several(
        self, operator: str, inputs: list[int], outputs: list[int], **options: Any
    ) -> list[int]:
        """Add a node with several outputs; returns these."""
        self.node(operator, inputs, outputs[0], **options)
        self._graph.operators[-1].outputs = outputs
        return outputs

    @property
    def nodes(self) -> list[Any]:
        """The nodes so far, as the schema's objects."""
        return list(self._graph.operators)

    def effect(self, operator: str, inputs: list[int], **options: Any) -> None:
        """Add a node without outputs."""
        self.node(operator, inputs, 0, **options)
        self._graph.operators[-1].outputs = []

    def handle(self, name: str, container: str | None = "") -> int:
        """Add a VAR_HANDLE; returns the handle."""
        target = self.tensor((), "resource")
        options = {"sharedName": name, "container": container}
        return self.node("VAR_HANDLE", [], target, kind="VarHandleOptions", **options)

    def subgraph(self) -> ModelBuilder:
        """Begin another subgraph, whose index is how many there were; it needs no `content`."""
        other = copy.copy(self)
        other._graph = self._schema.SubGraphT()
        other._graph.tensors, other._graph.operators = [], []
        other._graph.inputs, other._graph.outputs, other._graph.name = [], [], "other"
        self._others.append(other._graph)
        return other

    @property
    def tensors(self) -> list[Any]:
        """The tensors so far, as the schema's objects."""
        return list(self._graph.tensors)

    def reorder(self, nodes: list[Any]) -> None:
        """Run the nodes, all of `nodes`, in this order."""
        self._graph.operators = list(nodes)

    def content(self, inputs: list[int], outputs: list[int]) -> bytes:
        """The finished file."""
        self._graph.inputs, self._graph.outputs, self._graph.name = inputs, outputs, "main"
        self._model.subgraphs = [self._graph, *self._others]
        builder = flatbuffers.Builder(1024)
        builder.Finish(self._model.Pack(builder), file_identifier=b"TFL3")
        return bytes(builder.Output())

    def save(self, path: Path, inputs: list[int], outputs: list[int]) -> Path:
        """Write the finished file."""
        path.write_bytes(self.content(inputs, outputs))
        return path

    def _buffer(self, data: np.ndarray | None) -> Any:
        stored = self._schema.BufferT()
        stored.data = None if data is None else np.frombuffer(data.tobytes(), np.uint8)
        return stored

    def _code(self, operator: str) -> int:
        code = getattr(self._schema.BuiltinOperator, operator)
        stored = self._schema.OperatorCodeT()
        stored.deprecatedBuiltinCode, stored.builtinCode = min(code, 127), code
        stored.version = 1
        self._model.operatorCodes.append(stored)
        return len(self._model.operatorCodes) - 1


ACTIVATIONS = {"NONE": 0, "RELU": 1, "RELU_N1_TO_1": 2, "RELU6": 3}
PADDINGS = {"SAME": 0, "VALID": 1}


def convolution(
    m: ModelBuilder,
    rng: np.random.Generator,
    source: int,
    shape: tuple[int, ...],
    channels: int,
    *,
    depthwise: bool = False,
    window: tuple[int, int] = (3, 3),
    stride: tuple[int, int] = (1, 1),
    dilation: tuple[int, int] = (1, 1),
    padding: str = "SAME",
    activation: str = "NONE",
    bias: bool = True,
    input_scale: float = 0.05,
    output_scale: float = 0.1,
    zero_point: int = 3,
    groups: int = 1,
    dead: int = 0,
    dtype: str = "int8",
    bias_type: str = "int32",
) -> tuple[int, tuple[int, ...]]:
    """Append a (depthwise) convolution with random weights; returns its output and shape.

    The weights of the first `dead` output channels are 0: these are the same for every input.
    """
    scales = rng.uniform(0.002, 0.02, channels).astype(np.float32).tolist()
    depth = shape[3] // groups
    weights_shape = (1, *window, channels) if depthwise else (channels, *window, depth)
    data = rng.integers(-127, 128, weights_shape)
    if depthwise:
        data[..., :dead] = 0
    else:
        data[:dead] = 0
    weights = m.tensor(weights_shape, scale=scales, data=data, axis=3 if depthwise else 0)
    inputs = [source, weights]
    if bias:
        values = rng.integers(-2000, 2000, channels)
        inputs.append(
            m.tensor((channels,), bias_type, [s * input_scale for s in scales], data=values)
        )
    reach = [(w - 1) * d + 1 for w, d in zip(window, dilation)]
    sizes = [
        -(-n // s) if padding == "SAME" else (n - r) // s + 1
        for n, s, r in zip(shape[1:3], stride, reach)
    ]
    out_shape = (shape[0], *sizes, channels)
    output = m.tensor(out_shape, dtype, output_scale, zero_point)
    options: dict[str, Any] = {
        "kind": "DepthwiseConv2DOptions" if depthwise else "Conv2DOptions",
        "padding": PADDINGS[padding],
        "strideH": stride[0],
        "strideW": stride[1],
        "dilationHFactor": dilation[0],
        "dilationWFactor": dilation[1],
        "fusedActivationFunction": ACTIVATIONS[activation],
    }
    if depthwise:
        options["depthMultiplier"] = channels // shape[3]
    operator = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
    return m.node(operator, inputs, output, **options), out_shape


def pool(
    m: ModelBuilder,
    source: int,
    shape: tuple[int, ...],
    *,
    kind: str = "AVERAGE",
    window: tuple[int, int] = (2, 2),
    stride: tuple[int, int] = (2, 2),
    padding: str = "VALID",
    activation: str = "NONE",
    scale: float = 0.1,
    zero_point: int = 3,
    dtype: str = "int8",
) -> tuple[int, tuple[int, ...]]:
    """Append a pool; returns its output and shape."""
    sizes = [
        -(-n // s) if padding == "SAME" else (n - w) // s + 1
        for n, s, w in zip(shape[1:3], stride, window)
    ]
    out_shape = (shape[0], *sizes, shape[3])
    output = m.tensor(out_shape, dtype, scale, zero_point)
    node = m.node(
        f"{kind}_POOL_2D",
        [source],
        output,
        kind="Pool2DOptions",
        padding=PADDINGS[padding],
        strideH=stride[0],
        strideW=stride[1],
        filterHeight=window[0],
        filterWidth=window[1],
        fusedActivationFunction=ACTIVATIONS[activation],
    )
    return node, out_shape


def dense(
    m: ModelBuilder,
    rng: np.random.Generator,
    source: int,
    width: int,
    outputs: int,
    *,
    per_channel: bool = False,
    bias: bool = True,
    activation: str = "NONE",
    input_scale: float = 0.1,
    output_scale: float = 0.2,
    zero_point: int = -5,
    rows: int = 1,
    dtype: str = "int8",
    bias_type: str = "int32",
) -> int:
    """Append a fully connected layer; returns its output, (rows, outputs)."""
    scales = rng.uniform(0.002, 0.02, outputs if per_channel else 1).astype(np.float32).tolist()
    weights = m.tensor(
        (outputs, width), scale=scales, data=rng.integers(-127, 128, (outputs, width))
    )
    inputs = [source, weights]
    if bias:
        bias_scales = [s * input_scale for s in scales]
        inputs.append(
            m.tensor((outputs,), bias_type, bias_scales, data=rng.integers(-2000, 2000, outputs))
        )
    output = m.tensor((rows, outputs), dtype, output_scale, zero_point)
    return m.node(
        "FULLY_CONNECTED",
        inputs,
        output,
        kind="FullyConnectedOptions",
        fusedActivationFunction=ACTIVATIONS[activation],
    )


def small_network(seed: int = 0) -> bytes:
    """8x8x1 -> convolution, depthwise, residual sum, pool, fully connected, softmax over 10 classes."""
    rng = np.random.default_rng(seed)
    m = ModelBuilder()
    source = m.tensor((1, 8, 8, 1), scale=0.05, zero_point=-128, name="image")
    first, shape = convolution(m, rng, source, (1, 8, 8, 1), 8, activation="RELU", zero_point=-128)
    second, _ = convolution(m, rng, first, shape, 8, depthwise=True, input_scale=0.1)
    total = m.tensor(shape, scale=0.15, zero_point=-10)
    m.node("ADD", [first, second], total, kind="AddOptions", fusedActivationFunction=0)
    pooled, _ = pool(m, total, shape, window=(8, 8), stride=(8, 8), scale=0.15, zero_point=-10)
    new_shape = m.tensor((2,), "int32", data=np.array([1, 8]))
    flat = m.tensor((1, 8), scale=0.15, zero_point=-10)
    m.node("RESHAPE", [pooled, new_shape], flat)
    logits = dense(m, rng, flat, 8, 10, input_scale=0.15, output_scale=0.08)
    output = m.tensor((1, 10), scale=1 / 256, zero_point=-128, name="probabilities")
    m.node("SOFTMAX", [logits], output, kind="SoftmaxOptions", beta=1.0)
    return m.content([source], [output])
