"""MINIMUM: the lesser of two values."""

from __future__ import annotations

import numpy as np

from tinyml.ops.extremes import Extreme


class Minimum(Extreme):
    """The lesser value."""

    name = "MINIMUM"
    summary = (
        "element-wise minimum of two tensors that broadcast; raw values are compared, as in TFLM"
    )
    choose = np.minimum
    kernel = "tinyml_minimum"


OPERATOR = Minimum()
