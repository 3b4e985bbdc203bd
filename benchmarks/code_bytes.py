"""Compiles every kernel for a Cortex-M4 and writes how much code each is (tinyml/kernels/code_bytes.json).

The export weighs it when it chooses kernels. What a kernel calls in another file is not part of it.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path

from tinyml import targets

HERE = Path(__file__).resolve().parent
KERNELS = HERE.parent / "cmsis_glue"
RECORD = HERE.parent / "tinyml/kernels/code_bytes.json"


def code_bytes(source: Path, folder: Path) -> int:
    """Code and constant tables of one kernel, compiled as an exported project does."""
    compiled = folder / f"{source.stem}.o"
    flags = targets.find("cortex-m4").flags
    command = ["arm-none-eabi-gcc", *flags, "-std=c99", "-O2", "-ffreestanding", f"-I{KERNELS}"]
    subprocess.run([*command, "-c", str(source), "-o", str(compiled)], check=True)
    size = ["arm-none-eabi-size", str(compiled)]
    table = subprocess.run(size, check=True, capture_output=True, text=True).stdout
    return int(table.splitlines()[1].split()[0])


def measured() -> dict[str, int]:
    """Bytes of every kernel, by name."""
    with tempfile.TemporaryDirectory() as folder:
        # What calls CMSIS-NN is thin, and its code is not here.
        sources = sorted(set(KERNELS.glob("*.c")) - set(KERNELS.glob("tinyml_cmsis_*.c")))
        return {source.stem: code_bytes(source, Path(folder)) for source in sources}


if __name__ == "__main__":
    RECORD.write_text(json.dumps(measured(), indent=2) + "\n", encoding="utf-8")
