"""From a model's scores to the class that it decides for."""

from __future__ import annotations

import math

import numpy as np

PROBABILITY, LOGIT = 0.5, 0.0  # where one score alone says class 1 rather than 0


def decide(scores: np.ndarray, threshold: float) -> np.ndarray:
    """The class of each sample, int64 (N,).

    Args:
        scores: of one score a class (N, classes), the highest decides, of equal ones the lower class.
            One score alone (N, 1) is class 1 above the threshold, else class 0.
        threshold: real or, with raw scores, raw; used for one score alone.
    """
    if scores.shape[-1] > 1:
        return scores.argmax(axis=-1)
    return (scores[..., 0] > threshold).astype(np.int64)


def raw_threshold(scale: float, zero_point: int, dtype: str) -> float:
    """Where one quantized score alone says class 1: a logistic's at 0.5, any other, a logit, at 0.

    The ranges of LOGISTIC are fixed in TFLite's quantization specification: int8 has scale 1/256 and zero
    point -128, int16 has scale 1/32768.
    """
    fixed = {"int8": (1 / 256, -128), "int16": (1 / 32768, 0)}.get(dtype, (0.0, 0))
    is_logistic = math.isclose(scale, fixed[0], rel_tol=1e-6) and zero_point == fixed[1]
    return zero_point + (PROBABILITY / scale if is_logistic else LOGIT)
