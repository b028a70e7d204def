"""From a failure to a sentence on stderr and an exit code, in one place. A traceback only with --debug."""

from __future__ import annotations

import sys

FAILED = 1
MISUSED = 2


def tell(error: Exception, *, debug: bool = False) -> int:
    """Print what `error` means to a person; the exit code."""
    import click

    if debug:
        _print_traceback(error)
    if isinstance(error, click.ClickException):
        error.show()
        return error.exit_code
    if isinstance(error, click.Abort):
        return 130
    sentence, code = meaning(error)
    if sys.stderr is not None:
        print(f"nbmon: {sentence}", file=sys.stderr)
    return code


def meaning(error: Exception) -> tuple[str, int]:
    """The sentence and the exit code of what is not click's own."""
    from nbmon.daemon.errors import DaemonError
    from nbmon.lab.errors import LabError, LabMisuseError
    from nbmon.services.errors import MisuseError, ServiceError, printable, reason_of

    if isinstance(error, MisuseError | LabMisuseError):
        return str(error), MISUSED
    if isinstance(error, ServiceError | DaemonError | LabError):
        return str(error), FAILED
    if isinstance(error, OSError):
        where = f": {printable(str(error.filename))}" if error.filename else ""
        return f"{reason_of(error)}{where}", FAILED
    what = f"{type(error).__name__}: {printable(str(error))}"
    return f"a defect of nbmon's own: {what}; nbmon --debug … shows where", FAILED


def code_of(leaving: SystemExit) -> int:
    """The exit code of a service that ran in the foreground; its last words, if any, go to stderr."""
    if leaving.code is None or isinstance(leaving.code, int):
        return leaving.code or 0
    if sys.stderr is not None:
        print(f"nbmon: {leaving.code}", file=sys.stderr)
    return FAILED


def _print_traceback(error: Exception) -> None:
    import traceback

    theirs = getattr(error, "traceback", None)  # StartFailed: the daemon's own side
    if isinstance(theirs, str):
        print(theirs, file=sys.stderr)
    traceback.print_exception(error)
