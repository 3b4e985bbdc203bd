"""TensorFlow Lite to verified C firmware for Arm Cortex-M, with the data left where it is."""

__version__ = "0.1.0"
