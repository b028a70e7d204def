"""The options about processed pictures: what they mean, and the worker that makes the pictures.

`fault` touches nothing but the words. `Equipment` is made in the daemon, before anything is forked.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from nbmon.services.errors import ServiceError, printable, reason_of
from nbmon.services.service import Options

if TYPE_CHECKING:
    from socket import socket

    from nbmon.pictures.cache.store import Store
    from nbmon.pictures.darkroom.limits import Limits
    from nbmon.pictures.processed import Processing
    from nbmon.pictures.processing.recipe import Recipe
    from nbmon.pictures.tally import Tally
    from nbmon.workers.spec import Worker

WORKER = "darkroom"
KEYS = ("preset", "cache_size", "max_megapixels")  # options whose texts are read here
CACHE_SIZE = 2_000_000_000  # bytes
LARGEST_CACHE = 1 << 50  # bytes
MOST_MEGAPIXELS = 1_000
LONGEST_KEY = 4_096  # bytes
_SIZE = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)\s*(kB|MB|GB|TB)?", re.IGNORECASE)
_UNITS = {"": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")


class WrongOption(ValueError):  # noqa: N818 - what it is
    """A person's own fault; `str(error)` is a finished sentence."""


def reader(key: str) -> Callable[[str], object]:
    """What reads the text of the option `key`, one of KEYS. It raises WrongOption."""
    return {"preset": preset, "cache_size": size, "max_megapixels": megapixels}[key]


def size(text: str) -> int:
    """Bytes. WrongOption."""
    found = _SIZE.fullmatch(text)
    number = float(found[1]) * _UNITS[(found[2] or "").lower()] if found else -1
    if not 0 <= number <= LARGEST_CACHE:
        raise WrongOption(f"{text!r} is no size; accepted is a number with a unit, as in 500MB, 2GB, or 0")
    return int(number)


def megapixels(text: str) -> int:
    """Millions of pixels. WrongOption."""
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= MOST_MEGAPIXELS):
        raise WrongOption(f"{text!r} is not accepted; it is a whole number from 1 to {MOST_MEGAPIXELS}")
    return int(text)


def preset(text: str) -> tuple[str, Recipe]:
    """A preset's name and recipe. WrongOption."""
    from nbmon.pictures.processing.parsing import BadRecipe, recipe_of

    name, equals, query = text.partition("=")
    if not equals or not _NAME.fullmatch(name):
        example = "thumb=w=320&h=240&fit=crop"
        raise WrongOption(f"{text!r} is no preset; accepted is NAME=PARAMETERS, as in {example}")
    try:
        return name, recipe_of(query)
    except BadRecipe as wrong:
        raise WrongOption(f"preset {name}: {str(wrong).rstrip('.')}") from None


def read_key(path: str) -> bytes:
    """The key for signatures in the file at `path`. ServiceError."""
    from nbmon.pictures.processing.signing import SHORTEST_KEY

    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            key = os.read(fd, LONGEST_KEY + 1).strip()
        finally:
            os.close(fd)
    except (OSError, ValueError) as error:
        words = reason_of(error) if isinstance(error, OSError) else str(error)
        raise ServiceError(f"cannot read the key {printable(path)}: {words}") from None
    if not SHORTEST_KEY <= len(key) <= LONGEST_KEY:
        raise ServiceError(
            f"the key in {printable(path)} has {len(key)} bytes; accepted are {SHORTEST_KEY} to "
            f"{LONGEST_KEY}, as head -c 32 /dev/urandom | base64 > {printable(path)} makes them"
        )
    return key


class Equipment:
    """What a picture server needs to process pictures. ServiceError.

    `handed` is the darkroom's listening socket of a former image of this process, whose workers still ask
    at its address: with another socket, nobody would answer what they ask from now on.
    """

    def __init__(self, options: Options, folder: str, handed: int | None = None) -> None:
        self._options = options
        self._folder = folder
        self._handed = handed
        self.listener: socket | None = None
        self.processing: Processing | None = None
        self.worker: Worker | None = None
        self._tally: Tally | None = None
        if options.processing != "none":
            self._make()

    def _make(self) -> None:
        from nbmon.pictures.darkroom.broker import listen
        from nbmon.pictures.darkroom.client import Darkroom
        from nbmon.pictures.processed import Processing, Terms
        from nbmon.pictures.tally import Tally
        from nbmon.services.succession import again
        from nbmon.workers import process

        options, limits = self._options, self._limits()
        self._tally = tally = Tally()
        self.listener = listener = listen() if self._handed is None else again([self._handed])[0]
        store = self._store()
        terms = Terms(
            presets=dict(map(preset, options.preset or ())),
            only_presets=options.processing == "presets",
            key=None if options.sign_key is None else read_key(options.sign_key),
            pages_key=self._pages_key(),
            limits=limits,
            maker=_maker(),
        )
        self.processing = Processing(Darkroom(listener.getsockname()), store, terms, tally.looked)
        most = CACHE_SIZE if options.cache_size is None else size(options.cache_size)
        self.worker = process(
            WORKER, lambda: _serve(listener, limits, tally, store, most), grace=limits.seconds
        )

    def metrics(self) -> bytes:
        """What was processed, for Prometheus."""
        from nbmon.services.processed_counts import exposition

        return exposition(self._tally.counts()) if self._tally is not None else b""

    def _limits(self) -> Limits:
        from nbmon.pictures.darkroom.limits import Limits

        said = self._options.max_megapixels
        return Limits() if said is None else Limits(pixels=megapixels(said) * 1_000_000)

    def _pages_key(self) -> bytes | None:
        """What is needed only by `presets` without a key of one's own; with no cache folder, none is kept."""
        from nbmon.pictures.cache.secret import pages_key
        from nbmon.services import places

        if self._options.processing != "presets" or self._options.sign_key is not None:
            return None
        try:
            return pages_key(places.cache_folder(make=True), self._folder)
        except ServiceError:  # said where the cache is
            return None

    def _store(self) -> Store | None:
        """None where there is to be no cache, or can be none, which is said."""
        import logging

        from nbmon.pictures.cache.store import Store
        from nbmon.services import places

        if self._options.cache_size is not None and not size(self._options.cache_size):
            return None
        try:
            return Store(places.cache_folder(make=True))
        except ServiceError as error:
            logging.getLogger(__name__).warning("processed pictures are not kept: %s", error)
            return None


def _serve(listener: socket, limits: Limits, tally: Tally, store: Store | None, most: int) -> None:
    """The darkroom's process."""
    from nbmon.pictures.cache.keeper import Keeper
    from nbmon.pictures.darkroom.broker import Broker

    keeper = Keeper(store, most, tally) if store is not None else None
    Broker(listener, limits, keeper, tally=tally).run()


def _maker() -> str:
    """The version of what makes the pictures, without loading it."""
    from importlib.util import find_spec

    spec = find_spec("PIL")
    folder = os.path.dirname((spec and spec.origin) or "")  # noqa: PTH120 - pathlib is one more import
    try:
        with open(f"{folder}/_version.py") as file:  # noqa: PTH123 - as above
            return file.read(LONGEST_KEY)
    except (OSError, ValueError):
        return ""
