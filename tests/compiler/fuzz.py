"""Random graphs and mutated files, until one fails: `make fuzz`.

A graph passes when numpy reference = C on the host = TFLM for every output byte. A mutated file passes
when it compiles or is refused with one line, within seconds.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path

import fuzz_graphs
import numpy as np
from test_reader import MODEL, mutate

from tinyml import passes, resources, targets
from tinyml.codegen import program, project
from tinyml.emulate import ports
from tinyml.errors import InputError
from tinyml.graph import reference
from tinyml.quantize.tflm import Tflm

SAMPLES = 6
BATCH = 25  # graphs that are compiled into one library
SECONDS_FOR_A_FILE = 10
_COMPILE = ["cc", "-std=c99", "-O1", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-fPIC"]
_COMPILE += os.environ.get("CFLAGS", "").split()  # e.g. the sanitizers
_SANITIZERS = "-g -fsanitize=address,undefined -fno-sanitize-recover=all"

Graph = tuple[int, int]  # seed and number of nodes


class Bench:
    """A folder in which graphs are exported, compiled together and run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._glue = resources.folder("cmsis_glue")
        self._count = 0

    def failures(self, graphs: Sequence[Graph]) -> dict[Graph, str]:
        """What went wrong with which graph; empty when all is well."""
        found: dict[Graph, str] = {}
        exported: dict[Graph, tuple[Path, program.Program]] = {}
        for graph in graphs:
            try:
                exported[graph] = self._export(graph)
            except Exception:
                found[graph] = traceback.format_exc(limit=-4)
        if not exported:
            return found
        library = self._compile([directory for directory, _ in exported.values()])
        for graph, (directory, compiled) in exported.items():
            try:
                _compare(library, directory, compiled, graph[0])
            except Exception as error:
                found[graph] = str(error)
        return found

    def _export(self, graph: Graph) -> tuple[Path, program.Program]:
        self._count += 1
        directory = self._folder / f"graph_{self._count}"
        directory.mkdir()
        path = directory.with_suffix(".tflite")
        path.write_bytes(fuzz_graphs.content(*graph))
        compiled = program.compile_model(path, _left_out(graph[0]))
        broken = program.find_problems(compiled.graph)
        assert not broken, f"after the passes: {broken}"
        project.write(
            directory, compiled, targets.find("cortex-m4"), path, "0" * 64, directory.name
        )
        return directory, compiled

    def _compile(self, directories: list[Path]) -> ctypes.CDLL:
        sources = [d / name for d in directories for name in ("model.c", "weights.c")]
        kernels = {path.name for d in directories for path in (d / "kernels").glob("*.c")}
        objects = [self._kernel(name) for name in sorted(kernels)]
        self._count += 1
        library = self._folder / f"batch_{self._count}.so"
        self._run([f"-I{self._glue}", "-shared", *sources, *objects, "-o", library])
        return ctypes.CDLL(str(library))

    def _kernel(self, name: str) -> Path:
        """The object of a kernel, compiled once."""
        made = self._folder / f"{name}.o"
        if not made.exists():
            self._run(["-c", self._glue / name, "-o", made])
        return made

    def _run(self, arguments: Sequence[object]) -> None:
        done = subprocess.run([*_COMPILE, *map(str, arguments)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def _left_out(seed: int) -> tuple[str, ...]:
    """For one graph in four, a pass that it is compiled without, each in turn."""
    return passes.NAMES[seed // 4 % len(passes.NAMES) :][:1] if seed % 4 == 0 else ()


def _compare(library: ctypes.CDLL, directory: Path, compiled: program.Program, seed: int) -> None:
    known = ports.of_project(directory)
    batches = known.random_inputs(SAMPLES, seed)
    for batch in batches:
        batch[0], batch[1] = np.iinfo(batch.dtype).min, np.iinfo(batch.dtype).max
    expected = Tflm(directory.with_suffix(".tflite")).predict_all(batches)
    _equal("numpy reference", reference.outputs(compiled.graph, batches), expected)
    _equal("host C", _executed(library, directory.name, known, batches), expected)


def _equal(what: str, found: Sequence[np.ndarray], expected: Sequence[np.ndarray]) -> None:
    assert len(found) == len(expected), what
    for index, (one, other) in enumerate(zip(found, expected)):
        np.testing.assert_array_equal(one, other, err_msg=f"{what} and TFLM, output {index}")


def _executed(
    library: ctypes.CDLL, prefix: str, known: ports.Ports, batches: list[np.ndarray]
) -> list[np.ndarray]:
    def memory(kind: str, port: ports.Port) -> np.ndarray:
        function = getattr(library, f"{prefix}_{kind}{port.suffix}")
        function.restype = ctypes.POINTER(np.ctypeslib.as_ctypes_type(np.dtype(port.dtype)))
        return np.ctypeslib.as_array(function(), shape=port.shape).reshape(port.sample_shape)

    sources = [memory("input", port) for port in known.inputs]
    results = [memory("output", port) for port in known.outputs]
    getattr(library, f"{prefix}_init")()
    answers = []
    for sample in zip(*batches):
        for source, part in zip(sources, sample):
            source[...] = part
        getattr(library, f"{prefix}_invoke")()
        answers.append([result.copy() for result in results])
    return [np.stack(parts) for parts in zip(*answers)]


def shrunk(bench: Bench, graph: Graph, why: str) -> tuple[Graph, str]:
    """The fewest leading nodes of a graph that fail, and how."""
    seed, nodes = graph
    for fewer in range(1, nodes):
        found = bench.failures([(seed, fewer)])
        if found:
            return next(iter(found.items()))
    return graph, why


def report(graph: Graph, why: str) -> str:
    """What a failure says, and how to get it again."""
    seed, nodes = graph
    operators = fuzz_graphs.build(seed, nodes)[0].operators
    return f"fuzz_graphs.content({seed}, {nodes}) fails: {' -> '.join(operators)}\n{why}"


def fuzz(seeds: Sequence[int], say: bool = False) -> list[str]:
    """Run the graphs of some seeds; a report for every failing one, the smallest first."""
    failed: list[tuple[int, str]] = []
    for start in range(0, len(seeds), BATCH):
        chosen = [(seed, fuzz_graphs.size(seed)) for seed in seeds[start : start + BATCH]]
        if say:
            print(f"graphs of seeds {chosen[0][0]} to {chosen[-1][0]}", flush=True)
        # A folder a batch: what it takes is given back, and a shrunk graph is exported anew.
        with tempfile.TemporaryDirectory(prefix="tinyml-fuzz-") as scratch:
            bench = Bench(Path(scratch))
            for graph, why in bench.failures(chosen).items():
                smallest, why = shrunk(bench, graph, why)
                failed.append((smallest[1], report(smallest, why)))
    return [text for _, text in sorted(failed)]


@contextlib.contextmanager
def _limit(seconds: int) -> Iterator[None]:
    def stop(number: int, frame: object) -> None:
        raise TimeoutError(f"took over {seconds} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def mutant(number: int) -> bytes:
    """The committed model or a small random graph, much or hardly changed."""
    rng = np.random.default_rng([number, 1])
    original = MODEL.read_bytes() if number % 2 else fuzz_graphs.content(number // 20, 4)
    return mutate(original, rng) if number % 4 < 2 else _nudged(original, rng)


def _nudged(content: bytes, rng: np.random.Generator) -> bytes:
    """One byte changed: most such files are well-formed, and the operators have to judge them."""
    data = bytearray(content)
    place = int(rng.integers(8, len(data)))
    data[place] = int(rng.choice([0, 1, 2, 0xFF, 0x80, data[place] ^ 1, data[place] ^ 4]))
    return bytes(data)


def mutants(numbers: Sequence[int]) -> list[str]:
    """Compile and export mutated files; a report for every one that is not refused as it should."""
    failed = []
    with tempfile.TemporaryDirectory(prefix="tinyml-fuzz-") as scratch:
        for number in numbers:
            path = Path(scratch) / f"mutant_{number}.tflite"
            path.write_bytes(mutant(number))
            wrong = _refusal(path)
            if wrong:
                failed.append(f"fuzz.mutants([{number}]) fails: {wrong}")
            path.unlink()
    return failed


def _refusal(path: Path) -> str:
    """What is wrong with how a bad file is met, or ""."""
    with tempfile.TemporaryDirectory(prefix="tinyml-fuzz-") as scratch:
        try:
            with _limit(SECONDS_FOR_A_FILE):
                compiled = program.compile_model(path)
                board = targets.find("cortex-m4")
                project.write(Path(scratch), compiled, board, path, "0" * 64, "mutant")
        except InputError as error:
            return "a message of several lines" if re.search("\n", str(error)) else ""
        except Exception:
            return traceback.format_exc(limit=-5)
    return ""


def sanitized(first: int, graphs: int) -> str:
    """Run the graphs of some seeds with address and undefined-behaviour sanitizers; what failed, or ""."""
    runtime = subprocess.run(
        ["cc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True
    ).stdout.strip()
    # The library that they instrument is loaded into Python, which leaks on its way out.
    settings = {"CFLAGS": _SANITIZERS, "LD_PRELOAD": runtime, "ASAN_OPTIONS": "detect_leaks=0"}
    amounts = {"graphs": graphs, "seed": first, "mutants": 0, "sanitized": 0}
    options = [f"--{name}={amount}" for name, amount in amounts.items()]
    done = subprocess.run(
        [sys.executable, __file__, *options],
        env={**os.environ, **settings, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
    )
    return "" if done.returncode == 0 else f"with sanitizers:\n{done.stdout}\n{done.stderr}"


def main() -> int:
    """Fuzz as much as asked for; 1 when anything failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--graphs", type=int, default=2000)
    parser.add_argument("--mutants", type=int, default=5000)
    parser.add_argument("--sanitized", type=int, default=200, help="graphs, once more")
    parser.add_argument("--seed", type=int, default=1000, help="of the first graph and mutant")
    asked = parser.parse_args()
    start = time.monotonic()
    failed = fuzz(range(asked.seed, asked.seed + asked.graphs), say=True)
    print(f"{asked.mutants} mutated files from {asked.seed} on", flush=True)
    failed += mutants(range(asked.seed, asked.seed + asked.mutants))
    if asked.sanitized:
        print(f"{asked.sanitized} graphs from {asked.seed} on with sanitizers", flush=True)
        failed += filter(None, [sanitized(asked.seed, asked.sanitized)])
    for text in failed:
        print(f"\n{text}")
    seconds = time.monotonic() - start
    amounts = f"{asked.graphs} graphs, {asked.sanitized} with sanitizers, {asked.mutants} files"
    print(f"\n{amounts}: {len(failed)} fail ({seconds:.0f} s)")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
