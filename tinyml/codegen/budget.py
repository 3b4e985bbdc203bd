"""Budgets of flash and RAM: a plan that does not fit is refused with what takes the space."""

from __future__ import annotations

from typing import Any

from tinyml.errors import CheckFailed

_LARGEST = 3  # entries that the message names


def check_ram(report: dict[str, Any], limit: int | None) -> None:
    """Compare the arena and the state with a budget in bytes.

    Raises:
        CheckFailed: they do not fit.
    """
    ram = report["ram_bytes"]
    needed = ram["arena"] + ram["state"]
    if limit is None or needed <= limit:
        return
    most = sorted(report["arena"], key=lambda entry: -entry["bytes"])[:_LARGEST]
    parts = [f"{entry['name']} {entry['bytes']:,}" for entry in most]
    raise CheckFailed(
        f"--ram {limit}: the arena takes {ram['arena']:,} bytes and the state {ram['state']:,} with every "
        f"kernel chosen for little RAM; the largest are {', '.join(parts)}; take a smaller model"
    )


def check_flash(report: dict[str, Any], limit: int | None) -> None:
    """Compare the firmware, or without a compiler the weights alone, with a budget in bytes.

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
    raise CheckFailed(
        f"--flash {limit}: needs {needed:,} bytes; weights take {flash['weights']:,} and {code}; "
        f"the largest are {', '.join(parts)}; take a smaller model"
    )
