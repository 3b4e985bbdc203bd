"""The model as a library of Arduino, Zephyr and CMSIS-Pack: their tools read it, and it computes the same."""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from tinyml import targets
from tinyml.cli.export import command
from tinyml.codegen import packages
from tinyml.errors import InputError
from tinyml.quantize.tflm import Tflm

MODEL = Path(__file__).parent.parent / "models" / "small.tflite"
KINDS = sorted(packages.KINDS)


def export(output: Path, kind: str, prefix: str = "small", core: str = "cortex-m4") -> Path:
    arguments = [str(MODEL), "--target", core, "--package", kind, "--prefix", prefix]
    CliRunner().invoke(
        command, [*arguments, "-o", str(output)], catch_exceptions=False, standalone_mode=False
    )
    return output


@pytest.fixture(scope="module")
def arduino(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(tmp_path_factory.mktemp("packages") / "arduino", "arduino")


@pytest.mark.parametrize("kind", KINDS)
def test_each_holds_the_same_sources(tmp_path: Path, arduino: Path, kind: str) -> None:
    made = export(tmp_path / "made", kind)
    for path in sorted((arduino / "src").iterdir()):
        assert (made / "src" / path.name).read_bytes() == path.read_bytes()
    assert (made / "extras/model.tflite").read_bytes() == MODEL.read_bytes()
    assert "small_init();" in (made / "README.md").read_text()
    assert not (made / "firmware").exists()


def test_every_name_begins_with_the_prefix(tmp_path: Path, arduino: Path) -> None:
    """So that packages of two models do not meet."""
    found = set()
    for source in (arduino / "src").glob("*.c"):
        assert source.name.startswith("small_")
        made = tmp_path / "made.o"
        subprocess.run(["cc", "-std=c99", "-c", source, "-o", made], check=True)
        listed = subprocess.run(
            ["nm", "-g", "--defined-only", made], capture_output=True, text=True
        )
        found |= {line.split()[-1] for line in listed.stdout.splitlines()}
    assert {"small_invoke", "small_tinyml_softmax_s8"} <= found
    assert [name for name in sorted(found) if not name.startswith("small_")] == []


def test_it_computes_what_tflm_does(tmp_path: Path, arduino: Path) -> None:
    library = tmp_path / "libsmall.so"
    sources = sorted((arduino / "src").glob("*.c"))
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", *sources, "-o", library], check=True)
    loaded = ctypes.CDLL(str(library))
    loaded.small_input.restype = loaded.small_output.restype = ctypes.POINTER(ctypes.c_int8)
    loaded.small_init()
    inputs = np.random.default_rng(3).integers(-128, 128, (3, 8, 8, 1)).astype(np.int8)
    outputs = []
    for sample in inputs:
        ctypes.memmove(loaded.small_input(), sample.tobytes(), sample.nbytes)
        loaded.small_invoke()
        outputs.append(np.ctypeslib.as_array(loaded.small_output(), (10,)).copy())
    np.testing.assert_array_equal(np.stack(outputs), Tflm(MODEL).predict(inputs))


@pytest.mark.parametrize("core", sorted(targets.cores()))
def test_every_core_compiles_it_as_these_systems_do(
    tmp_path: Path, arduino: Path, core: str
) -> None:
    """With the library's src as the only folder of headers, and with the system's own dialect of C."""
    flags = targets.find(core).flags
    for source in sorted((arduino / "src").glob("*.c")):
        line = ["arm-none-eabi-gcc", *flags, "-std=gnu11", "-Os", "-Wall", "-Werror"]
        line += [f"-I{arduino / 'src'}", "-c", str(source), "-o", str(tmp_path / "made.o")]
        done = subprocess.run(line, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_two_packages_in_one_program(tmp_path: Path, arduino: Path) -> None:
    """All objects of both are linked, as Arduino and Zephyr do, not only what is needed."""
    other = export(tmp_path / "other", "arduino", "other")
    main = tmp_path / "main.c"
    main.write_text(
        "#include <other_model.h>\n#include <small_model.h>\n#include <string.h>\n"
        "int main(void)\n{\n"
        "    small_init();\n    other_init();\n"
        "    memset(small_input(), 7, SMALL_INPUT_BYTES);\n"
        "    memset(other_input(), 7, OTHER_INPUT_BYTES);\n"
        "    small_invoke();\n    other_invoke();\n"
        "    return memcmp(small_output(), other_output(), SMALL_OUTPUT_BYTES);\n}\n"
    )
    sources = [path for folder in (arduino, other) for path in (folder / "src").glob("*.c")]
    include = [f"-I{folder / 'src'}" for folder in (arduino, other)]
    subprocess.run(["cc", "-O1", *include, main, *sources, "-o", tmp_path / "both"], check=True)
    assert subprocess.run([tmp_path / "both"]).returncode == 0


# ---- Arduino: its specification's rules, as the builder itself is on no registry ----------------

_FIELDS = {
    "name": r"[a-zA-Z0-9][a-zA-Z0-9 _.-]{0,62}",
    "version": r"\d+\.\d+\.\d+",
    "author": r".+",
    "maintainer": r".+",
    "sentence": r".+",
    "paragraph": r".+",
    "category": "Data Processing",
    "url": r"https://\S+",
    "architectures": r"\*",
    "includes": r"\S+\.h",
    "license": "Apache-2.0",
}


def test_arduinos_properties(arduino: Path) -> None:
    lines = (arduino / "library.properties").read_text().splitlines()
    found = dict(line.split("=", 1) for line in lines)
    assert set(found) == set(_FIELDS)
    for name, pattern in _FIELDS.items():
        assert re.fullmatch(pattern, found[name]), name
    assert (arduino / "src" / found["includes"]).is_file()
    sketches = sorted(arduino.rglob("*.ino"))
    assert [path.parent.name for path in sketches] == [path.stem for path in sketches]  # its rule


def test_arduinos_example_runs(tmp_path: Path, arduino: Path) -> None:
    """As C++, with what it uses of Arduino's core written for this machine."""
    (tmp_path / "Arduino.h").write_text(
        "#include <cstdio>\n"
        "struct {\n"
        "    void begin(long) {}\n"
        '    template <class T> void print(T value) { std::printf("%ld", (long)value); }\n'
        "    void print(char value) { std::putchar(value); }\n"
        "    void println(const char *text) { std::puts(text); }\n"
        "} Serial;\n"
        "unsigned long micros() { return 0; }\nvoid delay(int) {}\n"
    )
    main = tmp_path / "main.cpp"
    sketch = arduino / "examples/inference/inference.ino"
    main.write_text(
        f'#include "Arduino.h"\n{sketch.read_text()}\nint main() {{ setup(); loop(); }}\n'
    )
    objects = []
    for source in (arduino / "src").glob("*.c"):
        objects.append(tmp_path / f"{source.stem}.o")
        subprocess.run(["cc", "-O1", "-c", source, "-o", objects[-1]], check=True)
    include = [f"-I{arduino / 'src'}", f"-I{tmp_path}"]
    program = tmp_path / "sketch"
    subprocess.run(["g++", "-Wall", "-Werror", *include, main, *objects, "-o", program], check=True)
    said = subprocess.run([program], capture_output=True, text=True).stdout.split()
    expected = Tflm(MODEL).predict(np.zeros((1, 8, 8, 1), np.int8))[0]
    assert said == [*map(str, expected), "0", "us"]


def test_a_name_that_arduino_does_not_take(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="too short"):
        export(tmp_path / "made", "arduino", "m")
    assert not (tmp_path / "made").exists()


# ---- Zephyr ------------------------------------------------------------------------------------


def test_zephyrs_module(tmp_path: Path) -> None:
    made = export(tmp_path / "made", "zephyr")
    module = yaml.safe_load((made / "zephyr/module.yml").read_text())
    assert module == {"name": "small", "build": {"cmake": "zephyr", "kconfig": "zephyr/Kconfig"}}
    assert (made / module["build"]["kconfig"]).is_file()
    assert (made / module["build"]["cmake"] / "CMakeLists.txt").is_file()


def test_zephyrs_kconfig(tmp_path: Path) -> None:
    kconfiglib = pytest.importorskip("kconfiglib")  # what Zephyr reads it with
    made = export(tmp_path / "made", "zephyr")
    read = kconfiglib.Kconfig(str(made / "zephyr/Kconfig"), warn_to_stderr=False)
    symbol = read.syms["TINYML_SMALL"]
    assert symbol.str_value == "n"
    symbol.set_value("y")
    assert symbol.str_value == "y"
    assert read.warnings == []


@pytest.mark.parametrize("enabled", [True, False])
def test_zephyrs_cmake(tmp_path: Path, enabled: bool) -> None:
    """By CMake itself, with Zephyr's three functions as its documentation tells them."""
    if shutil.which("cmake") is None:
        pytest.skip("cmake is not installed")
    made = export(tmp_path / "made", "zephyr")
    application = tmp_path / "application"
    application.mkdir()
    (application / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.13)\nproject(app C)\n"
        "function(zephyr_include_directories)\n  include_directories(${ARGN})\n"
        '  set_property(GLOBAL PROPERTY SEEN "${ARGN}")\nendfunction()\n'
        "macro(zephyr_library_named name)\n  set(LIBRARY ${name})\n  add_library(${name} STATIC)\n"
        f"  target_include_directories(${{name}} PRIVATE {made}/src)\nendmacro()\n"
        "function(zephyr_library_sources)\n  target_sources(${LIBRARY} PRIVATE ${ARGN})\nendfunction()\n"
        f"set(CONFIG_TINYML_SMALL {'y' if enabled else 'n'})\n"
        f"add_subdirectory({made}/zephyr zephyr_small)\n"
    )
    for line in (
        ["cmake", "-S", application, "-B", tmp_path / "build"],
        ["cmake", "--build", tmp_path / "build"],
    ):
        done = subprocess.run(line, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert bool(list((tmp_path / "build").rglob("libsmall.a"))) == enabled


# ---- CMSIS-Pack --------------------------------------------------------------------------------


def test_cmsis_pack_lists_every_source(tmp_path: Path) -> None:
    made = export(tmp_path / "made", "cmsis-pack")
    root = ET.parse(made / "tinyml.small.pdsc").getroot()
    assert [root.findtext("vendor"), root.findtext("name")] == ["tinyml", "small"]
    listed = {file.get("name"): file.get("category") for file in root.iter("file")}
    sources = {f"src/{path.name}" for path in (made / "src").glob("*.c")}
    assert {name for name, category in listed.items() if category == "source"} == sources
    assert all((made / name).is_file() for name in listed if name)
    conditions = {condition.get("id") for condition in root.iter("condition")}
    assert {component.get("condition") for component in root.iter("component")} <= conditions


def test_pyocd_opens_the_pack(tmp_path: Path) -> None:
    pack = pytest.importorskip("pyocd.target.pack.cmsis_pack")
    made = export(tmp_path / "made", "cmsis-pack")
    packed = shutil.make_archive(str(tmp_path / "tinyml.small.1.0.0"), "zip", made)
    opened = pack.CmsisPack(packed)
    assert opened.devices == []  # it has a component only
    assert opened.get_file("src/small_model.h").read() == (made / "src/small_model.h").read_bytes()


def test_kernels_of_cmsis_nn_are_refused(tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "cmsis-nn").mkdir(parents=True)
    report = tmp_path / "made/extras/report.json"
    export(tmp_path / "made", "zephyr")
    shutil.copyfile(report, project / "report.json")
    with pytest.raises(InputError, match="--kernels tinyml"):
        packages.write("zephyr", project, targets.find("cortex-m55"), tmp_path / "out")
