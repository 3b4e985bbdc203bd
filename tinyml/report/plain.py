"""Values out of files that others may have written: of the expected kind, or None."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Union

Number = Union[int, float]
LONGEST_TEXT = 300  # characters of one text on the page
_LONGEST_NAME = 120  # of a node or tensor, which stands at each of its marks
MOST_LISTED = 1000  # entries of one list on the page
_LARGEST = 1 << 63  # of a number; what is beyond counts nothing that we know


def find(tree: Any, *keys: str) -> Any:
    """The value at `keys` in nested dicts, or None."""
    for key in keys:
        if not isinstance(tree, Mapping):
            return None
        tree = tree.get(key)
    return tree


def number(tree: Any, *keys: str) -> Number | None:
    """A number of a usual size, or None; True and False are none."""
    value = find(tree, *keys)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if abs(value) <= _LARGEST else None  # False for what is not a number, too


def count(tree: Any, *keys: str) -> int | None:
    """A whole number that is not negative, or None."""
    value = number(tree, *keys)
    return value if isinstance(value, int) and value >= 0 else None


def share(tree: Any, *keys: str) -> float | None:
    """A number from 0 to 1, or None."""
    value = number(tree, *keys)
    return float(value) if value is not None and 0 <= value <= 1 else None


def text(tree: Any, *keys: str) -> str | None:
    """A text with only printable characters, cut where it is very long, or None."""
    value = find(tree, *keys)
    return printable(value) if isinstance(value, str) else None


def name(tree: Any) -> str | None:
    """The name of a node, tensor or symbol, cut shorter than other texts, or None."""
    value = find(tree, "name")
    return printable(value, _LONGEST_NAME) if isinstance(value, str) else None


def printable(value: str, longest: int = LONGEST_TEXT) -> str:
    """`value` on one line, without control characters, cut where it is longer."""
    clean = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in value)
    return clean if len(clean) <= longest else clean[: longest - 1] + "\N{HORIZONTAL ELLIPSIS}"


def listed(tree: Any, *keys: str) -> list[Any]:
    """A list, empty when there is none; not all of a very long one, so that the page stays below 5 MB."""
    value = find(tree, *keys)
    return value[:MOST_LISTED] if isinstance(value, list) else []


def texts(tree: Any, *keys: str) -> list[str]:
    """A list of texts; empty when there is none, or when one of them is not."""
    found = listed(tree, *keys)
    return [printable(item) for item in found] if all(isinstance(i, str) for i in found) else []


def read(path: Path) -> Any:
    """The JSON in a file; None when it cannot be read, as the rest of the page stands without."""
    try:
        return parse(path.read_text("utf-8", "replace"))
    except OSError:
        return None


def parse(text: str) -> Any:
    """A text as JSON; None when it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def shares(tree: Any, *keys: str) -> list[float | None]:
    """A list of shares; empty when there is none."""
    return [share({"": item}, "") for item in listed(tree, *keys)]


def counts(tree: Any, *keys: str) -> list[int]:
    """A list of whole numbers; empty when there is none, or when one of them is not."""
    found = [count({"": item}, "") for item in listed(tree, *keys)]
    return [] if None in found else [item for item in found if item is not None]


def count_table(tree: Any, *keys: str) -> list[list[int]]:
    """Rows of whole numbers, all of one length; empty when it is anything else."""
    rows = [counts({"": row}, "") for row in listed(tree, *keys)]
    same = len({len(row) for row in rows}) == 1
    return rows if same and rows[0] else []
