"""The two ways a command ends other than well; the command line turns them into exit codes 2 and 1."""

from __future__ import annotations


class TinymlError(Exception):
    """An ending that the user is told of in one line, without a traceback."""

    exit_code = 2


class InputError(TinymlError):
    """Bad input or usage: exit code 2.

    Args:
        where: the file, option or node that is wrong.
        what: the rule it breaks, and what was found.
        remedy: what to do about it.
    """

    exit_code = 2

    def __init__(self, where: object, what: str, remedy: str) -> None:
        super().__init__(" ".join(f"{where}: {what}; {remedy}".split()))


class CheckFailed(TinymlError):  # noqa: N818 - it names an outcome, not a defect
    """The tool did its work and the answer is no (not bit-exact, over budget): exit code 1."""

    exit_code = 1
