"""Write keras-VERSION.zip beside this file: small models, and what Keras 3 says of some inputs.

    python tests/models/make_keras3.py

Needs Keras 3 and one of its backends, which the lock has not (TensorFlow's own Keras is 2), so the files are
committed. In each zip: NAME.keras or NAME.h5 and NAME.npz with x0, x1, ... and y0, y1, ..., float32.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import keras
import numpy as np
from keras import layers, ops


def cnn() -> keras.Model:
    return keras.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.RandomFlip("horizontal"),
            layers.Rescaling(2.0, -1),
            layers.Conv2D(4, 3, padding="same", kernel_regularizer=keras.regularizers.L2(1e-4)),
            layers.BatchNormalization(),
            layers.ReLU(6.0),
            layers.DepthwiseConv2D(3, strides=2, padding="same", use_bias=False),
            layers.BatchNormalization(epsilon=1e-5),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Dropout(0.2),
            layers.Conv2D(6, 1, activation="hard_silu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(5, activation="softmax"),
        ]
    )


def operations() -> keras.Model:
    image = layers.Input((6, 6, 3), name="image")
    x = image / 255.0 * 200.0 - 0.5
    x = layers.Conv2D(4, 3, padding="same")(x)
    y = layers.Activation("hard_sigmoid")(layers.BatchNormalization(name="first_norm")(x))
    y = layers.SeparableConv2D(4, 3, padding="same")(1.0 - y)
    x = ops.relu(x * y + x)
    z = layers.Conv2D(4, 1)(x)
    x = layers.Concatenate()([layers.add([x, z]), z])
    x = layers.GlobalAveragePooling2D()(ops.relu6(x))
    return keras.Model(image, [ops.softmax(layers.Dense(3)(x)), ops.sigmoid(layers.Dense(2)(x))])


def nested() -> keras.Model:
    inner = layers.Input((8, 8, 3))
    backbone = keras.Model(
        inner, layers.BatchNormalization()(layers.Conv2D(4, 3)(inner)), name="backbone"
    )
    head = keras.Sequential(
        [
            layers.Input((6, 6, 4)),
            layers.Conv2D(4, 3),
            layers.BatchNormalization(),
            layers.Conv2D(2, 1),
        ]
    )
    image = layers.Input((8, 8, 3))
    x = head(backbone(image, training=False))
    x = layers.Reshape((2,))(layers.GlobalAveragePooling2D(keepdims=True)(x))
    return keras.Model(image, layers.Dense(2)(x))


def recurrent() -> keras.Model:
    return keras.Sequential(
        [
            layers.Input((5, 4)),
            layers.LSTM(6, return_sequences=True),
            layers.TimeDistributed(layers.Dense(5)),
            layers.Bidirectional(layers.GRU(3)),
            layers.Dense(2),
        ]
    )


def signal() -> keras.Model:
    adapted = layers.Normalization(axis=-1)
    adapted.adapt(np.random.default_rng(0).normal(3, 2, (50, 16, 3)).astype("float32"))
    return keras.Sequential(
        [
            layers.Input((16, 3)),
            adapted,
            layers.Conv1D(4, 3, activation="relu"),
            layers.ZeroPadding1D(1),
            layers.SeparableConv1D(5, 3),
            layers.PReLU(shared_axes=[1]),
            layers.LayerNormalization(),
            layers.GlobalMaxPooling1D(),
            layers.Dense(3),
        ]
    )


def shared() -> keras.Model:
    first, second = layers.Input((4,), name="first"), layers.Input((4,), name="second")
    dense = layers.Dense(3, kernel_initializer="orthogonal")
    x, y = dense(first), dense(second)
    return keras.Model([first, second], [layers.subtract([x, y]), layers.multiply([x, y])])


def half_precision() -> keras.Model:
    return keras.Sequential([layers.Input((4,)), layers.Dense(3, dtype="mixed_bfloat16")])


def polynomial() -> keras.Model:
    given = layers.Input((4,))
    return keras.Model(given, layers.Dense(3)(ops.square(given)))


def dictionary() -> keras.Model:
    given = layers.Input((4,), name="given")
    return keras.Model({"given": given}, layers.Dense(3)(given))


def solarized() -> keras.Model:
    return keras.Sequential([layers.Input((4, 4, 1)), layers.Solarization(), layers.Flatten()])


REFUSED = (polynomial, dictionary, solarized)
READ = (cnn, operations, nested, recurrent, signal, shared, half_precision)
AS_HDF5 = (cnn, nested)


def main() -> None:
    made = Path(__file__).with_name(f"keras-{keras.__version__}.zip")
    with (
        TemporaryDirectory() as folder,
        zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for make in (*READ, *REFUSED):
            if make is solarized and not hasattr(layers, "Solarization"):
                continue  # before Keras 3.8
            keras.utils.set_random_seed(3)
            model = make()
            answered = _answers(model, np.random.default_rng(1)) if make in READ else {}
            names = [f"{make.__name__}.keras"]
            if make in AS_HDF5 and not keras.__version__.startswith("3.0."):  # it fails in nested
                names.append(f"{make.__name__}.h5")
            for name in names:
                model.save(Path(folder, name))
                archive.write(Path(folder, name), name)
            if answered:
                buffer = io.BytesIO()
                np.savez(buffer, **answered)
                archive.writestr(f"{make.__name__}.npz", buffer.getvalue())


def _answers(model: keras.Model, random: np.random.Generator) -> dict[str, np.ndarray]:
    """Give the model random weights; inputs and its outputs."""
    for weight in model.trainable_weights:
        weight.assign(random.normal(0, 0.5, weight.shape))
    for weight in model.non_trainable_weights:
        if weight.path.endswith(("moving_mean", "moving_variance")):
            weight.assign(random.uniform(0.5, 1.5, weight.shape))
    shapes = [(3, *given.shape[1:]) for given in model.inputs]
    given = [random.uniform(0, 1, shape).astype("float32") for shape in shapes]
    said = model(given if len(given) > 1 else given[0], training=False)
    said = said if isinstance(said, (list, tuple)) else [said]
    return {f"x{k}": x for k, x in enumerate(given)} | {
        f"y{k}": np.asarray(y, "float32") for k, y in enumerate(said)
    }


if __name__ == "__main__":
    main()
