"""Copies that are none: parts of a tensor that lie together are made, or read, where they are."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path

import model_builder as mb
import numpy as np
import pytest
from tflm_check import check

from tinyml.codegen import program
from tinyml.memory import checker
from tinyml.memory.sharing import Sharing


def relu(m: mb.ModelBuilder, source: int, shape: tuple[int, ...]) -> int:
    return m.node("RELU", [source], m.tensor(shape, scale=0.1, zero_point=3))


def join(m: mb.ModelBuilder, parts: list[int], axis: int, shape: tuple[int, ...]) -> int:
    output = m.tensor(shape, scale=0.1, zero_point=3)
    return m.node("CONCATENATION", parts, output, kind="ConcatenationOptions", axis=axis)


def cut(m: mb.ModelBuilder, source: int, axis: int, shape: tuple[int, ...]) -> list[int]:
    outputs = [m.tensor(shape, scale=0.1, zero_point=3) for _ in range(2)]
    number = m.tensor((), "int32", data=np.array(axis))
    return m.several("SPLIT", [number, source], outputs, kind="SplitOptions", numSplits=2)


def add(m: mb.ModelBuilder, a: int, b: int, shape: tuple[int, ...]) -> int:
    output = m.tensor(shape, scale=0.2)
    return m.node("ADD", [a, b], output, kind="AddOptions", fusedActivationFunction=0)


def joined_and_cut(
    m: mb.ModelBuilder, axis: int, rows: int, again: bool
) -> tuple[list[int], list[int]]:
    """Two tensors are joined, the whole is changed, and it is cut again.

    `again`: the parts that were joined, and the whole that was cut, are needed once more afterwards; so the
    whole is not changed, which would be done in place.
    """
    shape = (1, rows, 8)
    whole = (1, 2 * rows, 8) if axis == 1 else (1, rows, 16)
    sources = [m.tensor(shape, scale=0.1, zero_point=3) for _ in range(2)]
    parts = [relu(m, source, shape) for source in sources]
    middle = join(m, parts, axis, whole)
    outputs = []
    if again:
        outputs.append(add(m, *parts, shape))
    else:
        middle = relu(m, middle, whole)
    first, second = cut(m, middle, axis, shape)
    if again:
        outputs.append(add(m, middle, middle, whole))
    return sources, [*outputs, add(m, first, second, shape), relu(m, second, shape)]


def kernels(directory: Path) -> dict[str, str]:
    """What each operator is done with."""
    nodes = json.loads((directory / "report.json").read_text())["nodes"]
    return {node["operator"]: node["kernel"] for node in nodes}


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize(
    ("axis", "rows", "kernel"),
    [(1, 4, "view"), (2, 1, "view"), (2, 3, "tinyml_copy")],
)
def test_nothing_is_copied(tmp_path: Path, axis: int, rows: int, kernel: str, again: bool) -> None:
    directory = check(tmp_path, lambda m, rng: joined_and_cut(m, axis, rows, again), seed=axis)
    found = kernels(directory)
    assert found["CONCATENATION"] == found["SPLIT"] == kernel
    assert (directory / "kernels/tinyml_copy.c").exists() == (kernel == "tinyml_copy")


def test_a_slice_is_read_where_it_is(tmp_path: Path) -> None:
    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, list[int]]:
        source = m.tensor((1, 6, 8), scale=0.1, zero_point=3)
        whole = relu(m, source, (1, 6, 8))
        begin, size = (m.tensor((3,), "int32", data=np.array(v)) for v in ([0, 2, 0], [1, 3, 8]))
        part = m.node("SLICE", [whole, begin, size], m.tensor((1, 3, 8), scale=0.1, zero_point=3))
        return source, [relu(m, part, (1, 3, 8)), relu(m, whole, (1, 6, 8))]

    directory = check(tmp_path, build, seed=3)
    assert kernels(directory)["SLICE"] == "view"


@pytest.mark.parametrize("bytes_each", [8, 12])
def test_rows_are_unpacked_and_packed_where_they_are(tmp_path: Path, bytes_each: int) -> None:
    """Places are multiples of 8 bytes; what would begin between them is copied."""
    shape, row = (1, 3, bytes_each), (1, bytes_each)

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        source = m.tensor(shape, scale=0.1, zero_point=3)
        rows = [m.tensor(row, scale=0.1, zero_point=3) for _ in range(3)]
        m.several("UNPACK", [relu(m, source, shape)], rows, kind="UnpackOptions", axis=1, num=3)
        done = [relu(m, part, row) for part in rows]
        output = m.tensor(shape, scale=0.1, zero_point=3)
        return source, m.node("PACK", done, output, kind="PackOptions", axis=1, valuesCount=3)

    found = kernels(check(tmp_path, build, seed=4))
    assert found["UNPACK"] == found["PACK"] == ("view" if bytes_each == 8 else "tinyml_copy")


def test_a_tensor_beside_itself_is_copied(tmp_path: Path) -> None:
    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        source = m.tensor((1, 2, 8), scale=0.1, zero_point=3)
        part = relu(m, source, (1, 2, 8))
        return source, join(m, [part, part], 1, (1, 4, 8))

    assert kernels(check(tmp_path, build, seed=5))["CONCATENATION"] == "tinyml_copy"


def test_checker_finds_what_is_written_over_a_part(tmp_path: Path) -> None:
    """Every buffer onto every other, at every distance that no pair allows."""
    m = mb.ModelBuilder()
    path = m.save(tmp_path / "model.tflite", *joined_and_cut(m, 1, 4, again=True))
    compiled = program.compile_model(path)
    plan = compiled.plan
    pairs = Sharing(compiled.graph).pairs(compiled.lowered, plan.buffers)
    refused = 0
    for index, other in itertools.permutations(range(len(plan.buffers)), 2):
        if not plan.buffers[index].meets(plan.buffers[other]):
            continue
        related = {(index, other), (other, index)} & set(pairs)
        at = {pairs[pair].at for pair in related}
        for shift in range(-24, 32, 8):  # from the other up to this one
            offset = plan.offsets[other] + shift
            if offset < 0 or at & {shift, -shift}:
                continue
            offsets = (*plan.offsets[:index], offset, *plan.offsets[index + 1 :])
            broken = replace(plan, offsets=offsets, arena_bytes=plan.arena_bytes + 64)
            apart = not plan.buffers[index].nbytes > -shift > -plan.buffers[other].nbytes
            if not apart:
                refused += 1
                with pytest.raises(checker.PlanError):
                    checker.check(compiled.graph, compiled.lowered, broken)
    assert refused > 100
