"""TensorFlow, imported late and set up the same way by every step."""

from __future__ import annotations

import os
from typing import Any

from tinyml.errors import InputError

# oneDNN's kernels take half the time of those that TensorFlow else takes on CPUs with AVX2 but not
# AVX-512; the user's own environment has the last word.
_DEFAULTS = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "1"}


def environment() -> dict[str, str]:
    """For a child process that runs TensorFlow: ours, and how TensorFlow is set up here."""
    return {**_DEFAULTS, **os.environ}


def tensorflow(seed: int | None = None) -> Any:
    """The TensorFlow module: quiet, deterministic, seeded (Python, numpy and TF) when `seed` is given.

    Raises:
        InputError: TensorFlow is not installed.
    """
    os.environ.update(environment())
    try:
        import tensorflow as tf
    except ImportError:
        raise InputError(
            "tensorflow",
            "not installed",
            "pip install 'tinyml-toolchain[train]' (Python 3.9 to 3.11)",
        ) from None
    tf.get_logger().setLevel("ERROR")
    if seed is not None:
        tf.keras.utils.set_random_seed(seed)
        tf.config.experimental.enable_op_determinism()
    return tf
