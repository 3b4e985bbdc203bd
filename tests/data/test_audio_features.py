"""Audio features: TensorFlow's definitions, in [0, 1], and settings that are refused."""

from __future__ import annotations

import numpy as np
import pytest

from tinyml import data
from tinyml.data import audio
from tinyml.data.audio import AudioSettings
from tinyml.errors import InputError
from tinyml.models.runtime import tensorflow


def speech(seconds: float, rate: int, seed: int = 3) -> np.ndarray:
    """A few tones that come and go, and noise; int16."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * rate)) / rate
    tones = sum(np.sin(2 * np.pi * (f + 60 * time) * time) for f in (180, 700, 1900))
    sound = np.sin(3 * time) * tones / 4 + rng.normal(0, 0.01, len(time))
    return (8000 * sound).astype(np.int16)


@pytest.mark.parametrize("rate", [8000, 16000])
def test_mel_weights_are_tensorflow_s(rate):
    fft = 256 * rate // 8000
    own = audio.mel_weights(AudioSettings(), rate, fft, "here")
    theirs = tensorflow().signal.linear_to_mel_weight_matrix(40, fft // 2 + 1, rate, 20.0, 4000.0)
    np.testing.assert_allclose(own, theirs, atol=1e-4)


@pytest.mark.parametrize("rate", [8000, 16000])
def test_spectrogram_and_mfcc_are_tensorflow_s(rate):
    tf = tensorflow()
    clip = speech(1.0, rate)
    frame, fft = 30 * rate // 1000, 256 * rate // 8000
    window = tf.signal.hann_window(frame)
    spectrum = tf.signal.stft(
        tf.constant(clip / 32768, tf.float32),
        *(frame, 20 * rate // 1000, fft),
        window_fn=lambda length, dtype: window / tf.reduce_sum(window),
    )
    weights = tf.signal.linear_to_mel_weight_matrix(40, fft // 2 + 1, rate, 20.0, 4000.0)
    mel = tf.maximum(tf.abs(spectrum) @ weights, 1e-5)
    decibels = 20 * np.log10(mel)
    own = audio.features([clip], rate, AudioSettings("spectrogram"), "here")
    assert own.shape == (1, 49, 40, 1)
    assert own.dtype == np.float32
    assert own.std() > 0.05
    np.testing.assert_allclose(own[0, ..., 0], 1 + decibels / 100, atol=1e-4)
    cosines = tf.signal.dct(tf.constant(1 + decibels / 100), norm="ortho").numpy()[:, :10]
    own = audio.features([clip], rate, AudioSettings(), "here")[0, ..., 0]
    np.testing.assert_allclose(own[:, 0], cosines[:, 0] / np.sqrt(40), atol=1e-4)
    np.testing.assert_allclose(own[:, 1:], np.clip(0.5 + cosines[:, 1:] / 2, 0, 1), atol=1e-4)


def test_a_full_scale_sine_has_half_its_amplitude():
    rate = 8000
    sine = (32767 * np.sin(2 * np.pi * 1000 * np.arange(rate) / rate)).astype(np.int16)
    settings = AudioSettings("spectrogram", frame_ms=32)  # whole periods in 256 samples
    level = audio.features([sine], rate, settings, "here").max()
    weights = audio.mel_weights(settings, rate, 256, "here")[32].max()  # 1000 Hz
    assert 20 * np.log10(weights / 2) < 100 * (level - 1) < 20 * np.log10(1.5 * weights)


def test_short_clips_are_filled_and_long_ones_cut():
    rate = 8000
    long = speech(1.7, rate)
    settings = AudioSettings("spectrogram")
    short, whole, cut = audio.features([long[:3000], long[:8000], long], rate, settings, "here")
    np.testing.assert_array_equal(whole, cut)
    np.testing.assert_array_equal(short[:17], whole[:17])
    assert short[20:].max() == 0


def test_many_clips_are_as_one():
    clips = [speech(0.5, 8000, seed) for seed in range(4)]
    together = audio.features(clips * 100, 8000, AudioSettings(), "here")
    np.testing.assert_array_equal(
        together[397], audio.features(clips[1:2], 8000, AudioSettings(), "")[0]
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"features": "lpc"}, "use mfcc or spectrogram"),
        ({"frame_ms": 0}, "use a whole number from 1"),
        ({"hop_ms": 2.5}, "use a whole number from 1"),
        ({"frame_ms": 1500}, "use at most clip_ms"),
        ({"coefficients": 41}, "use at most mel_bins"),
        ({"low_hz": 4000}, "use less than high_hz"),
    ],
)
def test_settings_that_make_no_sense(given, said):
    with pytest.raises(InputError, match=said):
        AudioSettings(**given).check("here")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"high_hz": 4001}, "use at most 4000"),
        ({"mel_bins": 200}, "hold no frequency"),
    ],
)
def test_settings_that_the_sample_rate_does_not_allow(given, said):
    with pytest.raises(InputError, match=said):
        audio.features([speech(0.3, 8000)], 8000, AudioSettings(**given), "here")


@pytest.fixture
def clips(files):
    for part in ("train", "test"):
        for label in ("no", "yes"):
            for take in range(2):
                files.clip(f"{part}/{label}/{take}.wav")
    return files


def test_audio_toml_beside_the_classes_says_how(clips):
    assert data.load(str(clips.root)).shape == (49, 10, 1)
    clips.put("audio.toml", b'features = "spectrogram"\nmel_bins = 20\nclip_ms = 500\n')
    read = data.load(str(clips.root))
    assert read.audio == AudioSettings("spectrogram", clip_ms=500, mel_bins=20)
    assert read.shape == (24, 20, 1)
    assert data.load(str(clips.root), {"mel_bins": 16}).shape == (24, 16, 1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"features = mfcc", "not readable as TOML"),
        (b"bins = 3", "unknown key bins; use features, clip_ms"),
        (b"clip_ms = true", "use a whole number"),
        (b"\xff", "not readable as TOML"),
    ],
)
def test_wrong_audio_toml(clips, text, said):
    clips.put("audio.toml", text)
    with pytest.raises(InputError, match=f"audio.toml: .*{said}"):
        data.load(str(clips.root))


def test_a_second_audio_toml_is_refused(clips):
    clips.put("audio.toml", b"mel_bins = 20")
    clips.put("test/audio.toml", b"mel_bins = 30")
    with pytest.raises(InputError, match=r"a second audio\.toml"):
        data.load(str(clips.root))


def test_features_of_what_is_no_clip(files):
    files.images()
    for source in (str(files.root), "digits"):
        with pytest.raises(InputError, match="no clips"):
            data.load(source, {"mel_bins": 20})
