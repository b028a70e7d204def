"""`module:Class` to an instance: its own import errors are said in a sentence, with their place."""

# pathlib would be one more import for a `status` of milliseconds.
# ruff: noqa: PTH208
from __future__ import annotations

import os
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from nbmon.services.errors import ServiceError, near, printable

if TYPE_CHECKING:
    from types import TracebackType

    from nbmon.daemon import Daemon

STREAMS = ("pidfile", "stdin", "stdout", "stderr")  # what `Daemon.__init__` takes


def find(target: str, directory: str) -> type[Daemon]:
    """The class that `module:Class` names; `directory` is looked through first. ServiceError."""
    module_name, _, path = target.partition(":")
    found: Any = _module(module_name, directory)
    for word in path.split("."):
        if not hasattr(found, word):
            raise ServiceError(f"{_place(found, module_name)} has no {word}.{_meant(found, word)}")
        found = getattr(found, word)
    return _daemon_class(found, target)


def instance(cls: type[Daemon], given: dict[str, str]) -> Daemon:
    """An instance of `cls`, with those of `given` (STREAMS) that it lets others choose. ServiceError.

    A class with its own `__init__` has its own pid file and log, unless it asks for them by these names.
    """
    from nbmon.daemon import Daemon

    wanted = given if cls.__init__ is Daemon.__init__ else _asked_for(cls, given)
    try:
        return cls(**wanted)  # type: ignore[arg-type]  # the four are all texts
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise ServiceError(f"{cls.__name__} cannot be made: {told(error)}") from error


def told(error: BaseException) -> str:
    """An exception of the user's own code, in one line with its place."""
    what = type(error).__name__ + (f": {printable(str(error))}" if str(error) else "")
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {printable(error.msg)} ({error.filename}, line {error.lineno})"
    where = _innermost(error.__traceback__)
    return f"{what} ({where})" if where else what


def _module(name: str, directory: str) -> ModuleType:
    from importlib import import_module

    if directory not in sys.path:
        sys.path.insert(0, directory)
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            known = _modules_in(directory)
            raise ServiceError(
                f"there is no module {error.name}, neither in {printable(directory)} nor installed."
                f"{near(error.name, known)}"
            ) from None
        raise ServiceError(f"{name} cannot be imported: {told(error)}") from error
    except KeyboardInterrupt:
        raise
    except SystemExit as error:
        raise ServiceError(
            f"{name} ends when it is imported ({told(error)}); "
            f'put its start below `if __name__ == "__main__":`'
        ) from error
    except BaseException as error:
        raise ServiceError(f"{name} cannot be imported: {told(error)}") from error


def _daemon_class(found: Any, target: str) -> type[Daemon]:
    from nbmon.daemon import Daemon
    from nbmon.services import trees

    if trees.is_tree(found):
        return trees.daemon_of(found)
    if isinstance(found, type) and issubclass(found, Daemon):
        if found is Daemon:
            raise ServiceError(f"{target} is nbmon's own Daemon, which does nothing; name a subclass of it")
        return found
    kind = "a class" if isinstance(found, type) else f"of type {type(found).__name__}"
    hint = ""
    if getattr(found, "__name__", "") == "Daemon" or any(
        b.__name__ == "Daemon" for b in getattr(found, "__mro__", ())
    ):
        hint = "; its Daemon is not nbmon's: from nbmon import Daemon"
    raise ServiceError(
        f"{target} is {kind} and no Daemon; accepted is a subclass of nbmon.Daemon, "
        f"or an nbmon.Supervisor{hint}"
    )


def _asked_for(cls: type[Daemon], given: dict[str, str]) -> dict[str, str]:
    """Those of `given` that the class's own `__init__` requires."""
    from inspect import Parameter, signature

    parameters = list(signature(cls.__init__).parameters.values())[1:]
    fixed = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
    required = [p.name for p in parameters if p.default is Parameter.empty and p.kind not in fixed]
    missing = [name for name in required if name not in given]
    if missing:
        raise ServiceError(
            f"{cls.__name__} needs {', '.join(missing)} to be made, which nbmon does not know; "
            f"accepted are {', '.join(STREAMS)}, all else needs a default"
        )
    return {name: given[name] for name in required}


def _meant(found: object, word: str) -> str:
    return near(word, [name for name in dir(found) if not name.startswith("_")])


def _place(found: object, otherwise: str) -> str:
    return printable(str(getattr(found, "__file__", None) or getattr(found, "__name__", otherwise)))


def _modules_in(directory: str) -> list[str]:
    try:
        return [
            entry.removesuffix(".py") for entry in os.listdir(directory)[:1000] if not entry.startswith(".")
        ]
    except OSError:
        return []


def _innermost(trace: TracebackType | None) -> str:
    """File and line of the deepest frame that is the user's: not the import system's, not this file's."""
    where = ""
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if not file.startswith("<frozen") and file != __file__ and "importlib" not in file:
            where = f"{printable(file)}, line {trace.tb_lineno}"
        trace = trace.tb_next
    return where
