"""Answers that were given before, by the very bytes that asked for them. Must not know sockets or clocks.

Two steps. The bytes that came on a resting connection, whole, are the key: the same bytes get the same answer
as long as what they ask for stays the same. Where they were never seen, but are a plain head in which
nothing but the target matters (`http.plain_target`), the target is the key. All else goes the full path.

The memo is honest because it makes nothing up: what it keeps, it had from a `Session` and the application,
by the full path. It is fresh because once a second it asks the application whether the resource's state is
what it was, before and after the answer was made. What an application must have for this (one without gets
no memo, and one that wraps another passes its on):

    state_of(request) -> Hashable | None   # equal while the answer is; None: do not remember
    heeds: tuple[bytes, ...] = ()          # fields, in lower case, on which answers depend besides those that
                                           # `plain_target` refuses; b"origin", if it knows CORS
    varies(target) -> bool                 # whether it depends on fields besides; an app need not have it

A driver asks `answer_to(data, client)` for what came on a resting connection, sends `.answer`, and closes
after it if `.closes`. One in a hurry asks `fresh.get(data)` before, and adds 1 to `.hits` itself. It calls
`tick` whenever a second is over.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

from nbmon.http import (
    DEFAULT_LIMITS,
    FileSlice,
    Limits,
    Request,
    Response,
    Session,
    State,
    body_length,
    is_stream,
    plain_target,
)
from nbmon.http.grammar import PLAIN_HEAD
from nbmon.http.render import DATE_LENGTH, start_of
from nbmon.serve.bodies import Mapped, close_files, read_body
from nbmon.serve.ledger import Client, Ledger, Record
from nbmon.serve.timeouts import DEFAULT_BOUNDS

DEFAULT_BYTES = DEFAULT_BOUNDS.memory_bytes
LARGEST = 131_072  # bytes of one answer's content; a larger file is mapped instead of copied
MAPS = 24  # files that are mapped at once at most; each holds two descriptors
UNUSED = 10  # seconds for which a mapped file is held, which may be gone from its folder
LONGEST_HEAD = 2_048  # bytes
HEADS = 16  # different heads by which one answer is known without a look inside them
SEEN = 8_192  # hashes kept, and as many of before: only what is asked for again is remembered
OVERHEAD = 400  # bytes of Python's own for a thing that is kept
_plain_head = PLAIN_HEAD.fullmatch
_KEPT = frozenset((200, 206, 304, 412, 416))  # these follow from the request and the resource's state alone


class Known:
    """One answer: head and body in one, sent as it is; a large file's body lies in `mapped`."""

    __slots__ = (
        "answer", "closes", "content", "date_at", "heads", "hits", "key", "last", "mapped", "name", "request",
        "stamp", "state", "weight",
    )  # fmt: skip

    def __init__(self, request: Request, response: Response, head: bytes, content: bytes | Mapped) -> None:
        self.mapped = content if isinstance(content, Mapped) else None
        self.answer = head if isinstance(content, Mapped) else head + content
        self.closes = not request.keep_alive  # the connection, after this answer
        self.hits = 0  # since they were last folded into the ledger
        self.key = (response.status, response.field(b"content-type") or b"")  # the ledger's
        self.content = len(content.view) if isinstance(content, Mapped) else len(content)  # bytes
        self.weight = 0  # bytes that it takes up
        self.request = request
        self.state: Hashable = None  # of what was asked for
        self.stamp = 0  # the second in which the resource's state was last that one
        self.name = b""  # the target, or the head if it takes one
        self.heads: list[bytes] = []  # by which it is known
        self.last = 0  # the hash of the last head that asked for it and was none of these
        self.date_at = len(start_of(response.status))

    def rest(self, sent: int) -> tuple[memoryview, ...]:
        """What is left when so many bytes were sent."""
        if self.mapped is None:
            return (memoryview(self.answer)[sent:],)
        of_body = sent - len(self.answer)
        if of_body >= 0:
            return (self.mapped.view[of_body:],)
        return memoryview(self.answer)[sent:], self.mapped.view

    def renew(self, date: bytes) -> None:
        """Put the present second's date in."""
        at = self.date_at
        self.answer = b"".join((self.answer[:at], date, self.answer[at + DATE_LENGTH :]))


class Memo:
    """One for each worker. In the thread model, everything but a look into `fresh` wants a lock held."""

    def __init__(
        self,
        app: Any,
        ledger: Ledger,
        limits: Limits = DEFAULT_LIMITS,
        most: int = DEFAULT_BYTES,
        largest: int = DEFAULT_BOUNDS.mapped_bytes,
    ) -> None:
        self._app = app
        self._state_of: Callable[[Request], Hashable] | None = getattr(app, "state_of", None)
        self._heeds = tuple(b"\n" + name + b":" for name in getattr(app, "heeds", ()))
        self._varies: Callable[[bytes], bool] | None = getattr(app, "varies", None)
        self._limits = limits
        self._ledger = ledger
        self._most = most if self._state_of is not None else 0  # bytes
        self._largest = largest  # bytes of a file to be mapped
        self._longest = min(LONGEST_HEAD, self._most)
        # A head no longer than this is within all limits, since no field is shorter than b"a:\r\n".
        self._harmless = min(limits.head_bytes, limits.target_bytes, 4 * limits.fields)
        self.size = 0  # bytes
        self._known: OrderedDict[bytes, Known] = OrderedDict()  # by target, or by head; unused ones first
        self._by_head: dict[bytes, Known] = {}
        self._maps: set[Known] = set()
        self._seen: set[int] = set()
        self._seen_before: set[int] = set()
        self._vain: set[int] = set()  # what turned out, in this second, not to be memorable
        self._stamp = 0
        self._date = b""
        self._at = 0.0
        self._quick = True
        # By head: those that need not be looked at again in this second, nor be logged; those after which the
        # connection stays, and those that end it. Always these very dicts, so that a connection may hold one.
        self.fresh: dict[bytes, Known] = {}
        self.fresh_last: dict[bytes, Known] = {}
        ledger.before_snapshot = self.fold

    def tick(self, date: bytes, at: float) -> None:
        """From now on it is `at`, seconds since 1970, and `date`; what is known must be looked at again."""
        self._stamp += 1
        self._date = date
        self._at = at
        self._quick = self._ledger.sink is None  # what is logged must not be answered without `answer_to`
        self.fresh.clear()
        self.fresh_last.clear()
        self._vain.clear()
        self._let_go()

    def answer_to(self, data: bytes, client: Client) -> Known | None:
        """As `recall`, and count and log it."""
        known = self.recall(data)
        if known is not None and known.mapped is not None and known.mapped.changed():
            self._forget(known)  # its head tells of what is no more
            return None
        if known is not None:
            known.hits += 1
            if self._ledger.sink is not None:
                self._ledger.keep(Record(self._at, client, data, known.key[0], known.content, 0.0))
        return known

    def recall(self, data: bytes) -> Known | None:
        """The answer to `data`, which is not in `fresh`; None: go the full path."""
        if len(data) > self._longest:
            return None
        known = self._by_head.get(data)
        if known is not None and self._holds(known):
            self._refresh(data, known)
            return known
        if len(data) > self._harmless or self._heeds or (match := _plain_head(data)) is None:
            return self._recall_by(self._key(data), data)
        known = self._known.get(match[1])
        if known is None or known.stamp != self._stamp:
            return self._recall_by(self._key(data), data)
        seen = hash(data)
        if known.last == seen:
            self._name(data, known)
        else:
            known.last = seen
        return known

    def _recall_by(self, key: bytes, data: bytes) -> Known | None:
        known = self._known.get(key)
        if known is None or (known.stamp != self._stamp and not self._holds(known)):
            known = self._learn(key, data) if self._again(hash(key)) else None
        if known is None:
            return None
        if key is data:
            self._refresh(data, known)
        elif known.last == hash(data):
            self._name(data, known)
        else:
            known.last = hash(data)
        return known

    def _refresh(self, head: bytes, known: Known) -> None:
        if self._quick and known.mapped is None:
            (self.fresh_last if known.closes else self.fresh)[head] = known

    def forget_all(self) -> None:
        """From now on nothing is known."""
        while self._known:
            self._forget(next(iter(self._known.values())))
        self._longest = -1

    def fold(self) -> None:
        """Count in the ledger what was answered from memory since the last time."""
        for known in list(self._known.values()):  # a copy: a scrape may come from another thread
            self._fold(known)

    def _fold(self, known: Known) -> None:
        hits, known.hits = known.hits, 0
        if hits:
            self._ledger.remembered(known.key, hits, known.content)

    def _key(self, data: bytes) -> bytes:
        target = plain_target(data, self._limits)
        if target is None or (self._heeds and any(map(data.lower().__contains__, self._heeds))):
            return data
        return data if self._varies is not None and self._varies(target) else target

    def _again(self, seen: int) -> bool:
        """Whether this was seen not long ago, and not found unfit to be remembered."""
        if seen in self._seen or seen in self._seen_before:
            return seen not in self._vain
        self._seen.add(seen)
        if len(self._seen) >= SEEN:
            self._seen_before, self._seen = self._seen, set()
        return False

    def _holds(self, known: Known) -> bool:
        """Whether the answer holds in this second; one that does not is forgotten."""
        if known.stamp == self._stamp:
            return True
        if self._state(known.request) != known.state:
            self._forget(known)
            return False
        known.stamp = self._stamp
        known.renew(self._date)
        self._known.move_to_end(known.name)
        return True

    def _state(self, request: Request) -> Hashable:
        assert self._state_of is not None
        try:
            return self._state_of(request)
        except Exception:  # the full path meets it again, and has it logged
            return None

    # What is kept

    def _let_go(self) -> None:
        """Of the mapped files that were not asked for lately."""
        for known in [k for k in self._maps if k.stamp < self._stamp - UNUSED]:
            self._forget(known)

    def _keep(self, known: Known) -> None:
        self._known[known.name] = known
        known.weight = len(known.answer) + len(known.name) + OVERHEAD
        if known.mapped is not None:
            known.weight = max(known.weight, self._most // MAPS)
            self._maps.add(known)
        self._grow(known.weight)

    def _name(self, head: bytes, known: Known) -> None:
        """From now on `known` is found by this head."""
        if len(known.heads) >= HEADS:
            self._unname(known.heads.pop(0))
        known.heads.append(head)
        self._by_head[head] = known
        self._refresh(head, known)
        self._grow(len(head) + OVERHEAD)

    def _unname(self, head: bytes) -> None:
        del self._by_head[head]
        self.fresh.pop(head, None)
        self.fresh_last.pop(head, None)
        self.size -= len(head) + OVERHEAD

    def _grow(self, size: int) -> None:
        self.size += size
        while self.size > self._most:
            self._forget(next(iter(self._known.values())))

    def _forget(self, known: Known) -> None:
        for head in known.heads:
            self._unname(head)
        del self._known[known.name]
        self._maps.discard(known)
        self.fresh.pop(known.name, None)
        self.fresh_last.pop(known.name, None)
        self.size -= known.weight
        self._fold(known)

    # What is learned

    def _learn(self, key: bytes, data: bytes) -> Known | None:
        known = self._by_full_path(key, data)
        if known is None:
            self._vain.add(hash(key))
            return None
        self._keep(known)
        return known if key in self._known else None

    def _by_full_path(self, key: bytes, data: bytes) -> Known | None:
        """Answer these bytes as if nothing came before them, and keep that if it was one whole answer."""
        session = Session(self._limits)
        session.receive(data)
        request = session.next_event()
        if not isinstance(request, Request) or _has_content(request):
            return None
        state = self._state(request)
        if state is None:
            return None
        try:
            known = self._answer(session, request, by_target=key is not data)
        except Exception:  # the application's or the disk's: the full path meets it again, and has it logged
            return None
        if known is None or self._state(request) != state:
            return None
        known.name, known.state, known.stamp = key, state, self._stamp
        return known

    def _answer(self, session: Session, request: Request, *, by_target: bool) -> Known | None:
        response = self._app(request)
        if not isinstance(response, Response):
            response.close()  # it is made anew each time, and `state_of` should have said so
            return None
        content: bytes | Mapped | None = b""
        try:
            if response.status not in _KEPT or is_stream(response.body):
                return None
            if by_target and self._depends_on_more(response):
                return None
            head = session.respond(response, self._date)
            if session.body_wanted:
                content = self._content(response)
        finally:
            if not isinstance(content, Mapped):
                close_files(response)
        session.sent()
        if not (session.idle or session.state is State.CLOSED):
            return None  # more than one request: the second is not this answer's business
        return Known(request, response, head, content) if content is not None else None

    def _depends_on_more(self, response: Response) -> bool:
        """Whether the answer itself names fields on which it depends that are not heeded."""
        said = response.field(b"vary") or b""
        names = [name for part in said.lower().split(b",") if (name := part.strip(b" \t"))]
        return any(b"\n" + name + b":" not in self._heeds for name in names)

    def _content(self, response: Response) -> bytes | Mapped | None:
        body = response.body
        if (body_length(body) or 0) <= LARGEST:
            return read_body(body)
        if response.status != 200 or not isinstance(body, FileSlice) or body.length > self._largest:
            return None
        return Mapped(body)


def _has_content(request: Request) -> bool:
    return any(map(request.mentions, (b"content-length:", b"transfer-encoding:", b"expect:")))
