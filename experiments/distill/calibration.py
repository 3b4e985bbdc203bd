"""What calibrates int8, by DATA and TEACHER: python calibration.py DATA TEACHER NAME SEEDS [SPLIT].

DATA is a data set's name or file, TEACHER a model trained on it (resnet-*), SEEDS a number. For each
seed 250 samples calibrate: real ones, dreams by two methods, smooth noise, uniform noise. Judged are
the int8 programs, compiled for this machine and byte-exact with TFLM, on at most 1,000 samples of SPLIT
(test unless said otherwise): accuracy, agreement with the float network, signal-to-noise ratio of the
logits; and each tensor's range against that which real data gives, in octaves. Once for the teacher,
once for the same function made fragile. Writes records/calibration-NAME.json.

Fragile: inside each residual block, between first ReLU and second convolution, and behind the last
block, every channel is multiplied by a power of two, and the next layer's weights for it divided by the
same. ReLU, sums and averages let positive factors through, so the function stays what it was. The factors
make the channels' largest values on smooth noise about equal, by at most 2^5: channels that noise hardly
excites, but data does, become the loud ones. It is built to break calibration on noise; no real sample is
looked at for it.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from tinyml import data, run, targets
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
LARGEST_FACTOR = 2**5
PIXELS = PixelSettings(steps=60)


def main() -> None:
    source, path, name, seeds = sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    dataset, split = data.load(source), (sys.argv[5:] or ["test"])[0]
    judged = getattr(dataset, split)
    judged = Split(judged.x[:JUDGED], judged.y[:JUDGED])
    networks = {"ordinary": Teacher.load(path), "fragile": Teacher(_fragile(path), where=path)}
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
        "teacher": run.read_record(path)["settings"],
        "accuracy_float": float(np.mean(asked[0].argmax(1) == judged.y)),
        "fragile_logits_differ_by": float(np.abs(asked[0] - asked[1]).max()),
        "rows": rows,
    }
    RECORDS.mkdir(exist_ok=True)
    text = json.dumps(record, indent=1, sort_keys=True) + "\n"
    (RECORDS / f"calibration-{name}.json").write_text(text, encoding="utf-8")


def _images(teacher: Teacher, train: Split, seed: int) -> dict[str, np.ndarray]:
    """Calibration samples by source; the ordinary network's dreams serve the fragile one, too.

    Its deepinversion would be the same: the factors come after the batch norms whose input it matches.
    """
    rng = np.random.default_rng([seed, 30])
    known = summarise(teacher, "", train, Limits(), seed)
    found = {"real": train.x[rng.permutation(len(train))[:SAMPLES]]}
    for method in ("deepinversion", "activation"):
        tensorflow(seed)
        context = Context(teacher, PIXELS, known if method == "activation" else None)
        with tempfile.TemporaryDirectory() as scratch:
            plan = Plan((method,), SAMPLES, SAMPLES)
            found[method] = dreaming.make(plan, context, Path(scratch), seed).x
    for method in ("noise", "uniform"):
        found[method] = make(method, Context(teacher, PIXELS)).sample(SAMPLES, rng).start
    return found


def _fragile(path: Path) -> Any:
    """The model of a file, rescaled; see the module's text."""
    teacher, model = Teacher.load(path), files.load(path)
    x = make("noise", Context(teacher, PIXELS)).sample(SAMPLES, np.random.default_rng(0)).start
    blocks = [y.name.removesuffix("_relu1") for y in model.layers if y.name.endswith("_relu1")]
    for block in blocks:
        factors = _factors(model, f"{block}_relu1", x)
        _rescale(model, [f"{block}_conv1_bn"], f"{block}_conv2", factors)
    last = blocks[-1]
    norms = [f"{last}_conv2_bn", f"{last}_shortcut_bn"]
    _rescale(model, norms, "logits", _factors(model, f"{last}_relu2", x))
    return model


def _factors(model: Any, layer: str, x: np.ndarray) -> np.ndarray:
    """A power of two for each channel of a layer that makes all of them about as loud on x."""
    probe = tensorflow().keras.Model(model.inputs, model.get_layer(layer).output)
    loudest = np.asarray(probe(x)).max(axis=(0, 1, 2))
    wanted = loudest.max() / np.maximum(loudest, 1e-6)
    powers: np.ndarray = 2 ** np.round(np.log2(np.minimum(wanted, LARGEST_FACTOR)))
    return powers


def _rescale(model: Any, norms: list[str], after: str, factors: np.ndarray) -> None:
    """Multiply channels where batch norms make them, and divide where the next layer takes them."""
    for name in norms:
        norm = model.get_layer(name)
        norm.gamma.assign(norm.gamma * factors)
        norm.beta.assign(norm.beta * factors)
    kernel, *rest = model.get_layer(after).get_weights()
    model.get_layer(after).set_weights([kernel / factors[:, None], *rest])


def _compared(
    network: str, teacher: Teacher, images: dict[str, np.ndarray], judged: Split, seed: int
) -> list[dict[str, Any]]:
    made = {source: quantized_tflite(teacher.model, x) for source, x in images.items()}
    real, wanted = _ranges(made["real"]), teacher.answers(judged.x)
    rows = []
    for source, content in made.items():
        widths = _ranges(content)
        octaves = {tensor: float(np.log2(widths[tensor] / real[tensor])) for tensor in real}
        errors = np.array(list(octaves.values()))
        rows.append(
            {
                "network": network,
                "calibration": source,
                "seed": seed,
                **_outcome(_answers(content, judged.x), wanted, judged.y),
                "range_error_mean": float(np.abs(errors).mean()),
                "range_too_small": float(-errors.min()),
                "range_too_large": float(errors.max()),
                "octaves_by_tensor": octaves,
            }
        )
    return rows


def _ranges(content: bytes) -> dict[str, float]:
    """Width of what each int8 activation can hold, by its number and the last part of its name."""
    import tflite

    graph = tflite.Model.GetRootAsModel(content, 0).Subgraphs(0)
    found = {}
    for node in range(graph.OperatorsLength()):
        for place in range(graph.Operators(node).OutputsLength()):
            number = graph.Operators(node).Outputs(place)
            tensor = graph.Tensors(number)
            name = (tensor.Name() or b"").decode().rsplit(";")[0].strip("/")
            found[f"{number} {name[-60:]}"] = 255 * float(tensor.Quantization().Scale(0))
    return found


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
