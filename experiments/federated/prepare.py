"""Makes data and dreams of the experiments in a work directory: python prepare.py WORK SHARED [NAME...].

SHARED holds data/ as the project's shared folder does. Every file is made once:

  data/mnist.npz, cifar10.npz, spoken.npz   the data sets, made by ../distill/prepare.py
  data/mnist-10000.npz, cifar10-10000.npz   what the clients hold together in the small experiments:
                                            10,000 training samples; the whole test split
  data/mnist-public.npz, ...                the server's own 500 samples, none of them a client's
  dreams/mnist-everything, ...              of a network as the clients', trained on all that they hold,
                                            by metadata of a tenth of it
  dreams/mnist-public, ...                  the same, trained on the server's samples alone
  dreams/mnist-warm-up, ...                 the same, and just begun, as the server's is after its warm-up
  dreams/cifar10-uniform-everything         as cifar10-everything, but from uniform noise
  dreams/mnist-resnet-everything, ...       of a network with batch norms, without metadata: `fast`
  dreams/mnist-resnet-public, ...           the same, trained on the server's samples alone

Each set of dreams holds 1,500, three times the shared set of 5 %.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
SAMPLES, PUBLIC, DREAMS = 10_000, 500, 1_500
Maker = Callable[[Path, Path, Path], None]  # (what to make, WORK, SHARED)


def main() -> None:
    work, shared = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    for name in sys.argv[3:] or list(MAKERS):
        path = work / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            MAKERS[name](path, work, shared)
            print(path, flush=True)


def _whole(path: Path, work: Path, shared: Path) -> None:
    script = HERE.parent / "distill/prepare.py"
    command = [sys.executable, script, work, shared, path.relative_to(work)]
    subprocess.run(command, check=True)


def _part(source: str, first: int, count: int) -> Maker:
    """`count` training samples from the `first` one on, in an order drawn with seed 0."""

    def make(path: Path, work: Path, shared: Path) -> None:
        with np.load(work / source) as stored:
            arrays = {name: stored[name] for name in stored.files}
        order = np.random.default_rng(0).permutation(len(arrays["y_train"]))
        for name in ("x_train", "y_train"):
            arrays[name] = arrays[name][order[first : first + count]]
        scratch = path.with_name(f".{path.name}")
        np.savez(scratch, **arrays)
        scratch.rename(path)

    return make


def _dreams(data: str, model: str, training: str, dreaming: str, looked: str = "") -> Maker:
    """Dreams of a teacher that is trained on `data` alone, by its metadata where `looked` says how."""

    def make(path: Path, work: Path, shared: Path) -> None:
        teacher = work / "dreams" / f"{path.name}.keras"
        metadata = teacher.with_suffix(".npz")
        if not teacher.exists():
            _tinyml(f"train --data {work / data} --model {model} {training}", teacher)
        if looked and not metadata.exists():
            flags = f"--teacher {teacher} --data {work / data} {looked}"
            _tinyml(f"distill metadata {flags}", metadata)
        known = f"--metadata {metadata}" if looked else ""
        _tinyml(f"distill dream --teacher {teacher} {known} --count {DREAMS} {dreaming}", path)

    return make


def _tinyml(arguments: str, output: Path) -> None:
    command = [sys.executable, "-m", "tinyml", *arguments.split(), "-o", str(output)]
    subprocess.run(command, check=True)


def _of(name: str, clients: str, prior: str, fast: str) -> dict[str, Maker]:
    """The parts of a data set and its kinds of dreams."""
    everything, public = f"data/{name}-10000.npz", f"data/{name}-public.npz"
    # The clients' networks have no batch norm: they dream of their metadata, at the last hidden layer
    layer = "--layer dense1" if name == "mnist" else "--layer dense2"
    slow = f"--method activation --dream-steps 100 {layer} {prior}"
    many, few = "--learning-rate 0.001 --batch-size 50", "--learning-rate 0.004 --batch-size 50"
    return {
        f"data/{name}.npz": _whole,
        everything: _part(f"data/{name}.npz", 0, SAMPLES),
        public: _part(f"data/{name}.npz", SAMPLES, PUBLIC),
        f"dreams/{name}-everything": _dreams(
            everything, clients, f"{many} --epochs 8", slow, f"{layer} --fraction 0.1"
        ),
        f"dreams/{name}-public": _dreams(
            public, clients, f"{many} --epochs 50", slow, f"{layer} --fraction 1"
        ),
        f"dreams/{name}-warm-up": _dreams(
            public, clients, f"{many} --epochs 5", slow, f"{layer} --fraction 1"
        ),
        f"dreams/{name}-resnet-everything": _dreams(
            everything, "resnet-8-16", "--learning-rate 0.004 --batch-size 128 --epochs 20", fast
        ),
        f"dreams/{name}-resnet-public": _dreams(public, "resnet-8-16", f"{few} --epochs 100", fast),
    }


# Chosen by what the clients' network learns of 500 such dreams, on the validation split
_NATURAL = "--dream-natural --dream-learning-rate 0.02 --dream-flip --total-variation 1"

MAKERS: dict[str, Maker] = {
    **_of(
        "mnist",
        "fedavg-cnn-mnist",
        "--total-variation 0.003",
        "--method fast --total-variation 0.003",
    ),
    **_of(
        "cifar10",
        "fedavg-cnn-cifar",
        _NATURAL,
        "--method fast --fast-pixel-steps 40 --dream-learning-rate 0.05",
    ),
    "dreams/cifar10-uniform-everything": _dreams(
        "data/cifar10-10000.npz",
        "fedavg-cnn-cifar",
        "--learning-rate 0.001 --batch-size 50 --epochs 8",
        "--method activation --dream-steps 100 --layer dense2",
        "--layer dense2 --fraction 0.1",
    ),
    "data/spoken.npz": _whole,
}


if __name__ == "__main__":
    main()
