"""The steps behind `tinyml distill ...`: each writes one output with its record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from tinyml import data, dreams, run
from tinyml.distill import dreaming, hosts, metadata, probe, student, synthesizers
from tinyml.distill.devices import Devices
from tinyml.distill.settings import Budget, Dreaming, Limits, StudentSettings
from tinyml.distill.teacher import Teacher
from tinyml.errors import InputError
from tinyml.models import files
from tinyml.models.outputs import require_keras_name
from tinyml.models.runtime import tensorflow
from tinyml.models.training import accuracy, evaluate

_DATA = "data:"


@dataclass(frozen=True)
class TeacherFile:
    """The teacher, as the command line names it.

    Args:
        path: .keras or .h5 file.
        layer: the pooled feature layer; found when None.
        allow_unsafe: load a model that carries code.
    """

    path: Path
    layer: str | None = None
    allow_unsafe: bool = False

    def load(self) -> Teacher:
        """Load it; raises InputError as `Teacher.load`."""
        return Teacher.load(self.path, self.layer, self.allow_unsafe)


@dataclass(frozen=True)
class Output:
    """Where a step writes, and whether it may replace what is there."""

    path: Path
    force: bool = False


def write_metadata(
    teacher: TeacherFile,
    source: str,
    limits: Limits,
    seed: int,
    output: Output,
    budget: Budget | None = None,
) -> dict[str, Any]:
    """`tinyml distill metadata`: from teacher and training split to one .npz; gives metrics.

    With a budget, nothing in the metrics is more exact than the file.
    """
    if output.path.suffix != ".npz":
        raise InputError(output.path, "metadata is an .npz", f"use -o {output.path.stem}.npz")
    with run.step(
        "distill metadata",
        output.path,
        inputs={"teacher": teacher.path, **_data_input(source)},
        settings={
            "data": source,
            "layer": teacher.layer,
            **asdict(limits),
            "privacy": asdict(budget) if budget else None,
        },
        seed=None if budget else seed,
        force=output.force,
    ) as step:
        dataset = data.load(source)
        loaded = teacher.load()
        _require_data_fits(dataset, loaded)
        made = metadata.summarise(
            loaded, run.sha256(teacher.path), dataset.train, limits, seed, budget
        )
        metadata.save(made, step.path)
        step.metrics = {
            "bytes": step.path.stat().st_size,
            "clusters": len(made.counts),
            "features": made.centroids.shape[1],
            "layer": made.layer,
            "samples": int(made.counts.sum()),
            "smallest_cluster": int(made.counts.min()),
        }
    return step.metrics


def write_dreams(
    teacher: TeacherFile,
    dreaming_settings: Dreaming,
    seed: int,
    output: Output,
    together: hosts.Hosts | None = None,
) -> dict[str, Any]:
    """`tinyml distill dream`: from the teacher to a directory of dreams; gives metrics.

    Killed or interrupted, it goes on when it is called again with the same arguments. With several
    hosts this is the chief's part, and `help_dreams` that of the others.
    """
    settings = dreaming_settings
    with run.step(
        "distill dream",
        output.path,
        inputs={"teacher": teacher.path, **settings.inputs()},
        settings={"layer": teacher.layer, **settings.recorded()},
        seed=seed,
        force=output.force,
        directory=True,
        resumable=True,
    ) as step:
        if together:
            done = dreaming.done_in(settings.plan, step.path)
            together.meet(_asked(teacher, settings, seed), done)
        tensorflow(seed)
        context = _context(teacher, settings, together)
        probed = probe.batch_sizes(settings.probe, settings.plan.methods, context, seed)
        methods = dreaming.make(settings.plan, context, step, seed)
        seconds = sum(timing["wall_seconds"] for timing in methods.values())
        step.metrics = {
            "dreams": settings.plan.count,
            "synthesis_seconds": round(seconds, 3),
            "dreams_per_second": round(settings.plan.count / seconds, 2),
            "methods": methods,
            "devices": context.devices.count * context.devices.hosts,
            "hosts": context.devices.hosts,
            **({"batch_sizes": probed} if probed else {}),
            **dreaming.agreement(dreams.read_shards(step.path)),
        }
    return step.metrics


def help_dreams(teacher: TeacherFile, settings: Dreaming, seed: int, together: hosts.Hosts) -> None:
    """`tinyml distill dream` on a host that is not the chief: makes its share, and writes nothing."""
    done = together.meet(_asked(teacher, settings, seed))
    tensorflow(seed)
    dreaming.help_make(settings.plan, _context(teacher, settings, together), seed, done)


def _asked(teacher: TeacherFile, settings: Dreaming, seed: int) -> dict[str, Any]:
    """What all hosts must be asked alike; where the files lie may differ."""
    inputs = {"teacher": teacher.path, **settings.inputs()}
    for role, path in inputs.items():
        if not path.exists():
            raise InputError(path, f"no such file ({role})", "every host needs it")
    hashes = {role: run.sha256(path) for role, path in inputs.items()}
    return {"layer": teacher.layer, **settings.recorded(), **hashes, "seed": seed}


def _context(
    teacher: TeacherFile, settings: Dreaming, together: hosts.Hosts | None
) -> synthesizers.Context:
    devices = Devices(settings.devices, together)
    with devices.scope():
        loaded = teacher.load()
        student = settings.against and replace(teacher, path=settings.against, layer=None).load()
    if student and (student.shape, student.classes) != (loaded.shape, loaded.classes):
        raise InputError(
            settings.against,
            f"maps {student.shape} to {student.classes} classes, "
            f"{loaded.where} {loaded.shape} to {loaded.classes}",
            "give a student of this teacher",
        )
    known = _metadata(settings.metadata, teacher)
    return synthesizers.Context(
        loaded, settings.pixels, known, settings.fast, student or None, devices
    )


def write_student(
    teacher: TeacherFile,
    sources: list[str],
    wanted: str | student.Choice,
    init: str,
    settings: StudentSettings,
    source: str | None,
    seed: int,
    output: Output,
) -> dict[str, Any]:
    """`tinyml distill student`: from dreams to a student; gives metrics.

    Killed or interrupted, it goes on when it is called again with the same arguments.

    Args:
        teacher: answers for the dreams.
        sources: dreams directories or `data:` and a data set, whose images are pooled.
        wanted: an architecture or a model file, or what chooses an architecture.
        init: one of `settings.INITS`.
        settings: how it learns.
        source: a data set to report accuracy on when all is done; the student never sees it.
        seed: of weights, order, mixing and augmentation.
        output: the .keras to write.
    """
    require_keras_name(output.path)
    inputs = {"teacher": teacher.path, **_dream_inputs(sources), **_data_input(source)}
    name = wanted if isinstance(wanted, str) else None
    inputs.update({"student": Path(name)} if name and student.is_file_name(name) else {})
    with run.step(
        "distill student",
        output.path,
        inputs=inputs,
        settings={
            **_wanted(wanted),
            "init": init,
            "dreams": sources,
            "data": source,
            **asdict(settings),
        },
        seed=seed,
        force=output.force,
        resumable=True,
    ) as step:
        tensorflow(seed)
        loaded = teacher.load()
        x = _pooled(sources, loaded)
        dataset = (
            data.load(source) if source else None
        )  # a bad name fails before the work, not after
        if dataset:
            _require_data_fits(dataset, loaded)
        if not isinstance(wanted, str):
            name = wanted.choose(loaded, x, settings)
            tensorflow(seed)  # what follows is as if the student had been named
            loaded = teacher.load()
        assert name is not None
        made = student.build(name, loaded, init, teacher.allow_unsafe)
        trained = student.distill(made, loaded, x, settings, seed, step)
        step.metrics.update(loss=trained.loss, training_seconds=round(trained.seconds, 3))
        step.metrics.update(_sizes(made, loaded, len(x)))
        files.save(made, step.path)
        if not isinstance(wanted, str):
            step.metrics["fit"] = wanted.found(made, x)
        if dataset:
            step.metrics.update(evaluate(made, dataset))
            step.metrics["accuracy_test_teacher"] = accuracy(loaded.model, dataset.test)
    return step.metrics


def _wanted(wanted: str | student.Choice) -> dict[str, Any]:
    """How the student was asked for, for the record."""
    return {"student": wanted} if isinstance(wanted, str) else wanted.settings()


def _sizes(made: Any, teacher: Teacher, count: int) -> dict[str, Any]:
    ours, theirs = made.count_params(), teacher.model.count_params()
    return {
        "dreams": count,
        "parameters": ours,
        "parameters_teacher": theirs,
        "times_smaller": round(theirs / ours, 2),
    }


def _pooled(sources: list[str], teacher: Teacher) -> dreams.Images:
    """All the images to learn from, checked against the teacher's input; dreams stay on disk."""
    parts: list[np.ndarray | dreams.Stored] = []
    for source in sources:
        found = _images(source)
        if found[0].shape[1:] != teacher.shape:
            raise InputError(
                source,
                f"dreams have shape {found[0].shape[1:]}, {teacher.where} takes {teacher.shape}",
                "use dreams of this teacher",
            )
        parts += found
    return dreams.Images(parts)


def _images(source: str) -> Sequence[np.ndarray | dreams.Stored]:
    """Dreams of a directory, or real images: of `data:` a data set's training split, unlabelled."""
    if source.startswith(_DATA):
        return [data.load(source[len(_DATA) :]).train.x]
    return dreams.stored_images(Path(source))


def _metadata(path: Path | None, teacher: TeacherFile) -> metadata.Metadata | None:
    if path is None:
        return None
    known = metadata.load(path)
    if known.teacher_sha256 != run.sha256(teacher.path):
        raise InputError(
            path,
            f"was made with another teacher than {teacher.path} (their SHA-256 differ)",
            "make it again with this teacher",
        )
    return known


def _require_data_fits(dataset: data.Dataset, teacher: Teacher) -> None:
    data.require_shape(dataset, teacher.shape, teacher.where)
    if dataset.classes != teacher.classes:
        raise InputError(
            dataset.name,
            f"has {dataset.classes} classes, {teacher.where} has {teacher.classes}",
            "use the data set that the teacher was made for",
        )


def _data_input(source: str | None) -> dict[str, Path]:
    path = data.source_path(source) if source else None
    return {"data": path} if path else {}


def _dream_inputs(sources: list[str]) -> dict[str, Path]:
    found = {}
    for index, source in enumerate(sources):
        of_data = source.startswith(_DATA)
        path = data.source_path(source[len(_DATA) :]) if of_data else Path(source)
        if path:
            found["dreams" + ("" if index == 0 else f"_{index + 1}")] = path
    return found


def write_all(
    teacher: TeacherFile,
    dreaming_settings: Dreaming,
    student_settings: tuple[str | student.Choice, str, StudentSettings],
    source: str | None,
    seed: int,
    output: Output,
) -> dict[str, Any]:
    """`tinyml distill run`: dreams/ and student.keras in one directory, each with its own record.

    Killed or interrupted, it goes on when it is called again with the same arguments.

    Returns:
        metrics of both steps, under "dreams" and "student".
    """
    wanted, init, learning = student_settings
    with run.step(
        "distill run",
        output.path,
        inputs={"teacher": teacher.path, **dreaming_settings.inputs(), **_data_input(source)},
        settings={
            **_prefixed(dreaming_settings.recorded()),
            "layer": teacher.layer,
            **_wanted(wanted),
            "init": init,
            "data": source,
            **asdict(learning),
        },
        seed=seed,
        force=output.force,
        directory=True,
        resumable=True,
    ) as step:
        tensorflow(seed)
        if isinstance(wanted, str):  # what fits nowhere is said before the work
            student.require(wanted, teacher.load(), init, learning, teacher.allow_unsafe)
        else:
            wanted.search(teacher.load())
        made, into = step.path / "dreams", step.path / "student.keras"
        step.metrics["dreams"] = _once(
            made, lambda: write_dreams(teacher, dreaming_settings, seed, Output(made))
        )
        step.keep_times()
        step.metrics["student"] = _once(
            into,
            lambda: write_student(
                teacher, [str(made)], wanted, init, learning, source, seed, Output(into)
            ),
        )
        for part in (made, into):
            _correct_paths(run.record_path(part), step.path, output.path)
    return step.metrics


def _once(output: Path, write: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The metrics of a part: of its record, when an earlier run finished it."""
    if output.exists():
        metrics: dict[str, Any] = run.read_record(output)["metrics"]
        return metrics
    return write()


def _prefixed(settings: dict[str, object]) -> dict[str, object]:
    """Settings of dreams, by the names that `distill run` has for them beside a student's."""
    shared = {field.name for field in fields(StudentSettings)}
    return {f"dream_{n}" if n in shared else n: value for n, value in settings.items()}


def _correct_paths(record: Path, scratch: Path, final: Path) -> None:
    """Name a record's files by the place that the directory is about to be renamed to."""
    text = record.read_text(encoding="utf-8")
    record.write_text(text.replace(str(scratch), str(final)), encoding="utf-8")
