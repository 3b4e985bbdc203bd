"""Makes data and dreams of the experiments in a work directory: python prepare.py WORK SHARED [NAME...].

SHARED holds data/ as the project's shared folder does. Every file is made once:

  data/mnist.npz, cifar10.npz, spoken.npz   the data sets, made by ../distill/prepare.py
  data/mnist-10000.npz, cifar10-10000.npz   what the clients hold together in the small experiments:
                                            10,000 training samples; the whole test split
  data/mnist-public.npz, ...                the server's own 500 samples, none of them a client's
  dreams/mnist-everything, ...              of a teacher trained on all that the clients hold
  dreams/mnist-public, ...                  of one trained on the server's samples alone
  dreams/mnist-warm-up, ...                 of the clients' own architecture, trained on those

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


def _dreams(data: str, model: str, training: str, dreaming: str) -> Maker:
    """Dreams of a teacher that is trained on `data` alone."""

    def make(path: Path, work: Path, shared: Path) -> None:
        teacher = work / "dreams" / f"{path.name}.keras"
        if not teacher.exists():
            _tinyml(f"train --data {work / data} --model {model} {training}", teacher)
        known = ""
        if "activation" in dreaming:
            metadata = teacher.with_suffix(".npz")
            known = f"--layer dense1 --metadata {metadata}"
            if not metadata.exists():
                looked = f"--teacher {teacher} --data {work / data} --fraction 1 --layer dense1"
                _tinyml(f"distill metadata {looked}", metadata)
        _tinyml(f"distill dream --teacher {teacher} {known} --count {DREAMS} {dreaming}", path)

    return make


def _tinyml(arguments: str, output: Path) -> None:
    command = [sys.executable, "-m", "tinyml", *arguments.split(), "-o", str(output)]
    subprocess.run(command, check=True)


def _of(name: str, teacher: str, clients: str, flags: str) -> dict[str, Maker]:
    """The parts of a data set and its three kinds of dreams."""
    everything, public = f"data/{name}-10000.npz", f"data/{name}-public.npz"
    fast = f"--method fast {flags}"
    return {
        f"data/{name}.npz": _whole,
        everything: _part(f"data/{name}.npz", 0, SAMPLES),
        public: _part(f"data/{name}.npz", SAMPLES, PUBLIC),
        f"dreams/{name}-everything": _dreams(
            everything, teacher, "--epochs 20 --batch-size 128 --learning-rate 0.004", fast
        ),
        f"dreams/{name}-public": _dreams(
            public, teacher, "--epochs 100 --batch-size 50 --learning-rate 0.004", fast
        ),
        # No batch normalisation, so what it dreams of is the public set's metadata
        f"dreams/{name}-warm-up": _dreams(
            public,
            clients,
            "--epochs 50 --batch-size 50 --learning-rate 0.001",
            f"--method activation --dream-steps 100 {flags}",
        ),
    }


MAKERS: dict[str, Maker] = {
    **_of("mnist", "resnet-8-16", "fedavg-cnn-mnist", "--total-variation 0.003"),
    **_of(
        "cifar10",
        "resnet-8-16",
        "fedavg-cnn-cifar",
        "--fast-pixel-steps 40 --dream-learning-rate 0.05",
    ),
    "data/spoken.npz": _whole,
}


if __name__ == "__main__":
    main()
