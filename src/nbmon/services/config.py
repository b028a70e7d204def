"""nbmon.toml: services by name, each wrong word answered with its line and with what is accepted.

`parse` is pure; `load` alone reads a file.
"""

# pathlib would be one more import for a `status` of milliseconds.
# ruff: noqa: PTH100, PTH111, PTH118, PTH120, PTH123
from __future__ import annotations

import os
import re
from typing import Annotated, Any, Literal

import msgspec

from nbmon.services.errors import ServiceError, near, printable, reason_of
from nbmon.services.lines import Path, lines_of_keys
from nbmon.services.service import NAME_RULE, Options, is_name
from nbmon.services.serving import FILES, STDOUT
from nbmon.services.words import AccessLogFormat, Model, Processed, Restart

FILE = "nbmon.toml"
LARGEST = 1 << 20  # bytes
SHOWN = 60  # characters of a wrong value
_Text = Annotated[str, msgspec.Meta(min_length=1)]
_Texts = Annotated[tuple[_Text, ...], msgspec.Meta(min_length=1)]
_Seconds = Annotated[float, msgspec.Meta(ge=0, le=86400)]


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[services.NAME]` as written; what each key accepts stands in ACCEPTED."""

    target: Annotated[str, msgspec.Meta(min_length=1)] | None = None
    command: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)] | None = None
    host: Annotated[str, msgspec.Meta(min_length=1)] | None = None
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] | None = None
    workers: Annotated[int, msgspec.Meta(ge=1, le=10000)] | Literal["auto"] | None = None
    model: Model | None = None
    log: Annotated[str, msgspec.Meta(min_length=1)] | None = None
    directory: Annotated[str, msgspec.Meta(min_length=1)] | None = None
    start_timeout: _Seconds | None = None
    stop_timeout: _Seconds | None = None
    restart: Restart | None = None
    prefix: bool | None = None
    listen: _Texts | None = None
    tls_cert: _Text | None = None
    tls_key: _Text | None = None
    access_log: _Text | None = None
    access_log_format: AccessLogFormat | None = None
    metrics: _Text | None = None
    auth: _Text | None = None
    cors: _Texts | None = None
    cache_control: _Texts | None = None
    base_path: _Text | None = None
    header: _Texts | None = None
    limit: _Texts | None = None
    processing: Processed | None = None
    preset: _Texts | None = None
    sign_key: _Text | None = None
    cache_size: _Text | None = None
    max_megapixels: Annotated[int, msgspec.Meta(ge=1, le=1000)] | None = None
    show_location: bool | None = None


ACCEPTED = {
    "target": 'text: a folder, or "module:Class"',
    "command": 'a list of texts, as in ["redis-server", "--port", "7001"]',
    "host": 'text, as in "127.0.0.1" or "0.0.0.0"',
    "port": "a whole number from 0 (any free one) to 65535",
    "workers": 'a whole number from 1, or "auto"',
    "model": '"coroutine", "thread" or "process"',
    "log": "text: a file",
    "directory": "text: a folder",
    "start_timeout": "seconds, from 0 to 86400",
    "stop_timeout": "seconds, from 0 to 86400",
    "restart": '"permanent", "transient" or "temporary"',
    "prefix": "true or false",
    "listen": 'a list of texts, as in ["127.0.0.1:9086", "[::1]:9086", "unix:/run/pictures.sock"]',
    "tls_cert": "text: a file",
    "tls_key": "text: a file",
    "access_log": 'text: a file, or "-" for stdout',
    "access_log_format": '"combined" or "json"',
    "metrics": 'text, as in "127.0.0.1:9086", "unix:/run/metrics.sock" or "public"',
    "auth": "text: a file of htpasswd -B",
    "cors": 'a list of texts, as in ["https://example.org"], or ["*"]',
    "cache_control": 'a list of texts, as in ["*.jpg=public, max-age=86400"]',
    "base_path": 'text, as in "/photos"',
    "header": 'a list of texts, as in ["Referrer-Policy: no-referrer"]',
    "limit": 'a list of texts, as in ["idle=30", "connections=1000"]',
    "processing": '"all", "presets" or "none"',
    "preset": 'a list of texts, as in ["thumb=w=320&h=240&fit=crop"]',
    "sign_key": "text: a file",
    "cache_size": 'text, as in "2GB", or "0" for no cache',
    "max_megapixels": "a whole number from 1 to 1000",
    "show_location": "true or false",
}
assert tuple(ACCEPTED) == Table.__struct_fields__
_FIELD = re.compile(r" - at `\$\.(\w+)")
_NAMES_OF_TABLES = re.compile(r"\(('[^()]*',?)\)")  # as tomllib writes them
_ACCEPTED_SYNTAX = {"invalid value": ' (accepted: "text", numbers, true, false, [lists], {tables})'}
_UNKNOWN = re.compile(r"unknown field `(.*?)`", re.DOTALL)


class Config(msgspec.Struct, frozen=True):
    """A whole nbmon.toml that is right in form; whether its folders are there is asked at use."""

    path: str  # as a person named it
    services: dict[str, Table]
    lines: dict[Path, int]

    @property
    def directory(self) -> str:
        """What relative paths in the file are relative to: its own folder."""
        return os.path.dirname(os.path.abspath(self.path))

    def wrong(self, keys: Path, sentence: str) -> ServiceError:
        """The error `sentence`, with the line of `keys`, or of the nearest table around them."""
        return _wrong(self.path, self.lines, keys, sentence)

    def absolute(self, path: str) -> str:
        """A path of the file, made absolute."""
        return os.path.normpath(os.path.join(self.directory, os.path.expanduser(path)))

    def options(self, name: str) -> Options:
        """The options of the service `name`."""
        table = self.services[name]
        given = {key: getattr(table, key) for key in Options.fields}
        for key in ("log", "directory", *FILES):
            if given[key] not in (None, STDOUT):
                given[key] = self.absolute(given[key])
        if given["max_megapixels"] is not None:
            given["max_megapixels"] = str(given["max_megapixels"])
        return Options(**given)


def load(path: str | None) -> Config | None:
    """The file at `path`; without one, nbmon.toml here, None if there is none. ServiceError."""
    name = path or FILE
    try:
        with open(name, "rb") as file:
            data = file.read(LARGEST + 1)
    except FileNotFoundError:
        if path is None:
            return None
        raise ServiceError(f"{name} is not there; --config names a file such as {FILE}") from None
    except (OSError, ValueError) as error:
        words = reason_of(error) if isinstance(error, OSError) else str(error)
        raise ServiceError(f"cannot read {printable(name)}: {words}") from None
    return parse(_decoded(data, name), name)


def parse(text: str, path: str = FILE) -> Config:
    """`text` as a Config; ServiceError with file and line."""
    import tomllib

    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _syntax(path, text, str(error)) from None
    except RecursionError:
        raise ServiceError(f"{path}: brackets are nested too deeply") from None
    lines = lines_of_keys(text)
    services = _services(data, path, lines)
    return Config(path, {name: _table(name, raw, path, lines) for name, raw in services.items()}, lines)


def _decoded(data: bytes, path: str) -> str:
    if len(data) > LARGEST:
        raise ServiceError(f"{path} is larger than {LARGEST} bytes, which no {FILE} is")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found = f"byte 0x{data[error.start]:02x}"
        raise ServiceError(f"{path}, line {line}: {found} is not UTF-8, which TOML is written in") from None


def _syntax(path: str, text: str, words: str) -> ServiceError:
    found = re.search(r"^(.*) \(at (?:line (\d+), column (\d+)|end of document)\)$", words, re.DOTALL)
    if not found:
        return ServiceError(f"{path}: {printable(words)}")
    what = _NAMES_OF_TABLES.sub(_dotted, found[1][:1].lower() + found[1][1:])
    what = printable(what) + _ACCEPTED_SYNTAX.get(what, "")
    if found[2] is None:
        return ServiceError(f"{path}, line {text.count(chr(10)) + 1}: {what}, at the end of the file")
    line = text.split("\n")[int(found[2]) - 1].rstrip()
    return ServiceError(f"{path}, line {found[2]}: {what}, at column {found[3]} of {_shown_text(line)}")


def _dotted(names: re.Match[str]) -> str:
    return "[" + ".".join(re.findall(r"'([^']*)'", names[1])) + "]"


def _services(data: dict[str, Any], path: str, lines: dict[Path, int]) -> dict[str, Any]:
    for key in data:
        if key != "services":
            raise _wrong(
                path,
                lines,
                (key,),
                f"{_shown(key)} is not known; accepted are tables [services.NAME].{near(key, ['services'])}",
            )
    services = data.get("services", {})
    if not isinstance(services, dict):
        raise _wrong(path, lines, ("services",), "services is no table; accepted are tables [services.NAME]")
    return services


def _table(name: str, raw: object, path: str, lines: dict[Path, int]) -> Table:
    here = ("services", name)
    if not is_name(name):
        raise _wrong(
            path, lines, here, f"{_shown(name)} cannot name a service; accepted are {NAME_RULE} characters"
        )
    if not isinstance(raw, dict):
        example = f"[services.{name}] with a target or a command"
        raise _wrong(path, lines, here, f"services.{name} is {_shown(raw)}; accepted is a table {example}")
    try:
        table = msgspec.convert(raw, Table)
    except msgspec.ValidationError as error:
        key, sentence = _explained(str(error), name, raw)
        raise _wrong(path, lines, (*here, key), sentence) from None
    if (table.target is None) == (table.command is None):
        found = "neither a target nor a command" if table.target is None else "both a target and a command"
        raise _wrong(path, lines, here, f"services.{name} has {found}; accepted is one of the two")
    return table


def _explained(words: str, name: str, raw: dict[str, Any]) -> tuple[str, str]:
    """The key and the sentence for msgspec's `words`."""
    if unknown := _UNKNOWN.search(words):
        key = unknown[1]
        known = ", ".join(ACCEPTED)
        return key, f"services.{name} has no {_shown(key)}; accepted are {known}.{near(key, list(ACCEPTED))}"
    field = _FIELD.search(words)
    key = field[1] if field else ""
    value = raw.get(key)
    words_of = {
        "model": ["coroutine", "thread", "process"],
        "access_log_format": ["combined", "json"],
        "restart": ["permanent", "transient", "temporary"],
        "processing": ["all", "presets", "none"],
    }
    meant = near(value, words_of[key]) if key in words_of and isinstance(value, str) else ""
    return key, f"{key} of services.{name} is {_shown(value)}; accepted is {ACCEPTED.get(key, words)}.{meant}"


def _wrong(path: str, lines: dict[Path, int], keys: Path, sentence: str) -> ServiceError:
    around = (keys[:length] for length in range(len(keys), 0, -1))
    line = next((lines[part] for part in around if part in lines), None)
    return ServiceError(f"{path}, line {line}: {sentence}" if line else f"{path}: {sentence}")


def _shown(value: object) -> str:
    """A value much as TOML writes it, and never long."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return _shown_text(f"[{', '.join(_shown(one) for one in value[:SHOWN])}]")
    return _shown_text(f'"{value}"' if isinstance(value, str) else str(value))


def _shown_text(text: str) -> str:
    shown = printable(text[: SHOWN + 1])
    return shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}…"
