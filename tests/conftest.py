"""For all tests: what `make test-fast` leaves out besides what is marked, and a console of each one's own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from tinyml import console

_LONG = 8  # cases of one test
_LEFT_OUT = ("compiler", "kernels")  # the folders


@pytest.fixture(autouse=True)
def plain_console() -> Iterator[None]:
    """What a test asks of the console, a command run in this process with --json say, ends with it."""
    yield
    console.configure(verbose=False, as_json=False)


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
