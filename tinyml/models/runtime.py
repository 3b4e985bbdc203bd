"""TensorFlow, imported late and set up the same way by every step."""

from __future__ import annotations

import os
from typing import Any

from tinyml.errors import InputError


def tensorflow(seed: int | None = None) -> Any:
    """The TensorFlow module: quiet, deterministic, seeded (Python, numpy and TF) when `seed` is given.

    Raises:
        InputError: TensorFlow is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
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
