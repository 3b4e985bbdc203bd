"""The most stack that a function can need, from what the compiler says of every function and call.

gcc -fcallgraph-info=su writes a .ci file beside each object: a node for each function with its bytes of
stack, an edge for each call. Generated code has no recursion and no calls through pointers, so the worst
case is the longest path.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tinyml.errors import CheckFailed

COMPILER_FLAG = "-fcallgraph-info=su"
_NODE = re.compile(r'node: \{ title: "([^"]+)" label: "([^"]*)"')
_EDGE = re.compile(r'edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"')
_BYTES = re.compile(r"(\d+) bytes \((static|dynamic[^)]*)\)")


@dataclass(frozen=True)
class Worst:
    """bytes on the longest path; `uncounted` are the library functions that may be called at its end."""

    bytes: int
    uncounted: tuple[str, ...]


def worst_case(folder: Path, function: str) -> Worst:
    """The worst case of `function` over all .ci files below `folder`.

    Raises:
        CheckFailed: the function is not there, recurses, or has a frame of no fixed size.
    """
    own, calls = _read(folder)
    if function not in own:
        raise CheckFailed(f"the compiler says nothing of the stack of {function}")
    on_path: list[str] = []

    @cache
    def depth(name: str) -> int:
        if name in on_path:
            raise CheckFailed(f"{name} calls itself: its stack has no bound")
        on_path.append(name)
        deepest = max((depth(callee) for callee in calls.get(name, ())), default=0)
        on_path.pop()
        return own.get(name, 0) + deepest

    total = depth(function)
    reached = _reached(calls, function)
    return Worst(total, tuple(sorted(name for name in reached if name not in own)))


def _read(folder: Path) -> tuple[dict[str, int], dict[str, set[str]]]:
    """Own stack bytes of each function, and whom it calls."""
    own: dict[str, int] = {}
    calls: dict[str, set[str]] = {}
    for path in sorted(folder.rglob("*.ci")):
        text = path.read_text(encoding="utf-8", errors="replace")
        for title, label in _NODE.findall(text):
            found = _BYTES.search(label)
            if found and found[2] != "static" and "bounded" not in found[2]:
                raise CheckFailed(f"the stack of {title} has no fixed size")
            if found:
                own[title] = int(found[1])
        for source, target in _EDGE.findall(text):
            calls.setdefault(source, set()).add(target)
    return own, calls


def _reached(calls: Mapping[str, set[str]], function: str) -> set[str]:
    found, pending = {function}, [function]
    while pending:
        for callee in calls.get(pending.pop(), ()):
            if callee not in found:
                found.add(callee)
                pending.append(callee)
    return found
