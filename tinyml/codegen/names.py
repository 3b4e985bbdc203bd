"""Names and texts from a model, made safe for C: the one place where that happens."""

from __future__ import annotations

import re

# fmt: off
_KEYWORDS = frozenset((
    "auto", "break", "case", "char", "const", "continue", "default", "do", "double", "else",
    "enum", "extern", "float", "for", "goto", "if", "inline", "int", "long", "register",
    "restrict", "return", "short", "signed", "sizeof", "static", "struct", "switch",
    "typedef", "union", "unsigned", "void", "volatile", "while", "main",
))
# fmt: on


def identifier(text: str) -> str:
    """A C identifier as close to `text` as possible: "1x1 conv/Relu" -> "m_1x1_conv_Relu"."""
    name = re.sub(r"[^0-9A-Za-z]+", "_", text).strip("_")[:48].rstrip("_")
    if not name or name[0].isdigit() or name in _KEYWORDS:
        name = f"m_{name}".rstrip("_")
    return name


def suffixes(texts: list[str]) -> list[str]:
    """For each of several ports "_" and a distinct identifier; "" for the only one."""
    if len(texts) == 1:
        return [""]
    found: list[str] = []
    for text in texts:
        name = base = identifier(text)
        while f"_{name}" in found:
            name = f"{base}_{len(found)}"
        found.append(f"_{name}")
    return found


def comment(text: str) -> str:
    """`text` for a C comment: printable ASCII on one line that cannot end the comment."""
    plain = "".join(c if " " <= c <= "~" else "?" for c in text)
    plain = plain.replace("*/", "* /").replace("/*", "/ *").replace("\\", "/")
    return plain if len(plain) <= 60 else plain[:57] + "..."
