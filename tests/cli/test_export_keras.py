"""A Keras model is quantized on the way; one with code in it is refused."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from tinyml.cli import cli
from tinyml.cli.export import command
from tinyml.errors import InputError

KERAS_3 = Path(__file__).parents[1] / "models" / "keras-3.15.1.zip"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*saving your model as an HDF5 file.*:UserWarning"),
]


@pytest.fixture(scope="module")
def keras_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """model.keras, model.h5 and saved/ of one network; saved-code/ with a Lambda layer.

    three-*.keras are Keras 3's; exported/ is a SavedModel without Keras' part.
    """
    from tinyml.models.runtime import tensorflow

    tf = tensorflow(0)
    layers = tf.keras.layers
    folder = tmp_path_factory.mktemp("models")
    model = tf.keras.Sequential(
        [
            layers.Conv2D(4, 3, activation="relu", input_shape=(8, 8, 1)),
            layers.Flatten(),
            layers.Dense(10),
        ]
    )
    for name in ("model.keras", "model.h5", "saved"):
        model.save(folder / name)
    code = tf.keras.Sequential([layers.Lambda(lambda x: x * 2, input_shape=(8, 8, 1)), model])
    code.save(folder / "saved-code")
    tf.saved_model.save(tf.Module(), str(folder / "exported"))
    with zipfile.ZipFile(KERAS_3) as made:
        for name in ("cnn", "polynomial"):
            (folder / f"three-{name}.keras").write_bytes(made.read(f"{name}.keras"))
    return folder


@pytest.mark.parametrize("name", ["model.keras", "model.h5", "saved", "three-cnn.keras"])
def test_a_float_model_is_quantized_on_the_way(
    keras_models: Path, tmp_path: Path, name: str
) -> None:
    output = tmp_path / "project"
    done = CliRunner().invoke(
        cli,
        [
            *("export", str(keras_models / name), "--target", "cortex-m4"),
            *("--calibration", "digits", "-o", str(output)),
        ],
        catch_exceptions=False,
    )
    assert done.exit_code == 0
    assert f"tinyml export {name} " in (output / "model.h").read_text()
    assert (output / "model.tflite").read_bytes()[4:8] == b"TFL3"

    import tinyml
    from tinyml import data

    predicted = tinyml.HostModel(output).predict(data.load("digits").test.x[:50])
    assert predicted.shape == (50, 5 if "three" in name else 10)
    assert len(np.unique(predicted, axis=0)) > 1


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("model.keras", [], "is a float model"),
        ("saved-code", ["--calibration", "digits"], "Lambda"),
        ("none.keras", ["--calibration", "digits"], "no such"),
        ("three-polynomial.keras", ["--calibration", "digits"], "Square 'square'"),
        ("exported", ["--calibration", "digits"], "without Keras' part"),
    ],
)
def test_refused(
    keras_models: Path, tmp_path: Path, name: str, options: list[str], said: str
) -> None:
    arguments = [str(keras_models / name), "--target", "cortex-m4", *options]
    with pytest.raises(InputError, match=said):
        CliRunner().invoke(
            command, [*arguments, "-o", str(tmp_path / "out")], catch_exceptions=False
        )
    assert list(tmp_path.iterdir()) == []
