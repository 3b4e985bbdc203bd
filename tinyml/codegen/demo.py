"""What a board computes when nobody talks to it: a built-in input, and the outputs expected of it.

The input is made on the device (firmware_templates/firmware/demo.c.j2), so that it takes no flash: bytes of a
linear congruential generator where the model takes 8 or 16 bit integers, else zeros, which are valid as
indices and booleans, too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinyml.codegen import values
from tinyml.codegen.program import Program
from tinyml.graph import reference

_RANDOM = ("int8", "uint8", "int16")
_SHOWN = ("int8_t", "int16_t", "int32_t")


@dataclass(frozen=True)
class Demo:
    """The templates' values.

    Attributes:
        expected: FNV-1a of the outputs' bytes, one output after the other.
        random: there are inputs of random bytes; their C types are random_types.
        zero: there are inputs of zeros.
        random_types: C types of inputs that are filled with random bytes.
        shown_types: C types of outputs whose values are printed.
    """

    expected: int
    random: bool
    zero: bool
    random_types: tuple[str, ...]
    shown_types: tuple[str, ...]


def of(program: Program) -> Demo:
    """The demo of a compiled model."""
    graph = program.graph
    inputs = values.ports(program, graph.inputs)
    random_types = tuple(f"{name}_t" for name in _RANDOM)
    random = [port.type in random_types for port in inputs]
    outputs = {port.type for port in values.ports(program, graph.outputs)}
    return Demo(
        expected(program),
        any(random),
        not all(random),
        random_types,
        tuple(sorted(outputs & set(_SHOWN))),
    )


def expected(program: Program) -> int:
    """FNV-1a of what the first inference after a reset gives for the built-in input."""
    graph = program.graph
    generator = _Generator()
    samples = []
    for index in graph.inputs:
        tensor = graph.tensors[index]
        is_random = tensor.dtype in _RANDOM
        data = generator.take(tensor.nbytes) if is_random else bytes(tensor.nbytes)
        samples.append(np.frombuffer(data, tensor.dtype)[np.newaxis])
    outputs = reference.outputs(graph, samples)
    return _fnv1a(b"".join(np.ascontiguousarray(output).tobytes() for output in outputs))


class _Generator:
    """A linear congruential generator modulo 2^32, of which the highest bytes are taken."""

    def __init__(self) -> None:
        self._state = 1

    def take(self, count: int) -> bytes:
        found = bytearray()
        for _ in range(count):
            self._state = (self._state * 1664525 + 1013904223) & 0xFFFFFFFF
            found.append(self._state >> 24)
        return bytes(found)


def _fnv1a(data: bytes) -> int:
    found = 2166136261
    for byte in data:
        found = ((found ^ byte) * 16777619) & 0xFFFFFFFF
    return found
