"""What the kernels of `tinyml_integers.h` call the integer types."""

from __future__ import annotations

CODES = {"uint8": 8, "int8": -8, "int16": -16, "int32": -32}  # bits, negative when signed
