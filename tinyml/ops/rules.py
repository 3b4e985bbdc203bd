"""Rules that several operators share; a rule's docstring is its message (see `base`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView
    from tinyml.ops.base import Rule

ACTIVATIONS = {0: "NONE", 1: "RELU", 2: "RELU_N1_TO_1", 3: "RELU6", 4: "TANH", 5: "SIGN_BIT"}
FUSED = ("NONE", "RELU", "RELU_N1_TO_1", "RELU6")


def activation_name(code: int) -> str:
    """TFLite's ActivationFunctionType as its name."""
    return ACTIVATIONS.get(code, f"activation {code}")


def int8_activations(node: NodeView) -> str:
    """Activations are int8 arrays with one scale and zero point each. Remedy: quantize the
    model to int8 first, e.g. `tinyml quantize MODEL --calibration DATA -o model.tflite`.
    """
    others = (*node.inputs[1:], *node.outputs)  # constants among them are weights and the like
    for tensor in (node.input(0), *(t for t in others if t is not None and not t.is_constant)):
        if tensor.dtype != "int8":
            return f"'{tensor.name}' is {tensor.dtype}"
        if not tensor.shape:
            return f"'{tensor.name}' is a scalar"
        if tensor.quantization is None or tensor.quantization.per_channel:
            return f"'{tensor.name}' has no single scale"
        if not -128 <= tensor.q.zero_point <= 127:
            return f"'{tensor.name}' has zero point {tensor.q.zero_point}"
    return ""


def quantized_activations(node: NodeView) -> str:
    """Activations are arrays, all int8 with one scale and zero point each or all int16 with one
    scale and zero point 0. Remedy: quantize the model first, e.g. `tinyml quantize MODEL --calibration
    DATA -o model.tflite`.
    """
    if node.output.dtype != "int16":
        return int8_activations(node)
    for tensor in (node.input(0), node.output):
        if tensor.dtype != "int16" or not tensor.shape:
            return f"'{tensor.name}' is {tensor.dtype if tensor.shape else 'a scalar'}"
        if tensor.quantization is None or tensor.q.per_channel or tensor.q.zero_point:
            return f"'{tensor.name}' has not one scale and zero point 0"
    return ""


def fused_activation(node: NodeView) -> str:
    """A fused activation is NONE, RELU, RELU_N1_TO_1 or RELU6. Remedy: make the activation a layer of
    its own before converting.
    """
    activation = node.attributes.activation
    return "" if activation in FUSED else str(activation)


def images(node: NodeView) -> str:
    """Input and output are images: batch, height, width and channels. Remedy: give the layer 4 dimensions
    before converting.
    """
    for tensor in (node.input(0), node.output):
        if len(tensor.shape) != 4:
            return f"'{tensor.name}' has shape {tensor.shape}"
    return ""


def symmetric_weights(node: NodeView) -> str:
    """Weights are constant int8 with one scale, or one an output channel, and zero points 0. Remedy:
    convert the model with TensorFlow 2's converter, which quantizes weights so.
    """
    weights = node.optional(1)
    if weights is None or weights.data is None:
        return "weights that are not constant"
    if weights.dtype != "int8" or weights.quantization is None:
        return f"{weights.dtype} weights" + ("" if weights.quantization else " without a scale")
    scales, channels = len(weights.q.scales), node.output.shape[-1]
    if scales not in (1, channels):
        return f"{scales} scales for {channels} output channels"
    return "zero points other than 0" if any(weights.q.zero_points) else ""


def effective_scale(node: NodeView) -> str:
    """The effective scale, input times weights over output, is below 2^30. Remedy: quantize the
    model again.
    """
    largest = node.input(0).q.scale * max(node.input(1).q.scales) / node.output.q.scale
    return "" if largest < 1 << 30 else f"{largest:g}"


def input_count(least: int, most: int) -> Rule:
    """A rule on the number of inputs."""

    def rule(node: NodeView) -> str:
        found = len(node.inputs)
        present = all(tensor is not None for tensor in node.inputs[:least])
        right = least <= found <= most and present and len(node.outputs) == 1
        return "" if right else f"{found} inputs and {len(node.outputs)} outputs"

    span = str(least) if least == most else f"{least} to {most}"
    rule.__doc__ = f"It has {span} inputs and one output. Remedy: convert the model again."
    return rule


def same_quantization(node: NodeView) -> str:
    """Input and output have the same scale and zero point. Remedy: convert the model again."""
    a, b = node.input(0).quantization, node.output.quantization
    return "" if a == b else f"{a} and {b}"
