"""The doctor, among tools of every sort: right, missing, broken, hanging, lying."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from tinyml import cmsis_nn, doctor
from tinyml.errors import InputError

TINYML = Path(sys.executable).with_name("tinyml")


@pytest.fixture
def bin_dir(tmp_path, monkeypatch):
    """An empty folder that is the whole PATH, with nothing said in the environment."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    for name in ("CC", "RENODE_PATH", "CMSIS_NN_PATH", "CMSIS_PACK_ROOT"):
        monkeypatch.delenv(name, raising=False)
    return folder


def put(folder: Path, name: str, script: str) -> Path:
    """A shell script as the program `name`."""
    program = folder / name
    program.write_text("#!/bin/sh\n" + textwrap.dedent(script))
    program.chmod(0o755)
    return program


def put_cmsis_nn(root: Path, interface: str, release: str = "0.0.0") -> Path:
    (root / "Include").mkdir(parents=True)
    (root / "Include/arm_nnfunctions.h").write_text(f"/*\n * $Revision:    V.{interface}\n */\n")
    (root / "ARM.CMSIS-NN.pdsc").write_text(
        f'<package schemaVersion="1.7.36">\n<releases>\n<release version="{release}">\n'
    )
    return root


def run_doctor(*arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **({"PATH": path} if path is not None else {})}
    return subprocess.run(
        [str(TINYML), "doctor", *arguments],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )


def test_this_machine_is_well():
    """`make setup` has installed all that is required, so the doctor must find it."""
    ended = run_doctor("--json")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    rows = {row["name"]: row for row in json.loads(ended.stdout)["tools"]}
    for row in rows.values():
        if row["required"]:
            assert row["status"] == "found", row
            assert row["version"], row
    assert rows["TensorFlow"]["version"].startswith("2.14")
    assert ended.stderr == ""


def test_nothing_there_is_exit_1_with_remedies(bin_dir):
    ended = run_doctor(path=str(bin_dir))
    assert ended.returncode == 1
    assert ended.stderr == (
        "tinyml: doctor: export and validate need what is not there: "
        "arm-none-eabi-gcc, newlib, qemu-system-arm\n"
    )
    assert "apt install gcc-arm-none-eabi" in ended.stdout


def test_json_holds_the_same_rows_when_the_check_fails(bin_dir):
    ended = run_doctor("--json", path=str(bin_dir))
    assert ended.returncode == 1
    rows = json.loads(ended.stdout)["tools"]
    assert [row["name"] for row in rows] == [tool.name for tool in doctor.tools()]
    assert all(row["remedy"] for row in rows if row["status"] != "found")


def test_it_imports_no_tensorflow():
    code = (
        "import sys\n"
        "from tinyml import doctor\n"
        "print(len([tool.probe() for tool in doctor.tools()]))\n"
        "print([m for m in sys.modules if m.startswith('tensorflow')])\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == f"{len(doctor.tools())}\n[]\n"


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("arm-none-eabi-gcc (15:12.2.rel1-1) 12.2.1 20221205", "12.2.1"),
        ("gcc (Debian 12.2.0-14+deb12u1) 12.2.0", "12.2.0"),
        ("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)", "7.2.22"),
        ("Renode v1.15.3.19470", "1.15.3.19470"),
        ("0.36.0", "0.36.0"),
        ("tool (1.2.3)", "1.2.3"),
        ("no number here", ""),
    ],
)
def test_versions_as_tools_write_them(bin_dir, said, version):
    path = put(bin_dir, "tool", f"echo '{said}'")
    assert doctor.program("tool") == doctor.State(doctor.FOUND, version, str(path))


def test_a_program_that_fails_is_broken(bin_dir):
    put(bin_dir, "tool", "exit 3")
    state = doctor.program("tool")
    assert (state.status, "status 3" in state.detail) == (doctor.BROKEN, True)


def test_a_file_that_is_no_program_is_broken(bin_dir):
    (bin_dir / "tool").write_bytes(b"\x7fELF nonsense")
    (bin_dir / "tool").chmod(0o755)
    state = doctor.program("tool")
    assert (state.status, "cannot be run" in state.detail) == (doctor.BROKEN, True)


def test_a_program_that_hangs_is_ended_with_its_children(bin_dir, tmp_path):
    mark = tmp_path / "alive"
    tool = put(bin_dir, "tool", f"(/bin/sleep 2; : > {mark}) & wait")
    begun = time.monotonic()
    assert doctor.ask([str(tool)], deadline=0.3) == "gives no answer in 0.3 s"
    assert time.monotonic() - begun < 1.5
    time.sleep(2.5)
    assert not mark.exists()


def test_a_program_that_closes_its_output_and_stays_is_ended(bin_dir):
    tool = put(bin_dir, "tool", "exec >&- 2>&-; /bin/sleep 20")
    assert doctor.ask([str(tool)], deadline=0.3) == "gives no answer in 0.3 s"


def test_a_program_that_prints_without_end_is_ended(bin_dir):
    tool = put(bin_dir, "tool", "while :; do echo 1.2.3 and so on and so on and so on; done")
    answer = doctor.ask([str(tool)])
    assert isinstance(answer, str)
    assert answer.startswith("prints more than")


def test_what_a_program_prints_cannot_steer_the_terminal(bin_dir):
    put(bin_dir, "arm-none-eabi-gcc", r"printf '/lib/\033[2Jlibc.a\n\377 \"3.3.0\"\n'")
    assert "\033" not in doctor.newlib().detail


def test_qemu_without_the_board_is_broken(bin_dir):
    put(bin_dir, "qemu-system-arm", "echo QEMU emulator version 5.0.0")
    state = doctor.qemu()
    assert (state.status, state.version) == (doctor.BROKEN, "5.0.0")
    assert "mps2-an386" in state.detail


def test_newlib_without_headers_is_broken(bin_dir):
    put(bin_dir, "arm-none-eabi-gcc", 'case "$*" in *libc.a*) echo /lib/libc.a;; *) exit 1;; esac')
    assert doctor.newlib().status == doctor.BROKEN


def test_newlib_missing_beside_a_good_compiler(bin_dir):
    put(bin_dir, "arm-none-eabi-gcc", "echo libc.a")  # what gcc prints for a file it does not find
    assert doctor.newlib().status == doctor.MISSING


@pytest.mark.parametrize("value", ["no-such-compiler", "'unclosed", "/dev/null"])
def test_a_wrong_cc_is_broken_and_named(bin_dir, monkeypatch, value):
    monkeypatch.setenv("CC", value)
    state = doctor.host_compiler()
    assert (state.status, "$CC" in state.detail) == (doctor.BROKEN, True)


def test_cc_may_hold_options(bin_dir, monkeypatch):
    put(bin_dir, "wrapper", '[ "$1" = real-cc ] && echo "cc 9.1"')
    monkeypatch.setenv("CC", "wrapper real-cc")
    assert doctor.host_compiler().version == "9.1"


def test_a_host_compiler_without_headers_is_broken(bin_dir):
    put(bin_dir, "cc", '[ "$1" = --version ] && echo cc 9.1')
    assert doctor.host_compiler().status == doctor.BROKEN


def test_renode_by_variable_as_folder_or_program(bin_dir, tmp_path, monkeypatch):
    program = put(tmp_path, "renode", "echo Renode v1.15.3")
    for value in (tmp_path, program):
        monkeypatch.setenv("RENODE_PATH", str(value))
        assert doctor.renode() == doctor.State(doctor.FOUND, "1.15.3", str(program))
    monkeypatch.setenv("RENODE_PATH", str(tmp_path / "gone"))
    assert doctor.renode().status == doctor.BROKEN


def test_a_half_installed_package_is_broken(tmp_path, monkeypatch):
    (tmp_path / "half-1.0.dist-info").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    assert doctor.package("half").status == doctor.BROKEN
    assert doctor.package("tinyml-no-such-package").status == doctor.MISSING


@pytest.mark.parametrize(
    ("interface", "release", "version", "supported"),
    [
        ("18.0.0", "0.0.0", "checkout, interface 18.0.0", True),  # a checkout of release 7.0.0
        ("19.1.0", "8.0.0", "8.0.0", True),
        ("16.0.0", "6.0.0", "6.0.0", False),
        ("17.3.0", "0.0.0", "checkout, interface 17.3.0", False),  # between 6.0.0 and 7.0.0
    ],
)
def test_cmsis_nn_versions(tmp_path, interface, release, version, supported):
    found = cmsis_nn.find(put_cmsis_nn(tmp_path / "nn", interface, release))
    assert found is not None
    assert (found.version, found.is_supported) == (version, supported)


def test_the_newest_pack_wins_and_the_variable_wins_over_packs(bin_dir, tmp_path, monkeypatch):
    for release in ("7.0.0", "10.0.0", "9.0.0"):
        put_cmsis_nn(tmp_path / "packs/ARM/CMSIS-NN" / release, "18.0.0", release)
    monkeypatch.setenv("CMSIS_PACK_ROOT", str(tmp_path / "packs"))
    assert doctor.arm_kernels(None).version == "10.0.0"
    monkeypatch.setenv("CMSIS_NN_PATH", str(put_cmsis_nn(tmp_path / "mine", "18.1.0")))
    assert doctor.arm_kernels(None).detail == str(tmp_path / "mine")


def test_an_old_cmsis_nn_is_broken(tmp_path):
    state = doctor.arm_kernels(put_cmsis_nn(tmp_path / "nn", "16.0.0"))
    assert (state.status, "older than 7.0.0" in state.detail) == (doctor.BROKEN, True)


def test_a_wrong_cmsis_nn_names_what_said_so(bin_dir, tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"^--cmsis-nn: .*Include/arm_nnfunctions.h not found"):
        cmsis_nn.find(tmp_path)
    monkeypatch.setenv("CMSIS_NN_PATH", str(tmp_path))
    state = doctor.arm_kernels(None)
    assert (state.status, "$CMSIS_NN_PATH" in state.detail) == (doctor.BROKEN, True)
