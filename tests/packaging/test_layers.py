"""The rules of the house that a reader of the imports can check."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "tinyml"

# From the top down: a unit imports itself and what stands below it, never beside or above it.
LAYERS = [
    {"__main__"},
    {"cli"},
    {"report", "doctor", "flash"},
    {"fit"},
    {"distill", "federated", "quantize"},
    {"models"},
    {"emulate"},
    {"codegen"},
    {"memory"},
    {"kernels"},
    {"passes"},
    {"graph"},
    {"ops"},
    {"targets", "data", "dreams", "affine", "decisions", "cmsis_nn"},
]
# Used by all, and by each other
LEAVES = {"errors", "console", "interruption", "run", "resources", "process"}

COMPILER = ["graph", "ops", "passes", "kernels", "memory", "codegen", "targets", "emulate"]
LIGHT = {"numpy", "click", "jinja2", "rich", "flatbuffers", "tflite", "elftools", "platformdirs"}
LIGHT |= {"tomli", "tomllib"}
ASKED_FOR = {"serial"}  # an extra, imported when an option asks for it

# A string that only C needs: a directive, a statement's or block's end, a declaration, a comment.
C_TEXT = re.compile(
    r"^\s*#\s*(include|define|ifdef|ifndef|if|endif|pragma)\b"
    r"|[;{]\s*$"
    r"|^\s*\}"
    r"|\b(static|const|extern|void|u?int(8|16|32|64)_t)\b[^\n]*[;({\[]"
    r"|/\*\s*\w",
    re.MULTILINE,
)


def modules(*units: str) -> list[Path]:
    """The Python files of the units, or of the whole package."""
    found = sorted(PACKAGE.rglob("*.py"))
    return [path for path in found if not units or unit_of(path) in units]


def unit_of(path: Path) -> str:
    """The part of the package that a file belongs to: its folder or, at the top, its own name."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def walk(node: ast.AST, into_functions: bool = True) -> Iterator[ast.AST]:
    """All nodes that are executed, at import only or also later; typing's imports never are."""
    for child in ast.iter_child_nodes(node):
        if is_type_checking(child):
            continue
        if not into_functions and isinstance(child, (ast.FunctionDef, ast.Lambda)):
            continue
        yield child
        yield from walk(child, into_functions)


def imported(path: Path, into_functions: bool = True) -> Iterator[tuple[int, str]]:
    """Line and full name of each import; `from a import b` gives a.b."""
    for node in walk(ast.parse(path.read_text(encoding="utf-8")), into_functions):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def own_units(path: Path) -> Iterator[tuple[int, str]]:
    """The units of the package that a file imports."""
    for line, name in imported(path):
        parts = name.split(".")
        if parts[0] == "tinyml" and parts[1:] and not parts[1].startswith("__"):
            yield line, parts[1]


def level(unit: str) -> int:
    for number, layer in enumerate(LAYERS):
        if unit in layer:
            return number
    assert unit in LEAVES, f"tinyml/{unit} is new: give it a place in {Path(__file__).name}"
    return len(LAYERS)


def may_import(importer: str, unit: str) -> bool:
    return importer == unit or unit in LEAVES or level(importer) < level(unit)


def test_imports_go_one_way():
    wrong = [
        f"{path.relative_to(PACKAGE.parent)}:{line}: {unit_of(path)} imports {unit}"
        for path in modules()
        if unit_of(path) != "__init__"
        for line, unit in own_units(path)
        if not may_import(unit_of(path), unit)
    ]
    assert wrong == []


def test_importing_the_package_imports_none_of_it():
    names = {name for _, name in imported(PACKAGE / "__init__.py", into_functions=False)}
    assert not any(name.startswith("tinyml") for name in names)


def test_the_rule_sees_what_it_forbids(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "PACKAGE", tmp_path)
    (tmp_path / "ops").mkdir()
    source = tmp_path / "ops/add.py"
    source.write_text(
        "from typing import TYPE_CHECKING\n"
        "from tinyml import console, __version__\n"
        "if TYPE_CHECKING:\n    from tinyml.cli import main\n"
        "def late():\n    from tinyml.graph.ir import Graph\n"
    )
    assert list(own_units(source)) == [(2, "console"), (6, "graph")]
    assert not may_import("ops", "graph")
    assert may_import("graph", "ops")
    assert not may_import("distill", "federated")


@pytest.mark.parametrize("unit", COMPILER)
def test_the_compiler_needs_the_light_install_only(unit):
    allowed = LIGHT | ASKED_FOR | {"tinyml"} | set(sys.stdlib_module_names)
    wrong = [
        f"{path.relative_to(PACKAGE.parent)}:{line}: {name}"
        for path in modules(unit)
        for line, name in imported(path)
        if name.split(".")[0] not in allowed
    ]
    assert wrong == []


def test_nothing_imports_a_heavy_library_when_it_is_imported():
    """TensorFlow and the like are imported inside functions, so that the rest starts fast."""
    allowed = LIGHT | {"tinyml"} | set(sys.stdlib_module_names)
    wrong = [
        f"{path.relative_to(PACKAGE.parent)}:{line}: {name}"
        for path in modules()
        for line, name in imported(path, into_functions=False)
        if name.split(".")[0] not in allowed
    ]
    assert wrong == []


def strings(path: Path) -> Iterator[tuple[int, str]]:
    """Line and text of every string that is not a docstring."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone:
            yield node.lineno, node.value


@pytest.mark.parametrize("unit", ["graph", "ops", "passes", "kernels", "memory", "codegen"])
def test_c_text_lives_in_templates_only(unit):
    wrong = [
        f"{path.relative_to(PACKAGE.parent)}:{line}: {text!r}"
        for path in modules(unit)
        for line, text in strings(path)
        if C_TEXT.search(text)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "is_c"),
    [
        ("#include <stdint.h>", True),
        ("int32_t total = 0;\n", True),
        ("static const int8_t weights[", True),
        ("for (i = 0; i < n; i++) {\n", True),
        ("/* made by tinyml */", True),
        ("/*", False),  # what is taken out of a user's text
        ("int8_t", False),  # a type's name is a plain value
        ("conv_2d_s8", False),
        ("stride 2; use a smaller one (see the list)", False),
    ],
)
def test_c_is_told_from_messages(text, is_c):
    assert bool(C_TEXT.search(text)) is is_c
