"""Where the user's CMSIS-NN lies, and which version it is.

CMSIS-NN is never shipped with tinyml. A pack from a CMSIS pack manager says its release in its
`.pdsc`; a checkout says 0.0.0 there, but its public header carries the revision of the interface,
and that is what kernels are called through: release 7.0.0 came out with revision 18.0.0.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from tinyml.errors import InputError

ENVIRONMENT = "CMSIS_NN_PATH"
PACKS = "CMSIS_PACK_ROOT"

_REMEDY = (
    "git clone https://github.com/ARM-software/CMSIS-NN (7.0.0 or later) and name its folder: --cmsis-nn "
    f"PATH or {ENVIRONMENT}"
)
_HEADER = Path("Include") / "arm_nnfunctions.h"
_OLDEST_INTERFACE = (18, 0, 0)  # that of release 7.0.0
_REVISION = re.compile(r"\$Revision:\s*V\.?(\d+)\.(\d+)\.(\d+)")
_RELEASE = re.compile(r"<release\s[^>]*?version=\"(\d+\.\d+\.\d+)\"")


@dataclass(frozen=True)
class CmsisNN:
    """A CMSIS-NN folder.

    Attributes:
        root: the folder that holds `Include/` and `Source/`.
        release: e.g. "7.0.0"; None for a checkout, which does not say.
        interface: the revision of `arm_nnfunctions.h`.
    """

    root: Path
    release: str | None
    interface: tuple[int, ...]

    @property
    def version(self) -> str:
        """What to call it in a message."""
        revision = ".".join(map(str, self.interface))
        return self.release or f"checkout, interface {revision}"

    @property
    def is_supported(self) -> bool:
        """True for release 7.0.0 and all later ones."""
        return self.interface >= _OLDEST_INTERFACE

    def revision(self, source: str) -> tuple[int, ...]:
        """The revision that a file, e.g. "LSTMFunctions/arm_lstm_unidirectional_s8.c", says it has."""
        found = _REVISION.search(_beginning(self.root / "Source" / source))
        return tuple(int(part) for part in found.groups()) if found else (0, 0, 0)


def find(given: Path | None = None) -> CmsisNN | None:
    """Find it: `given` (--cmsis-nn), else $CMSIS_NN_PATH, else the newest in $CMSIS_PACK_ROOT.

    Returns:
        None when nothing is said about where it is, or the packs have none.

    Raises:
        InputError: a place that was named, by option or variable, holds no CMSIS-NN.
    """
    if given is not None:
        return read(given, "--cmsis-nn")
    named = os.environ.get(ENVIRONMENT)
    if named:
        return read(Path(named), f"${ENVIRONMENT}")
    packs = os.environ.get(PACKS)
    folders = Path(packs).glob(f"ARM/CMSIS-NN/*/{_HEADER.as_posix()}") if packs else []
    newest = max((header.parent.parent for header in folders), key=_by_version, default=None)
    return read(newest, f"${PACKS}") if newest else None


def needed(given: Path | None = None) -> CmsisNN:
    """Find it, for someone who cannot do without.

    Raises:
        InputError: it is nowhere, or too old.
    """
    found = find(given)
    if found is None:
        raise InputError("CMSIS-NN", "not found", _REMEDY)
    if not found.is_supported:
        raise InputError(str(found.root), f"is too old ({found.version})", _REMEDY)
    return found


def read(root: Path, said_by: str) -> CmsisNN:
    """Read the version of the CMSIS-NN in `root`.

    Raises:
        InputError: there is none; `said_by` names the option or variable to correct.
    """
    header = root / _HEADER
    revision = _REVISION.search(_beginning(header))
    if not revision:
        found = "has no $Revision" if header.is_file() else "not found"
        raise InputError(
            said_by,
            f"{root} holds no CMSIS-NN ({_HEADER.as_posix()} {found})",
            "name the folder that has Include/ and Source/ in it",
        )
    release = _RELEASE.search(_beginning(root / "ARM.CMSIS-NN.pdsc"))
    said = release.group(1) if release else "0.0.0"
    interface = tuple(int(part) for part in revision.groups())
    return CmsisNN(root, None if said == "0.0.0" else said, interface)


def _beginning(path: Path) -> str:
    """The first 8 KB as text; empty when there is no such file."""
    try:
        with path.open("rb") as stream:
            return stream.read(8192).decode("utf-8", errors="replace")
    except OSError:
        return ""


def _by_version(folder: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", folder.name))
