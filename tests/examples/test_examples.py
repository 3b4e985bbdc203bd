"""Every example runs to its end in its short mode, and its firmware answers TFLM's bytes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
SPOKEN_DIGITS = ROOT.parent / "shared/data/spoken_digits.tar.gz"

pytestmark = pytest.mark.slow


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty working directory, removed with all that an example has left in it."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def run(example: str, folder: Path, source: str | Path, *, samples: int) -> Path:
    """Runs an example on `source` in `folder`; gives its output directory, its firmware found exact."""
    script = ROOT / "examples" / example / "demo.sh"
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", str(script), str(source), "out"],
        cwd=folder,
        env={**os.environ, "PATH": tools, "SHORT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    compared = json.loads((folder / "out/validation.json").read_text(encoding="utf-8"))
    assert compared["exact"]
    assert compared["samples"] == samples
    assert compared["bytes_compared"] >= samples
    assert compared["emulator"] in ("qemu", "renode")
    return folder / "out"


def tones(folder: Path, clips: int = 30) -> Path:
    """Half-second clips of three pitches in noise, as class folders: no speech, but real WAV files."""
    rng = np.random.default_rng(8)
    for name, hertz in (("low", 300), ("middle", 800), ("high", 2000)):
        (folder / name).mkdir(parents=True)
        for number in range(clips):
            time = np.arange(4000) / 8000
            wave_form = np.sin(2 * np.pi * (hertz * time + rng.random())) + rng.normal(0, 0.3, 4000)
            with wave.open(str(folder / name / f"{number}.wav"), "wb") as stream:
                stream.setnchannels(1)
                stream.setsampwidth(2)
                stream.setframerate(8000)
                stream.writeframes((8000 * wave_form).astype("<i2").tobytes())
    return folder


def test_own_tflite(folder: Path) -> None:
    out = run("own-tflite", folder, ROOT / "tests/models/small.tflite", samples=4)
    assert {path.name for path in out.iterdir()} == {
        "firmware",
        "validation.json",
        "validation.json.run.json",
    }


def test_without_data(folder: Path) -> None:
    out = run("without-data", folder, "digits", samples=360)
    (dreamt,) = json.loads((out / "student.keras.run.json").read_text())["settings"]["dreams"]
    assert dreamt == "out/dreams"
    assert (out / "dreams/dreams.png").exists()
    assert (out / "report.html").exists()


def test_skewed_fleet(folder: Path) -> None:
    out = run("skewed-fleet", folder, "digits", samples=360)
    for fleet in ("alone", "with-dreams"):
        held = np.array(json.loads((out / fleet / "partition.json").read_text())["labels"])
        assert held.shape == (10, 10)
        assert np.all(np.count_nonzero(held, axis=1) == 2)
    assert (out / "report.html").exists()


def test_keyword_spotting_on_tones(folder: Path) -> None:
    out = run("keyword-spotting", folder, tones(folder / "tones"), samples=18)
    assert (out / "report.html").exists()


@pytest.mark.skipif(
    not SPOKEN_DIGITS.exists(), reason="no ../shared/data/spoken_digits.tar.gz: speech is not run"
)
def test_keyword_spotting_on_spoken_digits(folder: Path) -> None:
    run("keyword-spotting", folder, SPOKEN_DIGITS, samples=300)


def test_make_class_folders_sorts_recordings_by_digit(folder: Path) -> None:
    script = ROOT / "examples/keyword-spotting/make_class_folders.sh"
    for name in ("7_theo_0.wav", "7_theo_1.wav", "0_jackson_12.wav"):
        (folder / "recordings").mkdir(exist_ok=True)
        (folder / "recordings" / name).write_bytes(name.encode())
    subprocess.run(["bash", str(script), "recordings", "digits"], cwd=folder, check=True)
    found = {str(path.relative_to(folder)) for path in folder.glob("digits/*/*")}
    assert found == {"digits/7/7_theo_0.wav", "digits/7/7_theo_1.wav", "digits/0/0_jackson_12.wav"}
