"""Spoken or other short clips as pictures: log-mel spectrograms and MFCCs, scaled to [0, 1].

A clip is cut or filled with zeros at its end to `clip_ms`, and taken in frames of `frame_ms`, one every
`hop_ms`. Each frame is weighed with a Hann window whose sum is 1 and filled to a power of two for the
FFT; magnitudes are summed in triangles that lie evenly on the mel scale 1127 ln(1 + f / 700) (HTK's and
TensorFlow's). With all constants fixed, a device can compute the same:

  spectrogram  s = 1 + log10(max(m, 1e-5)) / 5 of each mel bin's sum m: -100 dB becomes 0, 0 dB 1
               (a sine of full scale has -6 dB)
  mfcc         c = orthonormal DCT-II of a frame's s; the first coefficient, over the square root of the
               number of bins, is the mean of s; each other one becomes 1/2 + c / 2; all cut to [0, 1]

The defaults are the framing of MLPerf Tiny's keyword spotting: (49, 10, 1) for a second.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from tinyml.errors import InputError

FEATURES = ("mfcc", "spectrogram")
SETTINGS_FILE = "audio.toml"

_FLOOR = 1e-5  # -100 dB
_DECADES = 5
_FULL_SCALE = 32768.0  # of 16-bit samples
_CHUNK = 256  # clips whose spectra are held at a time


@dataclass(frozen=True)
class AudioSettings:
    """How clips become pictures; the options of `tinyml data` and the keys of `audio.toml`.

    Args:
        features: "mfcc" or "spectrogram" (log-mel).
        clip_ms: length that every clip is brought to.
        frame_ms: length of a frame.
        hop_ms: from a frame's start to the next one's.
        mel_bins: triangles of the mel scale; a spectrogram's width.
        coefficients: MFCCs of a frame; their width.
        low_hz: where the lowest triangle begins.
        high_hz: where the highest ends; at most half the sample rate.
    """

    features: str = "mfcc"
    clip_ms: int = 1000
    frame_ms: int = 30
    hop_ms: int = 20
    mel_bins: int = 40
    coefficients: int = 10
    low_hz: int = 20
    high_hz: int = 4000

    def check(self, where: object) -> None:
        """Raises InputError when no features can be computed with these settings."""
        if self.features not in FEATURES:
            raise _wrong(where, f"features '{self.features}'", f"use {' or '.join(FEATURES)}")
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name != "features" and (type(value) is not int or value < 1):
                raise _wrong(where, f"{field.name} {value!r}", "use a whole number from 1")
        if self.frame_ms > self.clip_ms:
            raise _wrong(where, f"frame_ms {self.frame_ms}", f"use at most clip_ms {self.clip_ms}")
        if self.coefficients > self.mel_bins:
            raise _wrong(
                where, f"coefficients {self.coefficients}", f"use at most mel_bins {self.mel_bins}"
            )
        if self.low_hz >= self.high_hz:
            raise _wrong(where, f"low_hz {self.low_hz}", f"use less than high_hz {self.high_hz}")


def from_toml(text: str, where: Path | str) -> AudioSettings:
    """Settings as an `audio.toml` has them; keys that are left out have their defaults.

    Raises:
        InputError: not TOML, an unknown key, or a value that does not fit.
    """
    try:
        given = _toml(text)
        settings = AudioSettings(**given)
    except ValueError as error:
        raise InputError(where, f"not readable as TOML ({error})", "write KEY = VALUE") from None
    except TypeError:
        known = asdict(AudioSettings())
        unknown = ", ".join(key for key in given if key not in known)
        raise InputError(where, f"unknown key {unknown}", f"use {', '.join(known)}") from None
    settings.check(where)
    return settings


def _toml(text: str) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    return tomllib.loads(text)


def features(
    clips: list[np.ndarray], rate: int, settings: AudioSettings, where: object
) -> np.ndarray:
    """Pictures of clips, float32 (N, frames, bins or coefficients, 1) in [0, 1].

    Args:
        clips: int16 samples of any lengths.
        rate: samples a second.
        settings: how.
        where: what errors name.

    Raises:
        InputError: settings that do not fit the sample rate; SciPy is not installed.
    """
    length, frame, hop = (
        rate * ms // 1000 for ms in (settings.clip_ms, settings.frame_ms, settings.hop_ms)
    )
    if hop < 1 or frame < 2:
        raise _wrong(where, f"hop_ms {settings.hop_ms} at {rate} Hz", "use longer frames and hops")
    fft = 1 << (frame - 1).bit_length()
    weights = mel_weights(settings, rate, fft, where)
    parts = []
    for start in range(0, len(clips), _CHUNK):
        samples = np.stack([_fitted(clip, length) for clip in clips[start : start + _CHUNK]])
        parts.append(_pictures(samples / _FULL_SCALE, weights, (frame, hop, fft), settings))
    return np.concatenate(parts)[..., np.newaxis]


def mel_weights(settings: AudioSettings, rate: int, fft: int, where: object) -> np.ndarray:
    """Weights of an FFT's magnitudes in each mel bin, (fft / 2 + 1, mel_bins); 1 at a triangle's top.

    Raises:
        InputError: frequencies above half the sample rate, or a bin without any.
    """
    if settings.high_hz > rate / 2:
        raise _wrong(where, f"high_hz {settings.high_hz} at {rate} Hz", f"use at most {rate // 2}")
    lowest, highest = _mel(np.array([settings.low_hz, settings.high_hz]))
    edges = np.linspace(lowest, highest, settings.mel_bins + 2)
    places = _mel(np.linspace(0, rate / 2, fft // 2 + 1))[:, np.newaxis]
    lower, centre, upper = edges[:-2], edges[1:-1], edges[2:]
    rising, falling = (places - lower) / (centre - lower), (upper - places) / (upper - centre)
    weights = np.maximum(0, np.minimum(rising, falling))
    weights[0] = 0  # the mean says nothing
    if not weights.any(0).all():
        raise _wrong(
            where,
            f"mel_bins {settings.mel_bins}: the lowest hold no frequency of an FFT of {fft}",
            "use fewer, a higher low_hz or longer frames",
        )
    return weights


def _mel(hertz: np.ndarray) -> np.ndarray:
    return 1127 * np.log1p(hertz / 700)


def _fitted(clip: np.ndarray, length: int) -> np.ndarray:
    return np.pad(clip[:length], (0, max(0, length - len(clip))))


def _pictures(
    samples: np.ndarray, weights: np.ndarray, sizes: tuple[int, int, int], settings: AudioSettings
) -> np.ndarray:
    """Samples (N, length) in [-1, 1) to float32 (N, frames, width)."""
    try:
        from scipy import fft as transforms
        from scipy import signal
    except ImportError:
        raise InputError(
            "SciPy", "not installed", "pip install 'tinyml-toolchain[train]'"
        ) from None
    frame, hop, size = sizes
    # SciPy divides by the window's sum
    spectrum = signal.stft(
        samples, nperseg=frame, noverlap=frame - hop, nfft=size, boundary=None, padded=False
    )[2]
    magnitudes = np.abs(spectrum).swapaxes(1, 2)
    levels = 1 + np.log10(np.maximum(magnitudes @ weights, _FLOOR)) / _DECADES
    if settings.features == "mfcc":
        count = settings.coefficients
        levels = transforms.dct(levels, norm="ortho")[..., :count]
        levels[..., 0] /= np.sqrt(settings.mel_bins)
        levels[..., 1:] = 0.5 + levels[..., 1:] / 2
    return np.clip(levels, 0, 1).astype(np.float32)


def _wrong(where: object, what: str, remedy: str) -> InputError:
    return InputError(where, f"audio settings: {what}", remedy)
