"""What calibrates int8, by DATA and TEACHER: python calibration.py DATA TEACHER NAME SEEDS [SPLIT].

DATA is a data set's name or file, TEACHER a classifier trained on it that ends in pooled features and a
dense layer, SEEDS a number. For each seed 250 samples calibrate: real ones, dreams by three methods,
smooth noise, uniform noise. Judged are the int8 programs, compiled for this machine and byte-exact with
TFLM, on at most 1,000 samples of SPLIT (test unless said otherwise): accuracy, agreement with the float
network, signal-to-noise ratio of the logits; and each tensor's range against that which real data gives,
in octaves. Once for the teacher, once for the same function made fragile. A softmax at the end is left
out of both: the logits are compared. Writes records/calibration-NAME.json.

Fragile: before the dense layer comes another, with two ReLU units a class: the positive and the negative
part of (the class's logit less its mean on noise), multiplied by 1 or 2, whichever makes the largest
values on noise more alike. The dense layer undoes all that. ReLU makes the converter keep the two apart.
What data excites and noise does not lies outside the range that noise gives these units. It is built to
break calibration on noise, from 250 samples each of smooth and of uniform noise and the teacher alone.
No real sample and no dream is looked at for it; that it is done before the logits, and with a factor of
at most 2, was chosen on validation splits.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from tinyml import data, dreams, run, targets
from tinyml.codegen import program, project
from tinyml.data import Split
from tinyml.distill import dreaming
from tinyml.distill.metadata import summarise
from tinyml.distill.settings import Limits, PixelSettings, Plan
from tinyml.distill.synthesizers import Context, make
from tinyml.distill.teacher import Teacher
from tinyml.emulate.host import HostModel
from tinyml.kernels.base import Options
from tinyml.models import files
from tinyml.models.runtime import tensorflow
from tinyml.quantize.convert import quantized_tflite

RECORDS = Path(__file__).resolve().parent / "records"
SAMPLES = 250
JUDGED = 1000
LARGEST_FACTOR = 2
DREAMED = ("deepinversion", "activation", "fast")
DRAWN = ("noise", "uniform")
PIXELS = PixelSettings(steps=60)


def main() -> None:
    source, path, name, seeds = sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    dataset, split = data.load(source), (sys.argv[5:] or ["test"])[0]
    judged = getattr(dataset, split)
    judged = Split(judged.x[:JUDGED], judged.y[:JUDGED])
    networks = _networks(path)
    asked = [teacher.answers(judged.x) for teacher in networks.values()]
    rows = []
    for seed in range(seeds):
        images = _images(networks["ordinary"], dataset.train, seed)
        for network, teacher in networks.items():
            rows += _compared(network, teacher, images, judged, seed)
    record = {
        "data": name,
        "split": split,
        "judged": len(judged),
        "calibration_samples": SAMPLES,
        "dream_steps": PIXELS.steps,
        "teacher_sha256": run.sha256(path),
        "teacher": _recorded(path),
        "accuracy_float": float(np.mean(asked[0].argmax(1) == judged.y)),
        "fragile_logits_differ_by": float(np.abs(asked[0] - asked[1]).max()),
        "rows": rows,
    }
    RECORDS.mkdir(exist_ok=True)
    text = json.dumps(record, indent=1) + "\n"
    (RECORDS / f"calibration-{name}.json").write_text(text, encoding="utf-8")


def _recorded(path: Path) -> Any:
    """The settings that a model was trained with, if it was trained here."""
    return run.read_record(path)["settings"] if run.record_path(path).exists() else None


def _images(teacher: Teacher, train: Split, seed: int) -> dict[str, np.ndarray]:
    """Calibration samples by source; the ordinary network's dreams serve the fragile one, too.

    Its own would be the same: logits, features and what batch norms receive are.
    """
    rng = np.random.default_rng([seed, 30])
    known = summarise(teacher, "", train, Limits(), seed)
    found = {"real": train.x[rng.permutation(len(train))[:SAMPLES]]}
    for method in DREAMED:
        tensorflow(seed)
        context = Context(teacher, PIXELS, known if method == "activation" else None)
        with tempfile.TemporaryDirectory() as scratch:
            plan = Plan((method,), SAMPLES, SAMPLES)
            step = run.Step(Path(scratch) / "dreams")
            step.path.mkdir()
            dreaming.make(plan, context, step, seed)
            found[method] = dreams.read(step.path).x
    return {**found, **_noise(teacher, rng)}


def _noise(teacher: Teacher, rng: np.random.Generator) -> dict[str, np.ndarray]:
    context = Context(teacher, PIXELS)
    return {method: make(method, context).sample(SAMPLES, rng).start for method in DRAWN}


def _networks(path: Path) -> dict[str, Teacher]:
    """A teacher and the same made fragile, see the module's text; both give logits."""
    model = files.load(path)
    kernel, bias = model.layers[-1].get_weights()
    ordinary = Teacher(_ending(model, {"logits": (kernel, bias)}), where=path)
    noise = np.concatenate(list(_noise(ordinary, np.random.default_rng(0)).values()))
    without_bias = ordinary.answers(noise).astype(np.float64) - bias
    centre, signs = without_bias.mean(axis=0), np.kron([1, -1], np.eye(len(bias)))
    loudest = ((without_bias - centre) @ signs).max(axis=0)
    factors = 2 ** np.round(np.log2(np.minimum(loudest.max() / loudest, LARGEST_FACTOR)))
    layers = {
        "split": (kernel @ signs * factors, -centre @ signs * factors),
        "logits": ((signs / factors).T, bias + centre),
    }
    return {"ordinary": ordinary, "fragile": Teacher(_ending(model, layers), where=path)}


def _ending(model: Any, layers: dict[str, tuple[np.ndarray, np.ndarray]]) -> Any:
    """The model with its last layer replaced by dense ones of these names, kernels and biases."""
    keras = tensorflow().keras
    x = model.layers[-1].input
    for name, (kernel, bias) in layers.items():
        activation = None if name == "logits" else "relu"
        dense = keras.layers.Dense(kernel.shape[1], activation, name=name)
        x = dense(x)
        dense.set_weights([kernel, bias])
    return keras.Model(model.inputs, x)


def _compared(
    network: str, teacher: Teacher, images: dict[str, np.ndarray], judged: Split, seed: int
) -> list[dict[str, Any]]:
    made = {source: quantized_tflite(teacher.model, x) for source, x in images.items()}
    real, wanted = _ranges(made["real"]), teacher.answers(judged.x)
    rows = []
    for source, content in made.items():
        widths = _ranges(content)
        errors = np.log2(np.array(list(widths.values())) / list(real.values()))
        rows.append(
            {
                "network": network,
                "calibration": source,
                "seed": seed,
                **_outcome(_answers(content, judged.x), wanted, judged.y),
                "range_error_mean": float(np.abs(errors).mean()),
                "range_too_small": float(-errors.min()),
                "range_too_large": float(errors.max()),
                "octaves": dict(zip(real, errors.tolist())),
            }
        )
    return rows


def _ranges(content: bytes) -> dict[str, float]:
    """Width of what each int8 activation can hold, in the order of execution."""
    import tflite

    graph = tflite.Model.GetRootAsModel(content, 0).Subgraphs(0)
    found = {"input": _width(graph.Tensors(graph.Inputs(0)))}
    for node in range(graph.OperatorsLength() - 1):
        tensor = graph.Tensors(graph.Operators(node).Outputs(0))
        name = tensor.Name().decode().split(";")[0].split("/")[1]
        found[name] = _width(tensor)
    return {**found, "logits": _width(graph.Tensors(graph.Outputs(0)))}


def _width(tensor: Any) -> float:
    return 255 * float(tensor.Quantization().Scale(0))


def _answers(content: bytes, x: np.ndarray) -> np.ndarray:
    """Logits of the generated C, compiled for this machine."""
    board = targets.find("cortex-m4")
    with tempfile.TemporaryDirectory() as scratch:
        model, directory = Path(scratch) / "model.tflite", Path(scratch) / "project"
        model.write_bytes(content)
        directory.mkdir()
        compiled = program.compile_model(model, options=Options(board.processor))
        project.write(directory, compiled, board, model, run.sha256(model), "model")
        return HostModel(directory).predict(x)


def _outcome(given: np.ndarray, wanted: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Accuracy, agreement with the float network, and the logits' signal-to-noise ratio in dB."""
    noise = np.mean((given - wanted) ** 2)
    return {
        "accuracy": float(np.mean(given.argmax(axis=1) == y)),
        "agreement": float(np.mean(given.argmax(axis=1) == wanted.argmax(axis=1))),
        "logit_snr_db": float(10 * np.log10(np.mean(wanted**2) / noise)),
    }


if __name__ == "__main__":
    main()
