"""Runs what the configurations ask for and is not recorded yet: python run.py [CONFIG.toml ...].

Each run is a `tinyml federate` of its own. It may be stopped at any time, kill -9 included: started
again, it goes on in the middle of the run that it was in. Without arguments: all configurations.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from plan import Planned, planned

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def main() -> int:
    asked = _arguments()
    runs = [run for config in asked.configs for run in planned(config)]
    runs = list({run.name: run for run in runs}.values())  # configurations may overlap
    runs.sort(
        key=lambda run: run.seed
    )  # one seed of everything comes before the second of anything
    runs = [run for run in runs if not asked.only or any(part in run.name for part in asked.only)]
    todo = [run for run in runs if not (asked.records / f"{run.name}.json").exists()]
    print(f"{len(runs)} runs, {len(runs) - len(todo)} of them recorded", flush=True)
    if asked.list:
        print("\n".join(run.name for run in todo))
        return 0
    asked.records.mkdir(exist_ok=True)
    return 1 if [run for run in todo if not _run(run, asked)] else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    everything = sorted((HERE / "configs").glob("*.toml"))
    parser.add_argument("configs", nargs="*", type=Path, default=everything)
    parser.add_argument("--data", type=Path, default=ROOT / "out/data", help="NAME.npz or NAME/")
    parser.add_argument(
        "--dreams", type=Path, default=ROOT / "out/dreams", help="directories NAME/"
    )
    parser.add_argument("--work", type=Path, default=ROOT / "out/federated", help="runs and starts")
    parser.add_argument("--records", type=Path, default=HERE / "records")
    parser.add_argument(
        "--only", action="append", metavar="PART", help="only runs with PART in their name"
    )
    parser.add_argument("--list", action="store_true", help="only tell what is still to be run")
    return parser.parse_args()


def _run(run: Planned, asked: argparse.Namespace) -> bool:
    """One run and its record; False when it failed."""
    output = asked.work / run.name
    print(run.name, flush=True)
    if not (output / "run.json").exists():
        file = asked.data / f"{run.dataset}.npz"
        data = file if file.exists() else asked.data / run.dataset
        start = asked.work / "starts" / f"{run.model}-{run.dataset}-seed{run.seed}.keras"
        if not start.exists():
            start.parent.mkdir(parents=True, exist_ok=True)
            made = [HERE / "start.py", run.model, data, str(run.seed), start]
            subprocess.run([sys.executable, *made], check=True)
        command = ["federate", *run.arguments(data, asked.dreams, start), "-o", str(output)]
        done = subprocess.run([sys.executable, "-m", "tinyml", *command], check=False)
        if done.returncode:
            return False
    record = json.dumps(_record(run, output), sort_keys=True, indent=1) + "\n"
    (asked.records / f"{run.name}.json").write_text(record, encoding="utf-8")
    return True


def _record(run: Planned, output: Path) -> dict[str, Any]:
    """What summary.py and a reader need of a run; nothing of this machine but its times."""
    made = json.loads((output / "run.json").read_text(encoding="utf-8"))
    text = (output / "history.jsonl").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    measured = [line for line in lines if line["test_accuracy"] is not None]
    kept = ("round", "test_accuracy", "train_accuracy", "test_loss", "train_loss")
    emd = json.loads((output / "partition.json").read_text(encoding="utf-8"))["emd"]
    return {
        "dataset": run.dataset,
        "model": run.model,
        "options": run.options,
        "seed": run.seed,
        "metrics": made["metrics"],
        "versions": made["versions"],
        "emd": [round(value, 4) for value in emd],
        "history": {key: [_short(line[key]) for line in measured] for key in kept},
        "divergence": [line["divergence"] for line in lines if line["divergence"]],
    }


def _short(value: float) -> float:
    return round(value, 5)


if __name__ == "__main__":
    sys.exit(main())
