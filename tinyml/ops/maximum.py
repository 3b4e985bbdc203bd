"""MAXIMUM: the greater of two values."""

from __future__ import annotations

import numpy as np

from tinyml.ops.extremes import Extreme


class Maximum(Extreme):
    """The greater value."""

    name = "MAXIMUM"
    summary = (
        "element-wise maximum of two tensors that broadcast; raw values are compared, as in TFLM"
    )
    choose = np.maximum
    kernel = "tinyml_maximum"


OPERATOR = Maximum()
