"""What a student must fit into. Nothing heavy is imported here: the command line reads it early."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Goal:
    """A target and its budgets, counted as `tinyml export --ram --flash` counts them.

    Args:
        target: a core or a board.
        ram: bytes for the arena and the model's state.
        flash: bytes for the firmware, weights included.
        instructions: the most for one inference, or None.
    """

    target: str
    ram: int
    flash: int
    instructions: int | None = None

    def settings(self) -> dict[str, Any]:
        """Plain values for the run record."""
        return asdict(self)

    def __str__(self) -> str:
        parts = [self.target, self.ram, self.flash, self.instructions]
        return ":".join(str(part) for part in parts if part is not None)
