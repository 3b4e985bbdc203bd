"""How many bytes of scratch CMSIS-NN wants for a call: as its own functions say, compiled for the core."""

from __future__ import annotations

import hashlib
import re
import subprocess
from functools import lru_cache
from pathlib import Path
from typing import Any

from tinyml import process, resources
from tinyml.cmsis_nn import CmsisNN, sources
from tinyml.errors import CheckFailed
from tinyml.ops.base import Array, Fields
from tinyml.targets import Core

_MARK = "tinyml_scratch_bytes"
_ANSWER = re.compile(rf"^\s*{_MARK} #?(\d+)\s*$", re.MULTILINE)
_ASKING = re.compile(r"\barm_\w+_buffer_size\w*\b")
# What the project is on this machine: plain C. Asked of the core whose compiler is at hand.
_PLAIN = ("-mcpu=cortex-m3", "-mthumb")
_TIMEOUT_SECONDS = 60


def wanted(library: CmsisNN, core: Core, kernel: str, params: Fields) -> int:
    """The bytes that serve both the core and the plain C of this machine.

    Args:
        library: the CMSIS-NN that the kernel calls.
        core: what it is compiled for.
        kernel: a file of `cmsis_glue/` with a function of that name and `_scratch`.
        params: of the kernel.

    Raises:
        InputError: there is no compiler for the core.
        CheckFailed: it does not compile this CMSIS-NN.
    """
    return max(_answer(library, flags, kernel, params) for flags in (core.flags, _PLAIN))


def _answer(library: CmsisNN, flags: tuple[str, ...], kernel: str, params: Fields) -> int:
    import platformdirs

    question = _question(library.root, kernel, params)
    key = hashlib.sha256("\0".join((_contents(library.root, kernel), *flags, question)).encode())
    cached = Path(platformdirs.user_cache_dir("tinyml")) / "cmsis-nn" / key.hexdigest()[:32]
    if cached.is_file():
        return int(cached.read_text("utf-8"))
    answer = _compile(library, flags, question)
    cached.parent.mkdir(parents=True, exist_ok=True)
    cached.write_text(str(answer), "utf-8")
    return answer


def _question(root: Path, kernel: str, params: Fields) -> str:
    """The C text that makes the compiler compute the answer."""
    template = resources.templates().get_template("cmsis_nn/scratch.c.j2")
    names = [Path(path).name for path in _asked(root, kernel).sources]
    text: str = template.render(
        sources=names, kernel=kernel, fields=_plain_fields(params), mark=_MARK
    )
    return text


@lru_cache(maxsize=64)
def _asked(root: Path, kernel: str) -> sources.Files:
    """The files of CMSIS-NN that define the functions which tell a kernel's sizes."""
    glue = (resources.folder("cmsis_glue") / f"{kernel}.c").read_text("utf-8")
    found = sources.needed(root, _ASKING.findall(glue))
    telling = tuple(path for path in found.sources if "buffer_size" in Path(path).name)
    return sources.Files(telling, found.headers)


@lru_cache(maxsize=64)
def _contents(root: Path, kernel: str) -> str:
    """A digest of all files that an answer depends on."""
    files = _asked(root, kernel)
    glue = sorted(resources.folder("cmsis_glue").glob(f"{kernel}.[ch]"))
    paths = [*(root / path for path in (*files.sources, *files.headers)), *glue]
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in paths)).hexdigest()


def _plain_fields(params: Fields) -> list[dict[str, Any]]:
    """Fields for the template; arrays have no size to say and are left out."""
    return [
        {"name": name, "value": int(value), "fields": None}
        if not isinstance(value, tuple)
        else {"name": name, "value": None, "fields": _plain_fields(value)}
        for name, value in params
        if not isinstance(value, Array) and value != ()
    ]


def _compile(library: CmsisNN, flags: tuple[str, ...], question: str) -> int:
    folders = sorted({path.parent for path in (library.root / "Source").rglob("*.c")})
    searched = [resources.folder("cmsis_glue"), library.root / "Include", *folders]
    command = [
        *(process.need("arm-none-eabi-gcc"), *flags, "-std=gnu99", "-O2", "-w"),
        *(option for folder in searched for option in ("-I", str(folder))),
        *("-S", "-x", "c", "-o", "-", "-"),
    ]
    done = subprocess.run(
        process.guarded(command),
        input=question,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_SECONDS,
        check=False,
    )
    found = _ANSWER.search(done.stdout)
    if done.returncode != 0 or found is None:
        errors = [line for line in done.stderr.splitlines() if "error" in line]
        said = errors[0] if errors else "the size is no constant"
        raise CheckFailed(f"CMSIS-NN in {library.root} does not say its scratch: {said[:300]}")
    return int(found[1])
