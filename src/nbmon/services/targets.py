"""What the word TARGET means: a folder, a class, a name of nbmon.toml, or (after `--`) a command.

In this order: a word with a slash, `.` or `..` is a folder. A name of nbmon.toml is that service, also when
a folder of that name is there (`./NAME` is always the folder). What is a folder here is that folder.
`module:Class` is a class. Everything else is refused, with what was tried.
"""

# pathlib would be one more import for a `status` of milliseconds.
# ruff: noqa: PTH109, PTH110, PTH112, PTH118, PTH119, PTH120, PTH122
from __future__ import annotations

import os
import re
from enum import Enum
from typing import TYPE_CHECKING

from nbmon.services.errors import MisuseError, ServiceError, near, printable
from nbmon.services.service import Options, Service, checked_name, derived_name, is_name

if TYPE_CHECKING:
    from nbmon.services.config import Config

_CLASS = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")


class Meaning(Enum):
    """What a TARGET can be."""

    FOLDER = "a folder"
    CLASS = "module:Class"
    NAME = "a name of nbmon.toml"
    NOTHING = "nothing"


def meaning(word: str, configured: list[str], is_folder: bool) -> Meaning:
    """The meaning of `word`, given the names of nbmon.toml and whether a folder of that name is here."""
    if "/" in word or word in (".", ".."):
        return Meaning.FOLDER
    if word in configured:
        return Meaning.NAME
    if is_folder:
        return Meaning.FOLDER
    if _CLASS.fullmatch(word):
        return Meaning.CLASS
    return Meaning.NOTHING


def resolve(
    word: str | None,
    command: tuple[str, ...] = (),
    options: Options = Options(),  # noqa: B008 - frozen
    name: str | None = None,
    config_path: str | None = None,
) -> Service:
    """The service that a command line means. MisuseError for its form, ServiceError for what is not there."""
    if name is not None:
        checked_name(name)
    if command:
        if word is not None:
            raise MisuseError(
                f"there is a TARGET ({printable(word)}) and a command after --; give one of the two"
            )
        return _fitting(_of_command(command, options, name, _here()))
    from nbmon.services import config as config_file

    config = config_file.load(config_path)
    if word is None:
        raise MisuseError(_which(config))
    return _fitting(_of_word(word, options, name, config))


def _fitting(service: Service) -> Service:
    """`service` if its options go together; MisuseError."""
    from nbmon.services.checks import check_options  # verbs that start nothing do not load it

    return check_options(service)


def _of_word(word: str, options: Options, name: str | None, config: Config | None) -> Service:
    if "\0" in word or not word:
        raise MisuseError(
            f"TARGET {word!r} is no name of anything; give a folder, as in nbmon start ./pictures"
        )
    match meaning(word, list(config.services) if config else [], os.path.isdir(word)):
        case Meaning.FOLDER:
            return _of_folder(word, options, name, _here())
        case Meaning.CLASS:
            return _of_class(word, options, name, _here())
        case Meaning.NAME if config is not None:
            return _of_config(word, options, name, config)
    raise _nothing(word, config)


def _here() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError:
        raise ServiceError(
            "the working directory does not exist any more; go to one that does (cd /)"
        ) from None


def _of_folder(word: str, options: Options, name: str | None, here: str) -> Service:
    path = os.path.normpath(os.path.join(here, word))
    if fault := folder_fault(path, word):
        raise ServiceError(fault)
    own = name or derived_name(os.path.basename(path), "pictures")
    return Service(name=own, kind="pictures", target=path, directory=here, options=options)


def _of_class(word: str, options: Options, name: str | None, here: str) -> Service:
    own = name or derived_name(word.rpartition(":")[2].rpartition(".")[2], "daemon")
    directory = options.directory or here
    return Service(name=own, kind="class", target=word, directory=directory, options=options)


def _of_command(command: tuple[str, ...], options: Options, name: str | None, here: str) -> Service:
    if not command[0] or any("\0" in word for word in command):
        raise MisuseError(
            "the command after -- has an empty first word or a NUL; give a program and its arguments"
        )
    own = name or derived_name(os.path.basename(command[0]), "command")
    directory = options.directory or here
    return Service(name=own, kind="command", command=command, directory=directory, options=options)


def _of_config(word: str, options: Options, name: str | None, config: Config) -> Service:
    table = config.services[word]
    here = ("services", word)
    given = options.over(config.options(word))
    if given.directory is not None and (fault := folder_fault(given.directory, table.directory or "")):
        raise config.wrong((*here, "directory"), f"directory of services.{word}: {fault}")
    if options.log is None and given.log is not None and (fault := _place_fault(given.log)):
        raise config.wrong((*here, "log"), f"log of services.{word}: {fault}")
    try:
        if table.command is not None:
            return _fitting(_of_command(table.command, given, name or word, config.directory))
        return _fitting(_of_target(word, table.target or "", given, name, config))
    except MisuseError as error:
        if getattr(options, error.option, None) is not None:  # it was typed, the file is not to blame
            raise
        raise config.wrong((*here, error.option), f"services.{word}: {error}") from None


def _of_target(word: str, target: str, options: Options, name: str | None, config: Config) -> Service:
    path = config.absolute(target)
    keys, what = ("services", word, "target"), f"target of services.{word}"
    if meaning(target, [], os.path.isdir(path)) is Meaning.CLASS:
        found = _of_class(target, options, name or word, config.directory)
        return found.replace(origin=str(config.wrong(keys, what)))
    if fault := folder_fault(path, target):
        accepted = "accepted is a folder, relative to the file, or module:Class"
        raise config.wrong(keys, f"{what}: {accepted}, and {fault}")
    return Service(
        name=name or word, kind="pictures", target=path, directory=config.directory, options=options
    )


def folder_fault(path: str, word: str) -> str:
    """A sentence if `path` (which a person wrote as `word`) is no folder that can be looked into, else ''."""
    shown = printable(word)
    if os.path.isdir(path):
        if os.access(path, os.R_OK | os.X_OK):
            return ""
        return f"{shown} may not be read by this user; give it the right (chmod) or choose another folder"
    if os.path.exists(path):
        around = os.path.dirname(word) or "."
        return f"{shown} is not a folder but a file; give a folder, as in nbmon start {printable(around)}"
    if os.path.lexists(path):
        return f"{shown} is a link to nothing"
    parent, last = os.path.split(path)
    beside = os.path.join(os.path.dirname(word.rstrip("/")), "")  # what a person wrote before the last name
    meant = near(f"{beside}{last}", [f"{beside}{name}" for name in _folders(parent)])
    return f"{shown} is not there{'.' if meant else ''}{meant}"


def _place_fault(path: str) -> str:
    """A sentence if the folder that `path` is to be made in is not there, else ''."""
    around = os.path.dirname(path)
    return "" if os.path.isdir(around) else f"the folder {printable(around)} is not there; make it first"


def _folders(parent: str) -> list[str]:
    try:
        with os.scandir(parent) as entries:
            return [entry.name for _, entry in zip(range(1000), entries, strict=False) if entry.is_dir()]
    except OSError:
        return []


def _which(config: Config | None) -> str:
    if config and config.services:
        return f"which one? {config.path} has {', '.join(config.services)}"
    return "TARGET is missing; give a folder, as in nbmon start ./pictures"


def _nothing(word: str, config: Config | None) -> ServiceError:
    """Why `word` means nothing, with what was tried."""
    shown = printable(word)
    if os.path.exists(word):
        stem = os.path.splitext(shown)[0]
        hint = (
            f"; for a program: nbmon start -- python {shown}, or nbmon start {stem}:CLASS"
            if word.endswith(".py")
            else ""
        )
        return ServiceError(f"{shown} is a file, and nbmon serves folders{hint}")
    if ":" in word:
        return ServiceError(
            f"{shown} is not of the form module:Class, as in nbmon start monitor:MonitorDaemon"
        )
    names = list(config.services) if config else []
    tried = "no folder here, no module:Class" + (
        f", no name of {config.path}" if config else ", and no nbmon.toml is here"
    )
    meant = near(word, [*names, *_folders(".")]) if is_name(word) else ""
    return ServiceError(
        f"{shown} is nothing that nbmon can start: {tried}.{meant} "
        f"A program is given after --: nbmon start -- {shown}"
    )
