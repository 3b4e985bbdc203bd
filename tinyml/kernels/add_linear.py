"""ADD and SUB of equal shapes as one linear function of both bytes.

Precondition: int8, no broadcast, and some a, b, c and shift with

    output = saturate8((first * a + second * b + c) >> shift)

for every pair of bytes. TFLM's function is nearly linear, but for the roundings of both operands; a search
around the real factors finds integers, and all 65,536 pairs are compared.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tinyml import ops
from tinyml.kernels.base import Candidate, Specialisation
from tinyml.ops import arithmetic, bands
from tinyml.ops.base import KernelCall

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView
    from tinyml.targets import Core

_SHIFTS = (22, 21, 20, 19, 18)  # the first is the kernel's TINYML_ADD_LINEAR_SHIFT
_NEAR = 0.02  # of a step: pairs that near a threshold guide the search
_MOVES = np.array([(i, j) for i in range(-3, 4) for j in range(-3, 4)], np.int64)
_ROUNDS = 40
_BYTES = np.arange(-128, 128, dtype=np.int64)
_LOW, _HIGH = arithmetic.LIMITS["int8"]
_HALF = 1 << 31

Window = Callable[[np.ndarray], "tuple[np.ndarray, np.ndarray]"]


@dataclass(frozen=True)
class Linear:
    """The constants of a linear function of two bytes."""

    a: int
    b: int
    c: int
    shift: int

    def sums(self) -> np.ndarray:
        """int64 (256, 256): first * a + second * b + c for all pairs of bytes."""
        return _BYTES[:, np.newaxis] * self.a + _BYTES * self.b + self.c

    def computes(self, table: np.ndarray) -> bool:
        """Whether it gives a table (first, second) of outputs, and all sums fit int32."""
        sums = self.sums()
        fits = sums.min() >= -_HALF and sums.max() < _HALF
        return bool(fits and (np.clip(sums >> self.shift, _LOW, _HIGH) == table).all())


class AddLinear(Specialisation):
    """ADD and SUB without broadcast."""

    name = "linear sum"
    operators = ("ADD", "SUB")

    def candidates(self, node: NodeView, core: Core) -> list[Candidate]:
        elements = node.output.elements
        whole = all(node.input(i).elements == elements for i in (0, 1))
        if node.output.dtype != "int8" or not whole:
            return []
        found = linear(node)
        if found is None:
            return []
        fields = (("elements", elements), ("a", found.a), ("b", found.b), ("c", found.c))
        call = KernelCall(
            kernel="tinyml_add_linear_s8",
            params=(*fields, ("shift", found.shift)),
            inputs=(0, 1),
            in_place=(0, 1),
            band=bands.elements(node),
        )
        why = (
            f"({found.a} x + {found.b} y + {found.c}) >> {found.shift} proven for all 65,536 pairs"
        )
        return [Candidate(self.name, (call,), _instructions(elements, found, core), why)]


def linear(node: NodeView) -> Linear | None:
    """The constants for a node, with the first shift that serves; None when none was found."""
    table = _table(node)
    first, second, output = (t.q for t in (node.input(0), node.input(1), node.output))
    sign = -1 if node.node.operator == "SUB" else 1
    factors = first.scale / output.scale, sign * second.scale / output.scale
    start = output.zero_point - factors[0] * first.zero_point - factors[1] * second.zero_point
    real = factors[0] * _BYTES[:, np.newaxis] + factors[1] * _BYTES + start
    tried = (_searched(table, real, factors, shift) for shift in _SHIFTS)
    return next((found for found in tried if found is not None), None)


def _table(node: NodeView) -> np.ndarray:
    """TFLM's outputs, int64 (first, second), for all pairs of bytes."""
    pairs = [_BYTES[:, np.newaxis].astype(np.int8), _BYTES[np.newaxis].astype(np.int8)]
    (table,) = ops.find(node.node.operator).reference(node, pairs)
    return table.astype(np.int64)


def _searched(
    table: np.ndarray, real: np.ndarray, factors: tuple[float, float], shift: int
) -> Linear | None:
    """Constants for one shift: steps on the grid of (a, b) to where the window for c is widest.

    Args:
        table: the outputs wanted.
        real: the real sum in the output's units.
        factors: of both operands, real.
        shift: the kernel's.
    """
    if np.abs(real).max() + 1 >= _HALF >> shift:
        return None
    window = _window(table, real, shift)
    place = np.array([round(factor * (1 << shift)) for factor in factors], np.int64)
    widest = None
    for _ in range(_ROUNDS):
        around = place + _MOVES
        least, most = window(around)
        best = int((most - least).argmax())
        if widest is not None and most[best] - least[best] <= widest:
            break
        widest, place = most[best] - least[best], around[best]
        constant = int(least[best] + most[best]) // 2
    found = Linear(int(place[0]), int(place[1]), constant, shift)
    return found if found.computes(table) else None


def _window(table: np.ndarray, real: np.ndarray, shift: int) -> Window:
    """The least and greatest c for factors int64 (count, 2), by the pairs near a threshold."""
    above = real + 0.5 - table  # how far the pair is above the threshold below it, in steps
    rising = (above < _NEAR) & (table > _LOW)
    falling = (above > 1 - _NEAR) & (table < _HIGH)
    targets = table[rising] << shift, ((table[falling] + 1) << shift) - 1
    pairs = [
        np.stack([_BYTES[index] for index in np.nonzero(which)]) for which in (rising, falling)
    ]
    far = np.int64(1) << 40

    def limits(factors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        least = (targets[0] - factors @ pairs[0]).max(axis=1, initial=-far)
        most = (targets[1] - factors @ pairs[1]).min(axis=1, initial=far)
        return least, most

    return limits


def _instructions(elements: int, found: Linear, core: Core) -> int:
    if "unaligned" not in core.extensions:  # ARMv6-M: no SSAT, no MLA
        return 25 * elements
    fast = elements // 8 if found.shift == _SHIFTS[0] else 0
    return 40 + 50 * fast + 11 * (elements - 8 * fast)


SPECIALISATION = AddLinear()
