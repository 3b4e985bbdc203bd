"""One image or clip, from a file's bytes to an array."""

from __future__ import annotations

import io
import wave
from typing import Any

import numpy as np

from tinyml.errors import InputError

IMAGES = (".png", ".jpg", ".jpeg")
CLIPS = (".wav",)

_MODES = {
    "L": "L",
    "1": "L",
    "RGB": "RGB",
    "P": "RGB",
}  # Pillow's pixel types, and what they become


def image(content: bytes, where: object) -> np.ndarray:
    """Pixels of a PNG or JPEG, uint8 (height, width, 1 or 3).

    Raises:
        InputError: unreadable; transparency, 16 bits or other channels; Pillow is not installed.
    """
    try:
        from PIL import Image
    except ImportError:
        raise InputError(
            "Pillow", "not installed", "pip install 'tinyml-toolchain[train]'"
        ) from None
    try:
        with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as opened:
            mode = _MODES.get(opened.mode)
            has_alpha = "transparency" in opened.info
            pixels = np.asarray(opened.convert(mode)) if mode and not has_alpha else None
    except (Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        raise InputError(where, f"not a readable image ({error})", "save it again") from None
    if pixels is None:
        what = "transparency" if has_alpha else f"pixels of the type {opened.mode}"
        raise InputError(where, f"has {what}", "save it as 8-bit greyscale or RGB")
    return pixels.reshape(*pixels.shape[:2], -1)


def clip(content: bytes, where: object) -> tuple[np.ndarray, int]:
    """Samples of a WAV file, int16 (samples,), and how many there are in a second.

    Raises:
        InputError: unreadable, cut short, empty, or not 16-bit mono PCM.
    """
    try:
        with wave.open(io.BytesIO(content)) as opened:
            form: Any = opened.getparams()
            stored = opened.readframes(form.nframes)
    except (wave.Error, EOFError) as error:
        reason = str(error) or "cut short"
        raise InputError(where, f"not a readable WAV ({reason})", _AS_IT_SHOULD_BE) from None
    if form.nchannels != 1 or form.sampwidth != 2:
        found = f"has {form.nchannels} channels of {8 * form.sampwidth} bits"
        raise InputError(where, found, _AS_IT_SHOULD_BE)
    if not stored or len(stored) != 2 * form.nframes:
        found = f"holds {len(stored) // 2} of its {form.nframes} samples"
        raise InputError(where, found, "record or convert it again")
    return np.frombuffer(stored, "<i2").astype(np.int16), int(form.framerate)


_AS_IT_SHOULD_BE = "convert it to one channel of 16-bit PCM (e.g. sox IN -b 16 -c 1 OUT)"
