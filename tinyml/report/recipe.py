"""The command line of each step, put together again from its record."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tinyml.report import plain
from tinyml.report.links import Links
from tinyml.report.records import Input, Step


@dataclass(frozen=True)
class _Form:
    """How a command takes what its record holds.

    Attributes:
        position: the role of the input that is an argument.
        argument: the setting that is one.
        options: roles of inputs that are options; other inputs are named by a setting already.
        renamed: settings whose option has another name.
        flags: settings with a --no- form.
        repeated: settings whose option is given once for each of several values.
        joined: settings of several parts, whose option takes these in order with colons between.
        versions: settings of a library's version, where the option takes the place of that library.
    """

    position: str = ""
    argument: str = ""
    options: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()
    joined: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)


_DREAMING = {
    "methods": "method",
    "batch_size": "dream-batch-size",
    "steps": "dream-steps",
    "learning_rate": "dream-learning-rate",
    "flip": "dream-flip",
    "natural": "dream-natural",
}
_GOAL = ("target", "ram", "flash", "instructions")
_BUILDS = "builds"  # the setting of a bench
_FORMS = {
    "data": _Form(argument="source"),
    "train": _Form(flags=("augment",)),
    "distill metadata": _Form(options=("teacher",)),
    "distill dream": _Form(options=("teacher", "metadata", "against"), renamed=_DREAMING),
    "distill student": _Form(
        options=("teacher",), flags=("augment",), repeated=("dreams",), joined={"fit": _GOAL}
    ),
    "distill run": _Form(
        options=("teacher", "metadata", "against"),
        renamed={"methods": "method"},
        flags=("augment",),
        joined={"fit": _GOAL},
    ),
    "federate": _Form(options=("model",)),
    "quantize": _Form(position="model"),
    "export": _Form(
        position="model", repeated=("disable_pass",), versions={"cmsis_nn": "CMSIS-NN"}
    ),
    "validate": _Form(position="project", options=("float",)),
    "bench": _Form(position="project"),
}


def command_line(step: Step, links: Links) -> list[list[str]]:
    """The command that makes `step`'s output again, with the names of this report.

    Args:
        step: a finished step.
        links: tell which inputs are outputs of steps that the report knows.

    Returns:
        The command, its arguments and its options, each a list of the words that belong together.
    """
    form = _FORMS[step.command]
    names = {item.path: input_name(step, item, links) for item in step.inputs}
    line = [["tinyml", *step.command.split()]]
    line += [[names[item.path]] for item in step.inputs if item.role == form.position]
    line += [[_text(step.settings[form.argument], names)]] if form.argument else []
    for item in step.inputs:
        role = item.role.partition("_")[0]
        line += [[f"--{role}", names[item.path]]] if role in form.options else []
    for name, value in step.settings.items():
        if name not in (form.argument, _BUILDS):
            line += _option(name, value, form, names)
    seed = plain.count(step.record, "seed")
    line += [] if seed is None else [["--seed", str(seed)]]
    first, *others = _builds(step) or [[]]
    second = [["--vs"], *others[0]] if others else []
    return [*line, *first, ["-o", step.name], *second]


def _builds(step: Step) -> list[list[list[str]]]:
    """The options of each build that a bench compares; those of the second come last, after --vs."""
    found = [build for build in plain.listed(step.settings, _BUILDS) if isinstance(build, dict)]
    form = _Form(renamed={"library": "kernels"})
    return [[w for item in build.items() for w in _option(*item, form, {})] for build in found]


def input_name(step: Step, item: Input, links: Links) -> str:
    """The name of an input in this report, or the path in the record when no known step made it."""
    source = links.source(step, item)
    return source.name if source is not None else plain.printable(item.path)


def _option(name: str, value: Any, form: _Form, names: Mapping[str, str]) -> Iterator[list[str]]:
    option = "--" + plain.printable(form.renamed.get(name, name)).replace("_", "-")
    if isinstance(value, dict) and name in form.joined:
        parts = [value[key] for key in form.joined[name] if value.get(key) is not None]
        yield [option, ":".join(_text(part, names) for part in parts)]
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from _option(str(key), part, form, names)
    elif isinstance(value, bool):
        if value:
            yield [option]
        elif name in form.flags:
            yield ["--no-" + option[2:]]
    elif name in form.versions and value is not None:
        yield [option, f"{form.versions[name]}-{_text(value, names)}"]
    elif name in form.repeated and isinstance(value, list):
        yield from ([option, _text(item, names)] for item in value)
    elif value is not None:
        yield [option, _text(value, names)]


def _text(value: Any, names: Mapping[str, str]) -> str:
    """A setting as it is written on a command line; a path in it that was read gets its name of today."""
    if isinstance(value, list):
        return plain.printable(",".join(_text(item, names) for item in value[: plain.MOST_LISTED]))
    written = plain.printable(str(value))
    for path, name in names.items():
        if written == path or written.endswith(":" + path):
            return written[: len(written) - len(path)] + name
    return written


def steps(links: Links) -> list[dict[str, Any]]:
    """How to make each output again, as plain values for the page."""
    made_in_parts = [s for s in links.steps if s.command != "distill run"] or links.steps
    return [
        {
            "id": f"step-{number}",
            "name": step.name,
            "command": [shlex.join(words) for words in command_line(step, links)],
            "seed": plain.count(step.record, "seed"),
            "wall": plain.number(step.record, "wall_seconds"),
            "cpu": plain.number(step.record, "cpu_seconds"),
            "memory": plain.count(step.record, "peak_memory_bytes"),
            "sha256": step.sha256,
            "inputs": [
                (input_name(step, item, links), plain.printable(item.sha256))
                for item in step.inputs
            ],
            "versions": _versions(step),
        }
        for number, step in enumerate(made_in_parts, 1)
    ]


def _versions(step: Step) -> list[tuple[str, str]]:
    found = step.record.get("versions")
    pairs = sorted(found.items()) if isinstance(found, dict) else []
    return [(plain.printable(name), plain.printable(str(version))) for name, version in pairs]
