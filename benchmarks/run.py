"""Counts every model at hand with `tinyml bench` and writes benchmarks/results.json.

The MLPerf Tiny reference models are read from a folder given by --models (default: ../shared/models);
what is not there is left as it was recorded.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results.json"
MODELS = {
    "small (tests)": HERE.parent / "tests/models/small.tflite",
    "KWS, DS-CNN (MLPerf Tiny)": Path("kws_ref_model.tflite"),
    "IC, ResNet-8 (MLPerf Tiny)": Path("pretrainedResnet_quant.tflite"),
}


def count(name: str, model: Path, target: str) -> dict[str, Any]:
    """One row of the results."""
    command = [sys.executable, "-m", "tinyml", "bench", str(model), "--target", target, "--json"]
    result = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return {
        "model": name,
        "target": target,
        "kernels": result["kernels"],
        "instructions": result["instructions"]["mean"],
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
    rows = (
        {row["model"]: row for row in json.loads(RESULTS.read_text())} if RESULTS.exists() else {}
    )
    for name, path in MODELS.items():
        model = path if path.is_absolute() else folder / path
        if model.exists():
            rows[name] = count(name, model, "cortex-m4")
            print(
                f"{name}: {rows[name]['instructions']:,} instructions, exact: {rows[name]['exact']}"
            )
        else:
            print(f"{name}: {model} is not here; its record stays as it is")
    kept = [rows[name] for name in MODELS if name in rows]
    RESULTS.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
