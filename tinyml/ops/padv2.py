"""PADV2: a border of any value around a tensor."""

from __future__ import annotations

from tinyml.ops.pad import Pad


class PadV2(Pad):
    """PAD under another name; TFLM, too, does not tell them apart."""

    name = "PADV2"
    summary = "a border of any value around a tensor"


OPERATOR = PadV2()
