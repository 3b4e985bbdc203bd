"""Counts every model at hand with `tinyml bench` and writes benchmarks/results.json.

The MLPerf Tiny reference models are read from a folder given by --models (default: ../shared/models), and
CMSIS-NN is taken from where `tinyml export --kernels cmsis-nn` finds it. What is not there is left as it
was recorded.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results.json"
MODELS = {
    "small (tests)": HERE.parent / "tests/models/small.tflite",
    "KWS, DS-CNN (MLPerf Tiny)": Path("kws_ref_model.tflite"),
    "IC, ResNet-8 (MLPerf Tiny)": Path("pretrainedResnet_quant.tflite"),
}


@dataclass(frozen=True)
class Build:
    """The options of one build."""

    target: str
    kernels: str
    optimize: str


BUILDS = (
    Build("cortex-m4", "cmsis-nn", "balanced"),
    Build("cortex-m4", "tinyml", "balanced"),
    Build("cortex-m4", "tinyml", "speed"),
    Build("cortex-m4", "tinyml", "size"),
    Build("cortex-m4", "tinyml", "ram"),
    Build("cortex-m3", "cmsis-nn", "balanced"),
    Build("cortex-m3", "tinyml", "balanced"),
    Build("cortex-m0plus", "tinyml", "balanced"),
    Build("cortex-m55", "cmsis-nn", "balanced"),
    Build("cortex-m55", "auto", "balanced"),
)
# Every model on boards with the same drivers: some would fit on a core's small board, some not.
BOARDS = {"cortex-m0plus": "mps2-an385-m0plus"}


def count(model: Path, build: Build) -> dict[str, Any] | None:
    """What one build costs; None when a tool for it is missing, which is said."""
    named = {**asdict(build), "target": BOARDS.get(build.target, build.target)}
    options = [f"--{name}={value}" for name, value in named.items()]
    command = [sys.executable, "-m", "tinyml", "bench", str(model), *options, "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode == 2:
        print(done.stderr.strip())
        return None
    if done.returncode:
        sys.exit(done.stderr)
    result = json.loads(done.stdout)
    return {
        "instructions": result["instructions"]["mean"],
        "cycles_estimate": result["cycles_estimate"],
        "code_bytes": result["flash_bytes"]["code"],
        "weight_bytes": result["flash_bytes"]["weights"],
        "arena_bytes": result["arena_bytes"],
        "stack_bytes": result["stack_bytes"],
        "macs": result["macs"],
        "exact": result["exact"],
        "judge": result["judge"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=HERE.parent.parent / "shared/models")
    folder = parser.parse_args().models
    known = {
        (row["model"], Build(row["target"], row["kernels"], row["optimize"])): row
        for row in json.loads(RESULTS.read_text("utf-8"))
    }
    rows = []
    for name, path in MODELS.items():
        model = path if path.is_absolute() else folder / path
        if not model.exists():
            print(f"{name}: {model} is not here; its records stay as they are")
        for build in BUILDS:
            counted = count(model, build) if model.exists() else None
            row = (
                {"model": name, **asdict(build), **counted} if counted else known.get((name, build))
            )
            if row:
                rows.append(row)
                said = ", ".join(asdict(build).values())
                print(f"{name}, {said}: {row['instructions']:,} instructions", flush=True)
    RESULTS.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
