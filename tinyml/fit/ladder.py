"""The largest that fits of a ladder of sizes, with few tries."""

from __future__ import annotations

from collections.abc import Callable, Sequence


def largest(names: Sequence[str], fits: Callable[[str], bool]) -> str | None:
    """The last name that fits, or None; tries about log2(len(names)) of them.

    Args:
        names: from the smallest to the largest; whatever is larger than one that does not fit, does
            not fit either.
        fits: says whether one does; may be slow.
    """
    low, high = 0, len(names)
    while low < high:
        middle = (low + high) // 2
        if fits(names[middle]):
            low = middle + 1
        else:
            high = middle
    return names[low - 1] if low else None
