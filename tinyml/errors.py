"""The ways a command ends other than well; the command line turns them into exit codes."""

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


class Interrupted(TinymlError):  # noqa: N818 - likewise
    """Ctrl-C or SIGTERM in a step that can go on later: exit code 130, as of any interrupted one."""

    exit_code = 130

    def __init__(self, remedy: str) -> None:
        super().__init__(f"interrupted; {remedy}")
