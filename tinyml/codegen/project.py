"""Writes a program as a C project; every text in it comes from a template or a kernel file."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import struct
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tinyml import __version__, ops, resources, targets
from tinyml.cmsis_nn import sources
from tinyml.codegen import firmware, names, renode, values
from tinyml.codegen.program import Program
from tinyml.errors import InputError
from tinyml.kernels.base import CMSIS_NN, GENERAL, Options
from tinyml.targets import Target

REPORT = "report.json"
MODEL = "model.tflite"
# Template or plain file in firmware_templates -> file in the project
_RENDERED = {
    "model.h.j2": "model.h",
    "model.c.j2": "model.c",
    "weights.h.j2": "weights.h",
    "weights.c.j2": "weights.c",
    "Makefile.j2": "Makefile",
    "CMakeLists.txt.j2": "CMakeLists.txt",
}


@dataclass(frozen=True)
class Provenance:
    """What the head of every generated file says; no date, so that equal inputs give equal bytes."""

    version: str
    command: str
    model_file: str
    model_sha256: str


def write(
    directory: Path,
    program: Program,
    target: Target,
    model: Path,
    sha256: str,
    prefix: str,
    made_from: str | None = None,
) -> None:
    """Write the project into an empty directory.

    Args:
        directory: exists and is empty.
        program: the compiled model.
        target: the board to build for.
        model: the .tflite it came from, copied into the project.
        sha256: of what the user gave: that file, or the Keras model it was quantized from.
        prefix: of every public C name; a valid identifier.
        made_from: the name of what the user gave, when it is not `model`.
    """
    given = names.comment(made_from or model.name)
    provenance = Provenance(
        __version__,
        f"tinyml export {given} --target {_named(target)} --prefix {prefix}{_asked_for(program.options)}",
        given,
        sha256,
    )
    kernels = _kernels(program)
    report = describe(program, target, provenance, prefix)
    context = _context(program, target, provenance, prefix, kernels)
    context |= {"layers": _sent_layers(report), "model_words": _words(model_id(model))}
    resources.render(_RENDERED, context, directory)
    firmware.write(directory, context, program, target)
    renode.write(directory, context, program, target)
    _copy_kernels(directory, kernels)
    _copy_cmsis_nn(directory, program, kernels)
    shutil.copyfile(model, directory / MODEL)
    (directory / REPORT).write_text(json.dumps(report, indent=2) + "\n", "utf-8")


def _named(target: Target) -> str:
    """What --target finds the board by."""
    return target.board if target.built_in else f"{target.board}.toml"


def _kernels(program: Program) -> list[str]:
    """The files in cmsis_glue that the model's code includes."""
    found = {call.kernel for calls in program.calls.values() for call in calls}
    return sorted(found | ({"tinyml_band"} if program.regions else set()))


def describe(
    program: Program, target: Target, provenance: Provenance, prefix: str
) -> dict[str, Any]:
    """report.json."""
    return {
        "model": {"file": provenance.model_file, "sha256": provenance.model_sha256},
        "tinyml": __version__,
        "target": target.board,
        "prefix": prefix,
        "kernels": program.options.library,
        "cmsis_nn": program.options.cmsis_nn.version if program.options.cmsis_nn else None,
        "optimize": program.options.optimize,
        # What only a compiler knows stays None until `emulate.footprint` measures it.
        "flash_bytes": {
            "weights": values.weight_bytes(program),
            "code": None,
            "vectors": None,
            "total": None,
        },
        "ram_bytes": {
            "arena": program.plan.arena_bytes,
            "state": program.states.nbytes,
            "total": None,
        },
        "symbols": [],
        "stack_bytes": None,
        "stack_uncounted": [],
        "arena_lower_bound": program.plan.lower_bound,
        "macs": program.macs,
        "passes": [asdict(effect) for effect in program.passes],
        "inputs": _port_reports(program, program.graph.inputs),
        "outputs": _port_reports(program, program.graph.outputs),
        "nodes": [_node_report(program, index) for index in range(len(program.graph.nodes))],
        "arena": [
            {
                "name": b.name,
                "offset": o,
                "bytes": b.nbytes,
                "first": b.first,
                "last": b.last,
                "scratch": b.scratch_of is not None,
            }
            for b, o in zip(program.plan.buffers, program.plan.offsets)
        ],
    }


def _port_reports(program: Program, tensors: tuple[int, ...]) -> list[dict[str, Any]]:
    found = [program.graph.tensors[tensor] for tensor in tensors]
    suffixes = names.suffixes([tensor.name for tensor in found])
    return [
        {
            "name": tensor.name,
            "suffix": suffix,
            "shape": list(tensor.shape),
            "dtype": tensor.dtype,
            "bytes": tensor.nbytes,
            "scale": tensor.q.scale if tensor.quantization else None,
            "zero_point": tensor.q.zero_point if tensor.quantization else None,
        }
        for tensor, suffix in zip(found, suffixes)
    ]


def _node_report(program: Program, index: int) -> dict[str, Any]:
    view = program.graph.view(index)
    calls = program.calls.get(index, ())
    kernels = dict.fromkeys(call.kernel for call in calls)  # each once, in order
    region = _region_report(program, index)
    return {
        "operator": view.node.operator,
        "name": view.node.name,
        "inputs": [list(t.shape) for t in view.inputs if t is not None and t.is_activation],
        "outputs": [list(t.shape) for t in view.outputs],
        "macs": ops.find(view.node.operator).macs(view),
        "weight_bytes": values.constant_bytes(program, index),
        "output_bytes": sum(t.nbytes for t in view.outputs),
        "output_tensors": [_tensor_report(program, tensor) for tensor in view.node.outputs],
        "kernel": " + ".join(kernels) or ("none" if program.lowered.get(index) == () else "view"),
        # Those of a region are in one function, which the region's first node stands for.
        "calls": int(region["first"] == index) if region else len(calls),
        "region": region,
        "choice": _choice_report(program, index),
    }


def _region_report(program: Program, index: int) -> dict[str, int] | None:
    """The region that computes a node row by row, if one does."""
    number = program.region_of(index)
    if number is None:
        return None
    region = program.regions[number]
    return {
        "number": number,
        "first": region.first,
        "last": region.end - 1,
        "rows": region.most[index - region.first],
    }


def _tensor_report(program: Program, index: int) -> dict[str, Any]:
    """A computed tensor: its number in the .tflite, and where it is once its node has executed."""
    tensor = program.graph.tensors[index]
    return {
        "tensor": index,
        "name": tensor.name,
        "shape": list(tensor.shape),
        "dtype": tensor.dtype,
        "bytes": tensor.nbytes,
        "scale": tensor.q.scale if tensor.quantization else None,
        "zero_point": tensor.q.zero_point if tensor.quantization else None,
        "offset": values.place_of(program.plan, index),
        "whole": all(index not in region.strips for region in program.regions),
        "channels": None if tensor.channels is None else list(tensor.channels),
    }


def _choice_report(program: Program, index: int) -> dict[str, Any] | None:
    """Why a node is computed the way it is; None for a view."""
    if index not in program.chosen:
        return None
    taken = program.chosen[index]
    return {"name": taken.name, "why": taken.why, "instructions_estimate": taken.instructions}


def _context(
    program: Program, target: Target, provenance: Provenance, prefix: str, kernels: list[str]
) -> dict[str, Any]:
    constants = values.constants(program, prefix)
    return {
        "provenance": provenance,
        "prefix": prefix,
        "macro": prefix.upper(),
        "guard": f"{prefix.upper()}_H",
        "target": target,
        "board_sources": firmware.sources(target),
        "flash_tools": firmware.flash_tools(target),
        "compiler_optimization": _compiler_optimization(program),
        "small_kernels": _small_kernels(program),
        "kernels": kernels,
        "kernel_sources": [name for name in _kernel_files(kernels) if name.endswith(".c")],
        "cmsis_nn": _cmsis_nn_files(program, kernels),
        "calls": values.calls(program, prefix),
        "regions": values.regions(program, prefix),
        "arrays": constants,
        "weight_bytes": sum(c.nbytes for c in constants),
        "arena_bytes": max(program.plan.arena_bytes, 1),
        "state_bytes": program.states.nbytes,
        "states": values.states(program, prefix),
        "inputs": values.ports(program, program.graph.inputs),
        "outputs": values.ports(program, program.graph.outputs),
    }


def _asked_for(options: Options) -> str:
    """The options on kernels that are not as by default."""
    usual = Options(options.core)
    return "".join(
        f" --{name} {value}"
        for name, value, default in (
            ("kernels", options.library, usual.library),
            ("optimize", options.optimize, usual.optimize),
            ("flash", options.flash, usual.flash),
            ("ram", options.ram, usual.ram),
        )
        if value != default
    )


def _compiler_optimization(program: Program) -> str:
    """-Os for size, and where the compiler has little say because assembly does nine tenths of the work:
    there it saves a seventh of the code for a percent of the instructions.
    """
    mode, core = program.options.optimize, program.options.core
    if mode == "size":
        return "-Os"
    chosen = program.chosen.values()
    ours = [c for c in chosen if c.name not in (GENERAL, CMSIS_NN)]
    share = sum(c.instructions for c in ours) / max(sum(c.instructions for c in chosen), 1)
    return "-Os" if mode != "speed" and "dsp" in core.extensions and share > 0.9 else "-O2"


def _small_kernels(program: Program) -> list[str]:
    """Kernels that take less than a percent of the time, sorted; none but for speed, where they, too, would
    be compiled for it.
    """
    if program.options.optimize != "speed":
        return []
    work: dict[str, int] = {}
    for candidate in program.chosen.values():
        for call in candidate.calls:
            work[call.kernel] = work.get(call.kernel, 0) + candidate.instructions
    return sorted(kernel for kernel, count in work.items() if 100 * count < sum(work.values()))


def _copy_kernels(directory: Path, kernels: list[str]) -> None:
    glue = resources.folder("cmsis_glue")
    (directory / "kernels").mkdir()
    for name in _kernel_files(kernels):
        shutil.copyfile(glue / name, directory / "kernels" / name)


def _cmsis_nn_files(program: Program, kernels: list[str]) -> sources.Files | None:
    """What the kernels need of CMSIS-NN; None when it is nothing."""
    library = program.options.cmsis_nn
    if library is None:
        return None
    folder = resources.folder("cmsis_glue")
    texts = [(folder / name).read_text("utf-8") for name in _kernel_files(kernels)]
    found = sources.needed(library.root, texts)
    return found if found.sources else None


def _copy_cmsis_nn(directory: Path, program: Program, kernels: list[str]) -> None:
    """The project builds by itself: what it needs of CMSIS-NN is copied, with Arm's licence."""
    files = _cmsis_nn_files(program, kernels)
    if files is None:
        return
    assert program.options.cmsis_nn is not None
    root, copies = program.options.cmsis_nn.root, directory / "cmsis-nn"
    licence = [name for name in ("LICENSE",) if (root / name).is_file()]
    for name in (*files.sources, *files.headers, *licence):
        (copies / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / name, copies / name)


def _kernel_files(kernels: list[str]) -> list[str]:
    """The kernels' sources, every header they include, and the sources of other kernels they call."""
    folder = resources.folder("cmsis_glue")
    found: list[str] = []
    pending = [f"{kernel}.c" for kernel in kernels]
    while pending:
        name = pending.pop()
        if name not in found:
            found.append(name)
            pending += re.findall(r'^#include "([^"]+)"', (folder / name).read_text("utf-8"), re.M)
            source = name[:-2] + ".c"
            pending += [source] if (folder / source).is_file() else []
    return sorted(found)


def model_id(model: Path) -> bytes:
    """What a firmware says to tell which model it holds: the first 8 bytes of the .tflite's SHA-256."""
    return hashlib.sha256(model.read_bytes()).digest()[:8]


def _words(data: bytes) -> tuple[int, ...]:
    """Little-endian 32-bit words."""
    return struct.unpack(f"<{len(data) // 4}I", data)


def computed(report: dict[str, Any]) -> list[tuple[int, dict[str, Any]]]:
    """Every output of every node that has code: the node's number, and the tensor as the report has it."""
    return [
        (number, tensor)
        for number, node in enumerate(report["nodes"])
        if node["calls"] or node["region"]
        for tensor in node["output_tensors"]
    ]


def _sent_layers(report: dict[str, Any]) -> list[dict[str, int]]:
    """Those of `computed`, by their place in it, that a device can send: they are in the arena as a whole."""
    return [
        {"number": place, "node": node, "offset": tensor["offset"], "nbytes": tensor["bytes"]}
        for place, (node, tensor) in enumerate(computed(report))
        if tensor["whole"]
    ]


def read_report(directory: Path) -> dict[str, Any]:
    """report.json of an exported project.

    Raises:
        InputError: there is none, or it is not one of this version's.
    """
    path = directory / REPORT
    try:
        report = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            directory, f"not an exported project ({error})", "make one with 'tinyml export'"
        ) from None
    if not isinstance(report, dict) or report.get("tinyml") != __version__:
        raise InputError(path, f"not of tinyml {__version__}", "export the model again")
    return report


def target_of(directory: Path) -> Target:
    """The board that a project was exported for, from the copy of its file in the project.

    Raises:
        InputError: not a project of this version.
    """
    return targets.of_file(directory / firmware.BOARD_FILE, read_report(directory)["target"])
