"""The model as a library for Arduino, Zephyr or CMSIS-Pack: the sources of a project in their layouts.

Kernels get the model's prefix, because these systems link all objects of all libraries: two models, perhaps
of two versions of tinyml, must not have a function of the same name.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tinyml import __version__, resources
from tinyml.codegen.project import MODEL, REPORT, read_report
from tinyml.errors import InputError
from tinyml.targets import Target

_URL = "https://example.com/"  # theirs to change who publish a package
_MODEL_SOURCES = ("model.h", "model.c", "weights.h", "weights.c")
_INCLUDED = re.compile(r'"(model|weights)\.h"')
_KERNEL_NAME = re.compile(r"\btinyml_(?=\w)")
_SHORTEST = 3  # characters of a library's name that Arduino takes


def write(kind: str, project: Path, target: Target, into: Path) -> None:
    """Lay out a project's model as a library.

    Args:
        kind: a key of KINDS.
        project: an exported project, without CMSIS-NN.
        target: what it was exported for.
        into: an empty directory.

    Raises:
        InputError: its kernels are CMSIS-NN's, which these systems have as a package of its own.
    """
    report = read_report(project)
    if (project / "cmsis-nn").exists():
        raise InputError(
            f"--package {kind}", "kernels of CMSIS-NN cannot be packaged", "add --kernels tinyml"
        )
    prefix = report["prefix"]
    sources = _copy_sources(project, prefix, into / "src")
    (into / "extras").mkdir()
    for name in (MODEL, REPORT):
        shutil.copyfile(project / name, into / "extras" / name)
    context = _context(report, target, sources)
    resources.render({"packages/README.md.j2": "README.md"}, context, into)
    files = KINDS[kind](prefix)
    for name in files.values():
        (into / name).parent.mkdir(parents=True, exist_ok=True)
    resources.render(
        {f"packages/{kind}/{template}": name for template, name in files.items()}, context, into
    )


def _arduino(prefix: str) -> Mapping[str, str]:
    """The library's name is the prefix, which is a valid one when it is long enough."""
    if len(prefix) < _SHORTEST:
        raise InputError(
            f"--prefix {prefix}", "is too short for a library of Arduino", "take three letters"
        )
    return {
        "library.properties.j2": "library.properties",
        "example.ino.j2": "examples/inference/inference.ino",
    }


def _zephyr(prefix: str) -> Mapping[str, str]:
    return {
        "module.yml.j2": "zephyr/module.yml",
        "Kconfig.j2": "zephyr/Kconfig",
        "CMakeLists.txt.j2": "zephyr/CMakeLists.txt",
    }


def _cmsis_pack(prefix: str) -> Mapping[str, str]:
    return {"package.pdsc.j2": f"tinyml.{prefix}.pdsc"}


# Kind -> template in firmware_templates/packages/KIND -> file in the package
KINDS: Mapping[str, Callable[[str], Mapping[str, str]]] = {
    "arduino": _arduino,
    "zephyr": _zephyr,
    "cmsis-pack": _cmsis_pack,
}


def _copy_sources(project: Path, prefix: str, into: Path) -> list[str]:
    """All sources in one folder, under names and with functions that begin with the prefix.

    Returns:
        The names of those that are compiled.
    """
    into.mkdir()
    own = [(project / name, f"{prefix}_{name}") for name in _MODEL_SOURCES]
    kernels = [
        (path, _KERNEL_NAME.sub(f"{prefix}_tinyml_", path.name))
        for path in sorted((project / "kernels").iterdir())
    ]
    for path, name in (*own, *kernels):
        text = _KERNEL_NAME.sub(f"{prefix}_tinyml_", path.read_text("utf-8"))
        (into / name).write_text(_INCLUDED.sub(rf'"{prefix}_\1.h"', text), "utf-8")
    return [name for _, name in (*own, *kernels) if name.endswith(".c")]


def _context(report: dict[str, Any], target: Target, sources: list[str]) -> dict[str, Any]:
    prefix, ram = report["prefix"], report["ram_bytes"]
    return {
        "version": __version__,
        "url": _URL + report["prefix"],
        "prefix": prefix,
        "macro": prefix.upper(),
        "title": f"{prefix}: a neural network of {report['macs']:,} multiply-accumulates",
        "model_file": report["model"]["file"],
        "sha256": report["model"]["sha256"],
        "weight_bytes": report["flash_bytes"]["weights"],
        "ram_bytes": ram["arena"] + ram["state"],
        "core": target.core,
        "flags": " ".join(target.flags),
        "inputs": report["inputs"],
        "outputs": report["outputs"],
        "sources": sources,
    }
