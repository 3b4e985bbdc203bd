"""Budgets of flash and RAM: a plan that does not fit is refused with what takes the space."""

from __future__ import annotations

from typing import Any

from tinyml.errors import CheckFailed
from tinyml.targets import Target

_LARGEST = 3  # entries that the message names


class DoesNotFit(CheckFailed):
    """The linker found a memory too small.

    Attributes:
        region: FLASH or RAM.
        bytes: that are missing.
    """

    def __init__(self, region: str, missing: int) -> None:
        super().__init__(f"the firmware does not fit: {region} overflows by {missing:,} bytes")
        self.region, self.bytes = region, missing


def check_ram(report: dict[str, Any], limit: int | None, board: str = "") -> None:
    """Compare the arena and the state with a budget in bytes, or with what a board has for them.

    Raises:
        CheckFailed: they do not fit.
    """
    ram = report["ram_bytes"]
    needed = ram["arena"] + ram["state"]
    if limit is None or needed <= limit:
        return
    most = sorted(report["arena"], key=lambda entry: -entry["bytes"])[:_LARGEST]
    parts = [f"{entry['name']} {entry['bytes']:,}" for entry in most]
    budget = (
        f"{board} has {limit:,} bytes of RAM for arena and state" if board else f"--ram {limit}"
    )
    raise CheckFailed(
        f"{budget}: the arena takes {ram['arena']:,} bytes and the state {ram['state']:,} with every "
        f"kernel chosen for little RAM; the largest are {', '.join(parts)}; take a smaller model{_or(board)}"
    )


def check_flash(report: dict[str, Any], limit: int | None, board: str = "") -> None:
    """Compare the firmware, or while that is not known the weights alone, with a budget or a board's flash.

    Raises:
        CheckFailed: it does not fit.
    """
    flash = report["flash_bytes"]
    needed = flash["total"] or flash["weights"]
    if limit is None or needed <= limit:
        return
    nodes = [(index, node) for index, node in enumerate(report["nodes"]) if node["weight_bytes"]]
    most = sorted(nodes, key=lambda item: -item[1]["weight_bytes"])[:_LARGEST]
    parts = [f"node {index} {node['operator']} {node['weight_bytes']:,}" for index, node in most]
    code = f"code takes {flash['code']:,} bytes" if flash["code"] else "code is not known here"
    budget = f"{board} has {limit:,} bytes of flash" if board else f"--flash {limit}"
    raise CheckFailed(
        f"{budget}: needs {needed:,} bytes; weights take {flash['weights']:,} and {code}; "
        f"the largest are {', '.join(parts)}; take a smaller model{_or(board)}"
    )


def check_link(report: dict[str, Any], target: Target, overflow: DoesNotFit) -> None:
    """Say of a firmware that the linker refused what takes the space.

    Raises:
        CheckFailed: always.
    """
    if overflow.region == "FLASH":
        flash = report["flash_bytes"]
        flash["total"] = target.flash.bytes + overflow.bytes
        flash["code"] = flash["total"] - flash["weights"]
        check_flash(report, target.flash.bytes, target.board)
    raise overflow


def _or(board: str) -> str:
    return " or a larger board" if board else ""
