"""Writes an untrained model, the start of a run: python start.py MODEL DATA SEED OUTPUT.keras."""

from __future__ import annotations

import sys
from pathlib import Path

from tinyml import data
from tinyml.models import files, registry
from tinyml.models.runtime import tensorflow


def main(model: str, source: str, seed: str, output: str) -> None:
    tensorflow(int(seed))
    dataset = data.load(source)
    files.save(registry.build(model, dataset.shape, dataset.classes), Path(output))


if __name__ == "__main__":
    main(*sys.argv[1:])
