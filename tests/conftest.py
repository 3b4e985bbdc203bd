"""What `make test-fast` leaves out of long matrices."""

from __future__ import annotations

from collections import Counter

import pytest

_LONG = 8  # cases of one test


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A matrix of more than eight compiled models runs whole in `make test`, by eighths when fast."""
    seen: Counter[str] = Counter()
    sizes = Counter(_test(item) for item in items)
    for item in items:
        name = _test(item)
        seen[name] += 1
        compiled = "tests/compiler/" in item.path.as_posix()
        if compiled and sizes[name] > _LONG and seen[name] % _LONG != 1:
            item.add_marker(pytest.mark.slow)


def _test(item: pytest.Item) -> str:
    return item.nodeid.partition("[")[0]
