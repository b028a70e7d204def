"""What a person types: the verbs, their options, their words and their exit codes. No logic of its own."""

from __future__ import annotations

import os
import sys

from nbmon.cli import status

SIGPIPE_EXIT = 141  # 128 + SIGPIPE, what a shell shows for a program that the signal ended
INTERRUPTED = 130  # 128 + SIGINT


def main(args: list[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 failed, 2 typed wrongly; `status` as LSB has it."""
    _open_standard_streams()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a locale without UTF-8 is no reason to fail
    sys.exit(_run(args))


def _run(args: list[str] | None) -> int:
    try:
        code = _answer(args)
        return _flushed(code)
    except BrokenPipeError:
        _silence_stdout()
        return SIGPIPE_EXIT
    except KeyboardInterrupt:
        return INTERRUPTED
    except SystemExit as leaving:  # a service in the foreground ended with it
        from nbmon.cli import failures

        return failures.code_of(leaving)
    except OSError as error:
        return _not_told(error)


def _answer(args: list[str] | None) -> int:
    asked = status.plainly(sys.argv[1:] if args is None else args)
    return _with_click(args) if asked is None else _status(*asked)


def _status(name: str | None, as_json: bool) -> int:
    try:
        text, code = status.told(name, as_json)
    except Exception as error:
        from nbmon.cli import failures

        return failures.tell(error, debug=False)
    if sys.stdout is not None:
        sys.stdout.write(text)
    return code


def _with_click(args: list[str] | None) -> int:
    from nbmon.cli.app import Settings, cli

    settings = Settings()
    try:
        result = cli.main(args=args, prog_name="nbmon", standalone_mode=False, obj=settings)
        return result if isinstance(result, int) else 0
    except BrokenPipeError:
        raise
    except Exception as error:  # the one place where a failure becomes a sentence
        from nbmon.cli import failures

        return failures.tell(error, debug=settings.debug)


def _open_standard_streams() -> None:
    """A closed 0, 1 or 2 would be taken by the next file that is opened, which then gets the messages."""
    fd = os.open(os.devnull, os.O_RDWR)
    while fd < 2:
        fd = os.dup(fd)
    if fd > 2:
        os.close(fd)


def _flushed(code: int) -> int:
    """`code`, once all is written. OSError; not of what failed, and was told, before."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError:
        if not code:
            raise
        _silence_stdout()
    return code


def _not_told(error: OSError) -> int:
    """Not even the words for a failure can be loaded, or what was to be said cannot be written."""
    from errno import EMFILE, ENFILE

    if error.errno in (EMFILE, ENFILE):
        os.write(2, f"nbmon: {error.strerror}; raise the limit (ulimit -n)\n".encode())
    else:
        _silence_stdout()
        os.write(2, f"nbmon: cannot write to stdout: {error.strerror}\n".encode())
    return 1


def _silence_stdout() -> None:
    """The reader is gone (`| head`): what is buffered goes nowhere, without a complaint at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
