"""A person's own function, found by its name, and its arguments."""

from __future__ import annotations

import importlib
import inspect
import json
import sys
import traceback
from collections.abc import Callable
from typing import Any

from nbmon.lab.errors import LabError, LabMisuseError, near


def function(name: str) -> Callable[..., Any]:
    """What "module:function" names; from the working directory too. LabMisuseError, LabError."""
    module, colon, attribute = name.partition(":")
    if not (module and colon and attribute):
        raise LabMisuseError(f"{name} is no function's name: write module:function, as in mywork:resize")
    if "" not in sys.path:
        sys.path.insert(0, "")
    found: Any = _imported(module, name)
    for part in attribute.split("."):
        if not hasattr(found, part):
            known = [one for one in dir(found) if callable(getattr(found, one)) and one[0] != "_"]
            raise LabMisuseError(f"{module} has no {attribute}.{near(attribute, known)}")
        found = getattr(found, part)
    if not callable(found):
        raise LabMisuseError(f"{name} is no function but {type(found).__name__}")
    return _plain(found, name)


def _plain(found: Callable[..., Any], name: str) -> Callable[..., Any]:
    if inspect.isgeneratorfunction(found) or inspect.isasyncgenfunction(found):
        raise LabMisuseError(
            f"{name} is a generator, of which a call does nothing; name a function that works"
        )
    return found


def _imported(module: str, name: str) -> Any:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name and (module == error.name or module.startswith(error.name + ".")):
            raise LabMisuseError(
                f"there is no module {error.name} here; {name} is looked for in the working directory and "
                "where Python's modules are"
            ) from error
        raise LabError(f"{module} cannot be imported: {error}") from error
    except Exception as error:  # whatever a person's module does
        last = traceback.format_exception_only(error)[-1].strip()
        raise LabError(f"{module} cannot be imported: {last}") from error


def arguments(text: str) -> list[Any]:
    """A JSON list, or "module:function" which makes a list or tuple. LabMisuseError, LabError."""
    text = text.strip()
    if not text:
        return []
    if text[0] != "[":
        made = function(text)()
        if not isinstance(made, (list, tuple)):
            raise LabMisuseError(
                f"{text} shall return a list or a tuple of arguments, not {type(made).__name__}"
            )
        return list(made)
    try:
        return list(json.loads(text))
    except ValueError as error:
        raise LabMisuseError(
            f"args is no JSON list ({error}): write args='[1, \"two\"]', or module:function that returns one"
        ) from None


def is_async(called: Callable[..., Any]) -> bool:
    """Whether a call of it has to be awaited."""
    return inspect.iscoroutinefunction(called) or inspect.iscoroutinefunction(
        getattr(called, "__call__", None)  # noqa: B004 - an object whose __call__ is `async def`
    )
