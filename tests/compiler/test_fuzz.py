"""A hundred random graphs: numpy reference = C on the host = TFLM; `make fuzz` runs more."""

from __future__ import annotations

from pathlib import Path

import fuzz
import fuzz_graphs
import pytest

from tinyml.codegen import program


@pytest.mark.slow
@pytest.mark.parametrize("block", range(4))
def test_random_graphs(block: int) -> None:
    failed = fuzz.fuzz(range(block * fuzz.BATCH, (block + 1) * fuzz.BATCH))
    assert not failed, "\n\n".join(failed)


def test_random_graphs_with_sanitizers() -> None:
    failed = fuzz.sanitized(0, 12)
    assert not failed, failed


def test_mutated_graphs() -> None:
    failed = fuzz.mutants(range(60))
    assert not failed, "\n\n".join(failed)


def test_a_graph_grows_node_by_node() -> None:
    whole, cut = (fuzz_graphs.build(8, nodes)[0] for nodes in (6, 4))
    assert whole.operators[:4] == cut.operators
    assert whole.values[: len(cut.values)] == cut.values


def test_a_failure_is_shrunk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of a graph that fails from its third node on, three are left (of this one, each is a node alone)."""

    def fails(path: Path, disabled: tuple[str, ...]) -> program.Program:
        assert len(program.tflite_reader.read(path).nodes) < 3, "three nodes"
        return compile_model(path, disabled)

    compile_model = program.compile_model
    monkeypatch.setattr(program, "compile_model", fails)
    bench = fuzz.Bench(tmp_path)
    found = bench.failures([(11, 7)])
    graph, why = fuzz.shrunk(bench, (11, 7), found[11, 7])
    assert graph == (11, 3)
    assert "three nodes" in why
    assert "fuzz_graphs.content(11, 3)" in fuzz.report(graph, why)
