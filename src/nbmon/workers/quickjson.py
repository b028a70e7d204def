"""JSON for programs of milliseconds: read and written as `json` does, without loading it.

`json` loads `re` and `enum`, which would be a good part of what `nbmon status` takes. Its scanner and its way
with text are the same C functions as here; where an interpreter lacks them, `json` itself is used. Must not
know what is read or written.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as mypy reads it; `typing` would be a large part of what `status` loads
if TYPE_CHECKING:
    from typing import Any

BLANK = " \t\n\r"  # RFC 8259, section 2


class _Plain:
    """What json.scanner is told of a decoder: no hooks, Python's own numbers."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float, parse_int, parse_constant = float, int, float  # NaN and the infinities, by their names


def loads(text: str | bytes) -> Any:
    """The value that `text` is. ValueError if it is no JSON, RecursionError if it is too deep."""
    try:
        from _json import make_scanner
    except ImportError:
        import json

        return json.loads(text)
    words = text.decode() if isinstance(text, bytes) else text
    start = len(words) - len(words.lstrip(BLANK))
    try:
        value, end = make_scanner(_Plain)(words, start)  # type: ignore[arg-type]  # of a decoder, it reads these alone
    except StopIteration as at:
        raise ValueError(f"no JSON at character {at.value}") from None
    except SystemError:  # the scanner's own error is json.decoder's, which it does not find: it is not loaded
        raise ValueError("it is no JSON") from None
    if words[end:].strip(BLANK):
        raise ValueError(f"more than one JSON value: another at character {end}")
    return value


def dumps(value: Any, indent: int | None = None) -> str:
    """`value` as json.dumps writes it; made of dict (with str as keys), list, tuple, str, int,
    float, bool and None."""
    return _written(value, "" if indent is None else "\n", " " * (indent or 0))


def _written(value: Any, line: str, step: str) -> str:
    """`line` is what a new line begins with; empty if all stands on one."""
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, dict):
        inner = [f"{_quoted(key)}: {_written(one, line and line + step, step)}" for key, one in value.items()]
        return _bracketed("{", inner, "}", line, step)
    if isinstance(value, list | tuple):
        return _bracketed("[", [_written(one, line and line + step, step) for one in value], "]", line, step)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return _number(value)


def _bracketed(left: str, inner: list[str], right: str, line: str, step: str) -> str:
    if not inner:
        return left + right
    if not line:
        return f"{left}{', '.join(inner)}{right}"
    return f"{left}{line}{step}{f',{line}{step}'.join(inner)}{line}{right}"


def _number(value: Any) -> str:
    if not isinstance(value, int | float):
        raise TypeError(f"{value!r} is nothing that JSON has")
    text = int.__repr__(value) if isinstance(value, int) else float.__repr__(value)
    return {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}.get(text, text)


def _quoted(text: str) -> str:
    try:
        from _json import encode_basestring_ascii
    except ImportError:
        import json

        return json.dumps(text)
    return str(encode_basestring_ascii(text))
