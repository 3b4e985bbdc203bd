"""Sums the records up: python summary.py writes summary.json, the tables in README.md and the plots."""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from tables import tables

from tinyml.federated import plots

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HERE = Path(__file__).resolve().parent
_BEGIN, _END = "<!-- made by summary.py -->\n", "<!-- end -->\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=Path, default=HERE / "records")
    parser.add_argument("--output", type=Path, default=HERE, help="where README.md lies")
    asked = parser.parse_args()
    records = [json.loads(path.read_text("utf-8")) for path in sorted(asked.records.glob("*.json"))]
    summary = summarise(records, tomllib.loads((HERE / "paper.toml").read_text("utf-8")))
    text = json.dumps([{k: row[k] for k in _FIELDS} for row in summary], indent=1)
    (asked.output / "summary.json").write_text(text + "\n", encoding="utf-8")
    _write_tables(asked.output / "README.md", tables(summary))
    draw(asked.output, summary)


_FIELDS = (
    *("dataset", "partition", "emd", "strategy", "share", "share_alpha", "source", "epochs"),
    *("batch", "rounds", "seeds", "accuracy_mean", "accuracy_sd", "paper"),
)


def summarise(records: list[dict[str, Any]], paper: dict[str, Any]) -> list[dict[str, Any]]:
    """One entry for each setting, over its seeds, in a fixed order.

    Accuracies lie in [0, 1] and are those after the last round; the standard deviation is the
    sample's, None for one seed. `paper` is the accuracy of arXiv 1806.00582, where it has one.
    """
    groups = defaultdict(list)
    for record in records:
        key = (record["dataset"], record["model"], json.dumps(record["options"], sort_keys=True))
        groups[key].append(record)
    return [_entry(groups[key], paper) for key in sorted(groups)]


def _entry(runs: list[dict[str, Any]], paper: dict[str, Any]) -> dict[str, Any]:
    first, options = runs[0], runs[0]["options"]
    by_seed = {run["seed"]: run["metrics"]["accuracy_after"] for run in runs}
    accuracies = list(by_seed.values())
    layers = [run["divergence"][0] for run in runs if run["divergence"]]
    share = options.get("share", 0.0)
    entry = {
        "dataset": first["dataset"],
        "model": first["model"],
        "partition": options.get("partition", "iid"),
        "emd": round(float(np.mean([run["metrics"]["emd_mean"] for run in runs])), 4),
        "strategy": options.get("strategy", "fedavg"),
        "share": share,
        "share_alpha": options.get("share-alpha", 0.5) if share else None,
        "source": options.get("share-source", "real") if share else None,
        "epochs": options.get("epochs", 1),
        "batch": options.get("batch", 10),
        "rounds": first["metrics"]["rounds"],
        "seeds": len(runs),
        "by_seed": by_seed,
        "accuracy_mean": round(float(np.mean(accuracies)), 5),
        "accuracy_sd": round(float(np.std(accuracies, ddof=1)), 5) if len(runs) > 1 else None,
        "divergence": {k: float(np.mean([one[k] for one in layers])) for k in layers[0]}
        if layers
        else None,
    }
    return {**entry, "paper": _of_paper(entry, paper)}


def _of_paper(entry: dict[str, Any], paper: dict[str, Any]) -> float | None:
    """The paper's accuracy for plain FedAvg of one local epoch, where it has it: on all the data."""
    known = paper.get(entry["dataset"].removesuffix("-10000"))
    if known is None or entry["strategy"] != "fedavg" or entry["share"] or entry["epochs"] != 1:
        return None
    if entry["partition"] == "iid":
        return float(known["baseline"])
    for lost in known["lost"]:
        if (lost["partition"], lost["batch"]) == (entry["partition"], entry["batch"]):
            return round(known["baseline"] - lost["points"] / 100, 5)
    return None


def _write_tables(page: Path, text: str) -> None:
    known = page.read_text(encoding="utf-8") if page.exists() else _BEGIN + _END
    before, after = known.split(_BEGIN)[0], known.split(_END)[-1]
    page.write_text(f"{before}{_BEGIN}\n{text}\n{_END}{after}", encoding="utf-8")


def draw(output: Path, summary: list[dict[str, Any]]) -> None:
    """Accuracy and the first round's divergence against EMD: the paper's two figures."""
    plain = [row for row in summary if row["strategy"] == "fedavg" and not row["share"]]
    series = defaultdict(list)
    layers: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for row in sorted(plain, key=lambda row: row["emd"]):
        name = f"{row['dataset']}, B = {row['batch']}, {row['rounds']} rounds"
        series[name].append((row["emd"], row["accuracy_mean"], row["accuracy_sd"] or 0.0))
        for layer, value in (row["divergence"] or {}).items():
            layers[row["dataset"]][layer].append((row["emd"], value, 0.0))
    plots.against_emd(output / "accuracy-emd.png", series, "accuracy on test samples")
    for dataset, found in layers.items():
        label = f"||w - w_sgd|| / ||w_sgd|| after round 1\n{dataset}"
        plots.against_emd(output / f"divergence-emd-{dataset}.png", found, label)


if __name__ == "__main__":
    main()
