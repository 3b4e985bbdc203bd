"""TensorFlow Lite to verified C firmware for Arm Cortex-M, with the data left where it is."""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"
__all__ = ["HostModel", "__version__"]


def __getattr__(name: str) -> Any:
    """`tinyml.HostModel`, loaded when asked for, so that `import tinyml` stays instant."""
    if name == "HostModel":
        from tinyml.emulate.host import HostModel

        return HostModel
    raise AttributeError(f"module 'tinyml' has no attribute '{name}'")
