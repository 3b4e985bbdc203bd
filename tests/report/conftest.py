"""A whole way from teacher to firmware: records by the real `run.step`, a real export, small outputs."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tinyml import run, targets
from tinyml.cli import projects
from tinyml.codegen import program, project
from tinyml.emulate import footprint

SMALL = Path(__file__).resolve().parents[1] / "models/small.tflite"


def png(width: int = 2, height: int = 2) -> bytes:
    """A grey PNG."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + crc

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"".join(b"\0" + b"\x80" * width for _ in range(height)))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


class Way:
    """Writes outputs of steps into a directory, each with its record."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def file(
        self,
        command: str,
        name: str,
        metrics: Mapping[str, Any],
        content: bytes | None = None,
        seed: int | None = 0,
        settings: Mapping[str, Any] | None = None,
        **inputs: Path,
    ) -> Path:
        """An output that is a file; its content is its name unless given."""
        output = self.root / name
        with run.step(command, output, inputs=inputs, settings=settings or {}, seed=seed) as step:
            step.path.write_bytes(name.encode() if content is None else content)
            step.metrics.update(metrics)
        return output

    def folder(
        self,
        command: str,
        name: str,
        metrics: Mapping[str, Any],
        files: Mapping[str, bytes],
        settings: Mapping[str, Any] | None = None,
        **inputs: Path,
    ) -> Path:
        """An output that is a directory."""
        output = self.root / name
        options = {"settings": settings or {}, "seed": 0, "directory": True}
        with run.step(command, output, inputs=inputs, **options) as step:
            for file, content in files.items():
                (step.path / file).write_bytes(content)
            step.metrics.update(metrics)
        return output

    def teacher(self, name: str = "teacher.keras", accuracy: float = 0.99) -> Path:
        settings = {"data": "digits", "model": "resnet-8-20", "epochs": 40, "augment": True}
        metrics = {
            "accuracy_test": accuracy,
            "accuracy_by_class": [1.0, 0.98],
            "classes": ["cat", "dog"],
            "parameters": 121870,
        }
        return self.file("train", name, metrics, settings=settings)

    def metadata(self, teacher: Path) -> Path:
        settings = {"data": "digits", "fraction": 0.1, "layer": None}
        return self.file(
            "distill metadata", "metadata.npz", {"clusters": 2}, settings=settings, teacher=teacher
        )

    def dreams(self, name: str, method: str, teacher: Path, **metadata: Path) -> Path:
        metrics = {
            "dreams": 40,
            "agreement": 0.95,
            "agreement_by_class": [1.0, None],
            "teacher_labels": [30, 10],
            "synthesis_seconds": 1.5,
        }
        settings = {"methods": [method], "count": 40, "batch_size": 20, "layer": None}
        files = {"shard-00000.npz": name.encode(), "dreams.png": png()}
        return self.folder(
            "distill dream", name, metrics, files, settings, teacher=teacher, **metadata
        )

    def student(self, name: str, accuracy: float, teacher: Path, dreams: Path) -> Path:
        settings = {
            "student": "resnet-8-10",
            "dreams": [str(dreams)],
            "data": "digits",
            "augment": False,
            "init": "random",
        }
        metrics = {"accuracy_test": accuracy, "parameters": 31140}
        inputs = {"teacher": teacher, "dreams": dreams}
        return self.file("distill student", name, metrics, settings=settings, **inputs)

    def federated(self, name: str, accuracy: float, model: Path, **dreams: Path) -> Path:
        source = f"dreams:{dreams['dreams']}" if dreams else "real"
        shared = 12 if dreams else 0
        rounds = [
            {
                "round": n,
                "test_accuracy": accuracy - 0.01 * (2 - n),
                "divergence": {"conv": 0.01 * n, "dense": 0.02 * n} if n else None,
            }
            for n in range(3)
        ]
        labels = {"labels": [[20, 0], [0, 30]], "labels_shared": [[shared // 2] * 2] * 2}
        files = {
            "model.keras": f"weights of {name}".encode(),
            "history.jsonl": "\n".join(map(json.dumps, rounds)).encode(),
            "partition.json": json.dumps(labels).encode(),
        }
        metrics = {
            "accuracy_after": accuracy,
            "parameters": 30510,
            "test_samples": 360,
            "shared_samples": shared,
            "emd_mean": 1.8,
            "emd_mean_with_shared": 1.2 if dreams else 1.8,
        }
        settings = {
            "data": "digits",
            "share_source": source,
            "clients": 2,
            "rounds": 2,
            "allow_unsafe": False,
        }
        return self.folder("federate", name, metrics, files, settings, model=model, **dreams)

    def int8(self, model: Path, dreams: Path, name: str = "model.tflite") -> Path:
        metrics = {"accuracy_quantized": 0.97, "test_samples": 360, "bytes": SMALL.stat().st_size}
        settings = {"calibration": f"dreams:{dreams}", "data": "digits"}
        inputs = {"model": model, "calibration": dreams}
        return self.file("quantize", name, metrics, SMALL.read_bytes(), settings=settings, **inputs)

    def firmware(
        self,
        model: Path,
        name: str = "firmware",
        prefix: str = "digits",
        measured: bool = False,
    ) -> Path:
        """A real export; with `measured`, of a firmware that was compiled, too."""
        output = self.root / name
        settings = {"target": "cortex-m4", "prefix": prefix}
        inputs = {"model": model}
        with run.step("export", output, inputs=inputs, settings=settings, directory=True) as step:
            compiled = program.compile_model(model)
            board = targets.find("cortex-m4")
            project.write(step.path, compiled, board, model, run.sha256(model), prefix)
            if measured:
                footprint.measure(step.path)
        return output

    def validation(
        self, firmware: Path, name: str = "validation.json", different: int = 0, **more: Any
    ) -> Path:
        verdict = {
            "exact": not different,
            "samples": 360,
            "bytes_compared": 3600,
            "bytes_different": different,
            "first_different_sample": 7 if different else None,
            "emulator": "qemu",
            "judge": "TFLM",
            "accuracy": 0.97,
            "instructions": {"min": 9000, "mean": 10000, "max": 11000},
            "flash_bytes": {"weights": 1000, "code": 500, "vectors": 64, "total": 1564},
            "ram_bytes": 700,
            "stack_bytes": 204,
            **more,
        }
        settings = {"emulator": "qemu", "data": "digits", "samples": None, "target": None}
        inputs = {"project": firmware}
        with projects.recorded(self.root / name, "validate", inputs, settings, 0, False) as write:
            write(verdict)
        return self.root / name

    def layers(self, firmware: Path, decibels: float = 40.0) -> dict[str, Any]:
        """What `validate --layers` says: one decibel less after each node."""
        nodes = json.loads((firmware / "report.json").read_text())["nodes"]
        rows = [
            {
                "node": i,
                "operator": node["operator"],
                "output": node["name"],
                "sqnr_db": decibels - i if node["calls"] else None,
                "bytes_different": 0,
            }
            for i, node in enumerate(nodes)
        ]
        return {"layers": rows, "first_mismatch": None}

    def bench(self, firmware: Path, name: str = "bench.json", **more: Any) -> Path:
        """A count: node i takes 100 (i + 1) instructions."""
        nodes = json.loads((firmware / "report.json").read_text())["nodes"]
        layers = [
            {"instructions": 100 * (i + 1), "macs": node["macs"], "region": node["region"]}
            for i, node in enumerate(nodes)
        ]
        result = {
            "layers": layers,
            "instructions": {"mean": 5000},
            "flash_bytes": {"total": 42},
            "exact": True,
            **more,
        }
        build = {"library": "auto", "cmsis_nn": None, "optimize": "balanced"}
        settings, inputs = {"target": None, "builds": [build]}, {"project": firmware}
        with projects.recorded(self.root / name, "bench", inputs, settings, 0, False) as write:
            write(result)
        return self.root / name


@pytest.fixture
def way(tmp_path) -> Way:
    """Where a test makes the steps it needs."""
    root = tmp_path / "out"
    root.mkdir()
    return Way(root)


@pytest.fixture
def whole(way) -> Way:
    """All steps of the demo."""
    teacher = way.teacher()
    dreams = way.dreams("dreams", "deepinversion", teacher, metadata=way.metadata(teacher))
    student = way.student("student.keras", 0.95, teacher, dreams)
    noise = way.dreams("noise", "noise", teacher)
    way.student("student-on-noise.keras", 0.66, teacher, noise)
    way.federated("federated-alone", 0.94, student)
    shared = way.federated("federated-dreams", 0.98, student, dreams=dreams)
    way.validation(way.firmware(way.int8(shared / "model.keras", dreams)))
    return way
