"""Float Keras models to int8 TFLite: calibration, conversion, and what it cost, judged by TFLM."""
