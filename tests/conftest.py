"""What `make test-fast` leaves out of the tests of compiler and kernels, besides what is marked there."""

from __future__ import annotations

from collections import Counter

import pytest

_LONG = 8  # cases of one test
_LEFT_OUT = ("compiler", "kernels")  # the folders


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long matrices of compiled models run by eighths when fast, and not on the emulated device."""
    seen: Counter[str] = Counter()
    sizes = Counter(_test(item) for item in items)
    for item in items:
        name = _test(item)
        seen[name] += 1
        left_out = sizes[name] > _LONG and seen[name] % _LONG != 1
        if item.path.parent.name in _LEFT_OUT and (left_out or "on_the_device" in name):
            item.add_marker(pytest.mark.slow)


def _test(item: pytest.Item) -> str:
    return item.nodeid.partition("[")[0]
