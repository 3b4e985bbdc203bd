"""Makes the inputs of the experiments in a work directory: python prepare.py WORK SHARED [NAME...].

SHARED holds data/ and models/ as the project's shared folder does. Every file is made once:

  data/mnist.npz, fashion.npz, cifar10.npz        the data sets, in the Keras layout
  data/spoken.npz                                 spoken digits as MFCCs
  data/mnist-as-fashion.npz, ...                  the other data set's images, in the shape needed
  data/NAME-tuning.npz                            for choosing settings: its test split is the
                                                  validation split, its validation split new
  models/resnet8.keras, resnet8-half.keras        MLPerf Tiny's ResNet-8 on pixels in [0, 1], and
                                                  the same structure at half its width, untrained
"""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]


def main() -> None:
    work, shared = Path(sys.argv[1]), Path(sys.argv[2])
    wanted = sys.argv[3:] or list(MAKERS)
    for name in wanted:
        path = work / name
        if path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_name(f".{path.name}")
        MAKERS[name](scratch, work, shared)
        scratch.rename(path)
        print(path)


def _save(path: Path, arrays: Arrays) -> None:
    with path.open("wb") as stream:
        np.savez(stream, **arrays)


def _load(path: Path) -> Arrays:
    with np.load(path) as stored:
        return {name: stored[name] for name in stored.files}


def _keras_file(name: str) -> Callable[[Path, Path, Path], None]:
    def make(path: Path, work: Path, shared: Path) -> None:
        _save(path, _load(shared / "data" / name))

    return make


def _cifar10(path: Path, work: Path, shared: Path) -> None:
    """The archive's PNG files in the order of their names; classes in the alphabet's order."""
    from PIL import Image

    found: dict[str, list[tuple[str, np.ndarray]]] = {"train": [], "test": []}
    with tarfile.open(shared / "data/cifar10.tar.gz") as archive:
        for member in archive:
            if member.name.endswith(".png"):
                stream = archive.extractfile(member)
                assert stream is not None
                image = np.asarray(Image.open(io.BytesIO(stream.read())))
                found[member.name.split("/")[0]].append((member.name, image))
    classes = sorted({name.split("/")[1] for name, _ in found["train"]})
    arrays = {}
    for split, items in found.items():
        items.sort(key=lambda item: item[0])
        arrays["x_" + split] = np.stack([image for _, image in items])
        labels = [classes.index(name.split("/")[1]) for name, _ in items]
        arrays["y_" + split] = np.array(labels, np.uint8)
    _save(path, arrays)


def _spoken(path: Path, work: Path, shared: Path) -> None:
    """A second a clip: 49 frames of 10 MFCCs, as examples/keyword-spotting has them."""
    settings = {"clip-ms": 1000, "frame-ms": 30, "hop-ms": 20, "mel-bins": 40, "coefficients": 10}
    words = [word for key, value in settings.items() for word in (f"--{key}", str(value))]
    source = str(shared / "data/spoken_digits.tar.gz")
    command = [sys.executable, "-m", "tinyml", "data", source, *words, "-o", str(path), "--force"]
    subprocess.run(command, check=True)


def _reshaped(
    source: str, size: tuple[int, int], channels: int
) -> Callable[[Path, Path, Path], None]:
    """Another data set's images, resized to `size` (height, width) and repeated to `channels`."""

    def make(path: Path, work: Path, shared: Path) -> None:
        from PIL import Image

        arrays = _load(work / source)
        for split in ("x_train", "x_test"):
            images = [np.asarray(Image.fromarray(x).resize(size[::-1])) for x in arrays[split]]
            arrays[split] = np.repeat(np.stack(images)[..., None], channels, -1)
        _save(path, arrays)

    return make


def _tuning(source: str) -> Callable[[Path, Path, Path], None]:
    """The training split alone, as `tinyml.data` cuts it: no sample of the test split is in it."""

    def make(path: Path, work: Path, shared: Path) -> None:
        from tinyml.data import load

        whole = load(source if source == "digits" else str(work / source))
        order = np.random.default_rng(1).permutation(len(whole.train))
        held, kept = np.split(order, [len(whole.validation)])
        _save(
            path,
            {
                "x_train": whole.train.x[kept],
                "y_train": whole.train.y[kept],
                "x_validation": whole.train.x[held],
                "y_validation": whole.train.y[held],
                "x_test": whole.validation.x,
                "y_test": whole.validation.y,
            },
        )

    return make


def _resnet8(path: Path, work: Path, shared: Path) -> None:
    """MLPerf's takes pixels from 0 to 255: its first convolution, times 255, takes them to 1."""
    import tensorflow as tf

    model = tf.keras.models.load_model(shared / "models/pretrainedResnet.h5", compile=False)
    first = next(x for x in model.layers if isinstance(x, tf.keras.layers.Conv2D))
    kernel, bias = first.get_weights()
    first.set_weights([kernel * 255.0, bias])
    _save_model(model, path)


def _resnet8_half(path: Path, work: Path, shared: Path) -> None:
    import tensorflow as tf

    whole = tf.keras.models.load_model(work / "models/resnet8.keras", compile=False)
    config = whole.get_config()
    for layer in config["layers"]:
        if layer["class_name"] == "Conv2D":
            layer["config"]["filters"] //= 2
        layer.pop("build_config", None)
    _save_model(tf.keras.Model.from_config(config), path)


def _save_model(model: Any, path: Path) -> None:
    from tinyml.models import files

    made = path.with_name(path.name.removeprefix("."))  # files.save goes by the suffix
    files.save(model, made)
    made.rename(path)


MAKERS: dict[str, Callable[[Path, Path, Path], None]] = {
    "data/mnist.npz": _keras_file("mnist.npz"),
    "data/fashion.npz": _keras_file("fashion_mnist.npz"),
    "data/cifar10.npz": _cifar10,
    "data/spoken.npz": _spoken,
    "data/mnist-as-fashion.npz": _reshaped("data/mnist.npz", (28, 28), 1),
    "data/fashion-as-mnist.npz": _reshaped("data/fashion.npz", (28, 28), 1),
    "data/mnist-as-digits.npz": _reshaped("data/mnist.npz", (8, 8), 1),
    "data/fashion-as-cifar10.npz": _reshaped("data/fashion.npz", (32, 32), 3),
    "data/mnist-as-spoken.npz": _reshaped("data/mnist.npz", (49, 10), 1),
    "data/digits-tuning.npz": _tuning("digits"),
    "data/mnist-tuning.npz": _tuning("data/mnist.npz"),
    "data/fashion-tuning.npz": _tuning("data/fashion.npz"),
    "data/cifar10-tuning.npz": _tuning("data/cifar10.npz"),
    "models/resnet8.keras": _resnet8,
    "models/resnet8-half.keras": _resnet8_half,
}


if __name__ == "__main__":
    main()
