"""What a specialised kernel is: something that does a node's work faster where its precondition is proven.

The general kernel of an operator (`Operator.lower`) is exact for every node. A specialisation looks at one
node at export, proves what it relies on (ranges of sums, every requantisation threshold, alignment), and
offers a candidate, or none. Which candidate is taken is `choice`'s business.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from tinyml.ops.base import Calls, arrays

if TYPE_CHECKING:
    from tinyml.cmsis_nn import CmsisNN
    from tinyml.graph.ir import NodeView
    from tinyml.targets import Core

GENERAL = "general"
CMSIS_NN = "CMSIS-NN"
LIBRARIES = ("auto", "tinyml", "cmsis-nn")
MODES = ("balanced", "speed", "size", "ram")


@dataclass(frozen=True, eq=False)
class Candidate:
    """One way to compute a node.

    Attributes:
        name: of the specialisation, e.g. "packed GEMM"; GENERAL for the operator's own kernel.
        calls: the kernel calls, in order.
        instructions: estimate for one inference on the core, from a formula that a test holds against counts.
        why: one line for the report: what was proven for this node.
        roomy: a little faster than another for much more scratch: for speed, or where budgets allow it.
    """

    name: str
    calls: Calls
    instructions: int
    why: str = ""
    roomy: bool = False

    @cached_property
    def constant_bytes(self) -> int:
        """Bytes that the calls' arrays take in flash."""
        return sum(array.values.nbytes for call in self.calls for array in arrays(call.params))

    @property
    def scratch_bytes(self) -> int:
        """The largest scratch of any call."""
        return max((call.scratch_bytes for call in self.calls), default=0)


class Specialisation(ABC):
    """A family of candidates; one file in this folder, with a `SPECIALISATION`.

    Attributes:
        name: as the report shows it.
        operators: the TFLite operators it may apply to.
    """

    name: str
    operators: tuple[str, ...]

    @abstractmethod
    def candidates(self, node: NodeView, core: Core) -> list[Candidate]:
        """The candidates for a node on a core, [] when the precondition does not hold.

        The node has passed its operator's rules.
        """


@dataclass(frozen=True)
class Options:
    """What the user asked for.

    Attributes:
        core: what the code will run on.
        library: one of LIBRARIES; GENERAL, which tests use, for the operators' own kernels alone.
        optimize: one of MODES.
        flash, ram: budgets in bytes for the firmware, and for arena and states; None for no limit.
        cmsis_nn: the user's, if its kernels may be taken (`kernels.cmsis_nn.found`): wherever it has one with
            the library "cmsis-nn", where it is the faster with "auto".
        streamed: compute whatever can be row by row, so many at a time, which tests use; 0 for as the mode
            says.
    """

    core: Core = field(default_factory=lambda: _default_core())
    library: str = "auto"
    optimize: str = "balanced"
    flash: int | None = None
    ram: int | None = None
    cmsis_nn: CmsisNN | None = None
    streamed: int = 0


def _default_core() -> Core:
    from tinyml import targets

    return targets.find("cortex-m4").processor
