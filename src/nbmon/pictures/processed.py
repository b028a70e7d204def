"""From a request with parameters to a processed picture: admitted, found in the cache, or made now.

Decides by the source's first bytes alone; decodes nothing. Everything that costs more than a look is done
elsewhere, and answered later.
"""

from __future__ import annotations

import hmac
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import Any, NamedTuple

from nbmon.http import Answer, Representation, Request, Response, answer, error_response
from nbmon.pictures.cache.entry import Stored, key_of
from nbmon.pictures.cache.store import Store
from nbmon.pictures.darkroom.client import Darkroom, Made
from nbmon.pictures.darkroom.job import Job
from nbmon.pictures.darkroom.limits import DEFAULT_LIMITS, Limits
from nbmon.pictures.folder import Entry
from nbmon.pictures.held import Held
from nbmon.pictures.kinds import SVG, kind_of, sniff
from nbmon.pictures.processing.geometry import Size, fit
from nbmon.pictures.processing.negotiation import KINDS, OWN, format_of, moves_by_header
from nbmon.pictures.processing.parsing import Asked, BadRecipe, parse
from nbmon.pictures.processing.recipe import Recipe
from nbmon.pictures.processing.signing import holds
from nbmon.pictures.processing.urls import Links, version
from nbmon.pictures.sizes import size_of

HEAD_BYTES = 4_096  # of a source, that tell what it is and whether it moves
FACTS = 8_192  # sources of which that is remembered

NO_PICTURE = "This file is no picture that can be processed; ask for it without parameters."
TOO_MANY_BYTES = "This picture's file is too large to be processed."
NOT_SIGNED = "Pictures are processed here for signed addresses alone, and this one's signature does not hold."
OVER = "This address was good for a time that is over."
ONLY_PRESETS = "Pictures are processed here by presets alone, as in ?p=NAME."
NO_CACHE = (b"Cache-Control", b"no-cache")
FOR_EVER = (b"Cache-Control", b"public, max-age=31536000, immutable")
NO_SNIFF = (b"X-Content-Type-Options", b"nosniff")
VARY = (b"Vary", b"Accept")


class Forbidden(Exception):  # noqa: N818 - an answer
    """The request is not admitted; `str()` says why."""


class Impossible(Exception):  # noqa: N818 - an answer
    """The source cannot be processed; `str()` says why."""


class Facts(NamedTuple):
    """What a source's header tells."""

    kind: bytes
    moves: bool
    size: Size | None


class Terms(NamedTuple):
    """Who may ask for what."""

    presets: Mapping[str, Recipe] = {}
    only_presets: bool = False
    key: bytes | None = None  # of signatures
    pages_key: bytes | None = (
        None  # that outlives this process, for the pages' own links; None: one that does not
    )
    limits: Limits = DEFAULT_LIMITS
    maker: str = ""  # the version of what makes results; another one makes other results


class Processing:
    """Answers requests for processed pictures. Safe to call from several threads; may be forked."""

    def __init__(
        self,
        darkroom: Darkroom,
        store: Store | None = None,
        terms: Terms | None = None,
        looked: Callable[[bool], None] = lambda _hit: None,
    ) -> None:
        """`looked` is told of each look into the store whether the result was there."""
        self._darkroom = darkroom
        self._looked = looked
        self._store = store
        self._terms = terms or Terms()
        own = _pages_key(self._terms)
        self._keys = tuple(key for key in (own, self._terms.key) if key is not None)
        self.links = Links(own)
        self.colours = store.colours if store is not None else None
        self._facts: OrderedDict[tuple[int, ...], Facts] = OrderedDict()
        self._lock = threading.Lock()

    def answer(
        self, request: Request, segments: list[bytes], entry: Entry, key: bytes = b""
    ) -> Answer | None:
        """The answer, and `entry` is closed; None: `entry` itself is what is asked for.

        `key` makes the boundaries of multipart answers. Raises OSError if the disk fails.
        """
        try:
            asked = self._admitted(request, segments)
            if asked is None:
                return None
            facts = self._facts_of(entry)
            plan = self._plan(request, asked, facts, segments[-1], entry.status)
            if plan is None:
                return None
            return self._plan_answered(plan, asked, request, entry, key)
        except BadRecipe as wrong:
            found = error_response(400, str(wrong))
        except Forbidden as wrong:
            found = error_response(403, str(wrong))
        except Impossible as wrong:
            found = error_response(422, str(wrong))
        entry.close()
        return found

    def state_of(self, request: Request, segments: list[bytes], status: os.stat_result) -> Hashable:
        """What stays while the answer does: `()` for the source as it is, None where that cannot be told."""
        try:
            asked = parse(request.query, self._terms.presets)
            if asked is None:
                return ()
            facts = self._facts.get(_identity(status))
            if facts is None or self._store is None or asked.expires is not None:
                return None
            asked = self._admitted(request, segments)
            assert asked is not None  # it was above
            recipe = self._plan(request, asked, facts, segments[-1], status)
        except (BadRecipe, Forbidden, Impossible):
            return None
        return () if recipe is None else self._store.state_of(self._key(status, recipe))

    def varies(self, query: bytes | None) -> bool:
        """Whether the answer to that query depends on the Accept field."""
        try:
            asked = parse(query, self._terms.presets)
        except BadRecipe:
            return False
        return asked is not None and asked.recipe.auto_format

    def _admitted(self, request: Request, segments: list[bytes]) -> Asked | None:
        query = request.query or b""
        asked = parse(request.query, self._terms.presets)
        if asked is None:
            return None
        if asked.expires is not None and asked.expires < time.time():
            raise Forbidden(OVER)
        if self._keys and not holds(self._keys, b"/".join(segments), query):
            if self._terms.key is not None:
                raise Forbidden(NOT_SIGNED)
            if not asked.preset:
                raise Forbidden(ONLY_PRESETS)
        return asked

    def _facts_of(self, entry: Entry) -> Facts:
        identity = _identity(entry.status)
        facts = self._facts.get(identity)
        if facts is None:
            head = entry.read(0, HEAD_BYTES)
            facts = Facts(sniff(head) or b"", moves_by_header(head), size_of(entry.read))
            with self._lock:
                self._facts[identity] = facts
                while len(self._facts) > FACTS:
                    self._facts.popitem(last=False)
        return facts

    def _plan(
        self, request: Request, asked: Asked, facts: Facts, name: bytes, status: os.stat_result
    ) -> Recipe | None:
        """The settled recipe; None where the source is what is asked for. BadRecipe, Impossible."""
        if facts.kind not in OWN:
            if kind_of(name, b"") == SVG:
                return None
            raise Impossible(NO_PICTURE)
        limits, recipe = self._terms.limits, asked.recipe
        if status.st_size > limits.source_bytes:
            raise Impossible(TOO_MANY_BYTES)
        accept = request.field(b"accept") if recipe.auto_format else None
        recipe = recipe.settled(format_of(recipe, facts.kind, accept, moves=facts.moves))
        if facts.size is None:
            return recipe
        if facts.size[0] * facts.size[1] > limits.pixels:
            raise Impossible(limits.too_many(facts.size))
        same = fit(recipe, facts.size).canvas == facts.size and KINDS[recipe.fm or ""] == facts.kind
        return None if same and asked.recipe.resizes_only else recipe

    def _key(self, status: os.stat_result, recipe: Recipe) -> str:
        return key_of(status, recipe, self._terms.maker)

    def _plan_answered(
        self, recipe: Recipe, asked: Asked, request: Request, entry: Entry, boundary_key: bytes
    ) -> Answer:
        status = entry.status
        key = self._key(status, recipe)
        finish = _Finish(request, asked, status, boundary_key, recipe.fm or "")
        found = self._store.get(key) if self._store is not None else None
        self._looked(found is not None)
        try:
            if found is not None:
                return finish.with_file(found, found.stored, b"cache;desc=hit")
            return self._darkroom.ask(Job(key, recipe, _settled(status)), entry.fileno(), finish)
        finally:
            entry.close()


def _pages_key(terms: Terms) -> bytes | None:
    """By which the pages' own links hold, whoever else is let in; None where everybody is.

    Made of the key where there is one, else kept beside the cache, so that an open page goes on to work after
    an upgrade or a restart.
    """
    if terms.key is not None:
        return hmac.digest(terms.key, b"the links of nbmon's own pages", "sha256")
    return (terms.pages_key or os.urandom(32)) if terms.only_presets else None


class _Finish:
    """Makes the answer of a result."""

    def __init__(
        self, request: Request, asked: Asked, status: os.stat_result, boundary_key: bytes, fm: str
    ) -> None:
        self._request = request
        self._asked = asked
        self._status = status
        self._boundary_key = boundary_key
        self._fm = fm

    def __call__(self, made: Made) -> Response:
        """The answer with what the darkroom made, or its reason."""
        reply = made.reply
        if made.result < 0:
            response = error_response(reply.status, reply.sentence)
            if reply.retry_after:
                response.fields.append((b"Retry-After", b"%d" % reply.retry_after))
            return response
        stored = Stored(self._fm, reply.width, reply.height, reply.length, bytes.fromhex(reply.digest))
        timing = b"queue;dur=%.1f, make;dur=%.1f" % (1e3 * reply.waited, 1e3 * reply.took)
        return self.with_file(Held(made.result), stored, b"cache;desc=miss, " + timing)

    def with_file(self, file: Any, stored: Stored, timing: bytes) -> Response:
        """The answer with the content of `file`, which is closed if it is not part of it."""
        given: list[Any] = []
        try:
            return answer(
                self._request, self._what(stored, timing), _handing(file, given), self._boundary_key
            )
        finally:
            if not given:
                file.close()

    def _what(self, stored: Stored, timing: bytes) -> Representation:
        # RFC 9110, section 8.8.2.1: never later than the Date of the answer
        modified = max(0, min(int(self._status.st_mtime), int(time.time())))
        # A signature that ends would outlive itself in a cache that need not ask again
        fresh = self._asked.version == version(self._status) and self._asked.expires is None
        fields = [FOR_EVER if fresh else NO_CACHE, NO_SNIFF, (b"Server-Timing", timing)]
        if self._asked.recipe.auto_format:
            fields.append(VARY)
        tag = b'"' + stored.digest.hex().encode() + b'"'
        kind = KINDS[stored.fm]
        return Representation(stored.length, kind, tag, modified, tuple(fields), date_is_strong=False)


def _handing(file: Any, given: list[Any]) -> Callable[[], Any]:
    def hand_over() -> Any:
        given.append(file)
        return file

    return hand_over


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


SETTLED_AFTER = 2_000_000_000  # nanoseconds: the coarsest tick of a file's times (FAT's)


def _settled(status: os.stat_result) -> bool:
    """Whether a further change would show in the file's times: else nothing made of it may be kept."""
    return time.time_ns() - max(status.st_mtime_ns, status.st_ctime_ns) >= SETTLED_AFTER
