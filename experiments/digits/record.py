"""Writes record.json from a finished run of the demo: python experiments/digits/record.py [OUT]."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


def main() -> None:
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parents[1] / "out/digits"
    page = out / "report.html"
    command = [sys.executable, "-m", "tinyml", "report", out, "-o", page, "--force", "--json"]
    done = subprocess.run([*map(str, command)], check=True, capture_output=True, text=True)
    told = json.loads(done.stdout)
    told.pop("output")  # a path of this machine
    record = {**told, "steps": [_step(path) for path in _records(out)]}
    (HERE / "record.json").write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")


def _records(out: Path) -> list[Path]:
    return sorted([*out.glob("*.run.json"), *out.glob("*/run.json")])


def _step(path: Path) -> dict[str, Any]:
    """Command, seed, settings, metrics and seconds of one step; no path of this machine."""
    record = json.loads(path.read_text(encoding="utf-8"))
    kept = ("command", "seed", "versions", "wall_seconds", "cpu_seconds", "peak_memory_bytes")
    name = path.parent.name if path.name == "run.json" else path.name.removesuffix(".run.json")
    return {"output": name, **{key: record[key] for key in kept}}


if __name__ == "__main__":
    main()
