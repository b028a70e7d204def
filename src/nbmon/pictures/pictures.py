"""From a request to an answer: the pictures of a folder, its pages, and the server's own style.

Knows HTTP only through the http room's plain values, and the disk only through `Folder`. Nothing here sends.

Freshness: files and pages say `no-cache`, so that a browser asks again and is told 304 where nothing
changed; the stylesheet and the icon have their content's hash in their names and may be kept for ever.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Hashable
from functools import cache
from hashlib import blake2b
from urllib.parse import quote

from nbmon.http import Answer, Representation, Request, Response, answer, error_response, method_refusal
from nbmon.pictures.asked import asked, has
from nbmon.pictures.beneath import NotHere, Unavailable
from nbmon.pictures.bundle import bundle
from nbmon.pictures.facts import Known
from nbmon.pictures.feed import Hub, NoFeed
from nbmon.pictures.folder import Entry, Folder, FolderError
from nbmon.pictures.gallery import Setting
from nbmon.pictures.kinds import HTML, SNIFF_BYTES, fields_for, kind_of
from nbmon.pictures.listing import Lists
from nbmon.pictures.page import PAGE_FIELDS, RESERVED, Asset, assets, icon
from nbmon.pictures.pages import Pages
from nbmon.pictures.paths import BadPath, HiddenPath, decode, encode
from nbmon.pictures.processed import Processing
from nbmon.pictures.processing.urls import Links
from nbmon.pictures.words import preferred

ASK_AGAIN = (b"Cache-Control", b"no-cache")
GZIPPED = (b"Content-Encoding", b"gzip")
FOR_EVER = (b"Cache-Control", b"public, max-age=31536000, immutable")
RETRY_AFTER = b"1"  # seconds, with 503
FAVICON = [b"favicon.ico"]  # asked for beside a bare picture; ours, unless the folder has one

SETTLED_AFTER = 2_000_000_000  # nanoseconds: the coarsest tick of a file's times (FAT's)

_IN_A_QUERY = "".join(map(chr, range(0x21, 0x7F)))  # what stays as it came
NOT_HERE = "There is nothing here by that name."
REMOVED = "The folder that is shown here is gone; once it is back, this page is, too."


class Pictures:
    """The application: a request in, an answer out. Safe to call from several threads."""

    def __init__(
        self,
        folder: Folder,
        *,
        links: Links | None = None,
        show_location: bool = False,
        processing: Processing | None = None,
        lists: Lists | None = None,
    ) -> None:
        """`links` make the URLs of thumbnails; without, pages show the originals.

        Where a picture was taken is told only with `show_location`. `processing` answers requests with
        parameters, and makes the links; without, parameters mean nothing. `lists` knows large folders.
        """
        self.folder = folder
        self.links = links = processing.links if processing is not None else links
        self._processing = processing
        colours = processing.colours if processing is not None else None
        self._pages = Pages(Setting(folder, Known(folder), links, show_location, lists, colours))
        self._hub = Hub()
        self._boundary_key = os.urandom(32)
        self._missing = False  # that the folder was removed has been logged

    def __call__(self, request: Request) -> Answer:
        """Answer `request`. Raises nothing for whatever a client may ask, or the disk may lack."""
        refusal = method_refusal(request.method)
        if refusal is not None:
            return refusal
        try:
            segments = decode(request.path)
            try:
                return self._find(request, segments)
            except NotHere:
                if not self.folder.removed:
                    raise
            return self._find_anew(request, segments)
        except BadPath as wrong:
            return error_response(400, str(wrong))
        except (HiddenPath, NotHere):
            return error_response(404, NOT_HERE)
        except (Unavailable, OSError):
            return _busy("That cannot be opened just now; try again in a moment.")

    def _find_anew(self, request: Request, segments: list[bytes]) -> Answer:
        """After the folder was removed: from the one that has its place now, if there is one."""
        import logging

        log = logging.getLogger(__name__)
        try:
            self.folder.reopen()
        except FolderError as error:
            if not self._missing:
                log.error("the folder was removed: %s", error)
            self._missing = True
            return _busy(REMOVED)
        self._missing = False
        log.info("the folder is shown again: another has the place of one that was removed")
        return self._find(request, segments)

    def state_of(self, request: Request) -> Hashable | None:
        """Equal as long as the answer to `request` is; None where that cannot be told, as for a page.

        Nor can it be told of a file that has just changed: its times may stay the same when it does again.
        """
        try:
            segments = decode(request.path)
            status = self.folder.look(segments)
        except (BadPath, HiddenPath, NotHere, Unavailable, OSError):
            return None
        changed = max(status.st_mtime_ns, status.st_ctime_ns)
        if not stat.S_ISREG(status.st_mode) or time.time_ns() - changed < SETTLED_AFTER:
            return None
        state = status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
        if self._processing is None or request.query is None:
            return state
        result = self._processing.state_of(request, segments, status)
        return None if result is None else (state, result)

    def varies(self, target: bytes) -> bool:
        """Whether the answer to `target` depends on further fields than those that every answer heeds."""
        _, mark, query = target.partition(b"?")
        return bool(mark) and self._processing is not None and self._processing.varies(query)

    def _find(self, request: Request, segments: list[bytes]) -> Answer:
        if segments[0] == RESERVED and (asset := assets().get(b"/".join(segments[1:]))) is not None:
            return _own(request, asset, FOR_EVER)
        try:
            entry = self.folder.open(segments)
        except NotHere:
            if segments == FAVICON:
                return _own(request, icon(), ASK_AGAIN)
            raise
        try:
            if not entry.is_folder:
                return self._processed(request, segments, entry) or self._file(request, segments[-1], entry)
            if segments[-1]:
                return _to_folder(segments[-1], request.query)
            return self._page(request, segments[:-1], entry)
        except BaseException:
            entry.close()
            raise

    def _page(self, request: Request, where: list[bytes], entry: Entry) -> Response:
        with entry:
            if not entry.status.st_nlink:  # removed while it was open
                raise NotHere
            wanted = asked(request.query)
            if has(request.query, b"events"):
                return self._feed(entry)
            if has(request.query, b"zip"):
                held = self._pages.held(entry, where, wanted)
                return bundle(self.folder, where, held, wanted, request.query)
            words = preferred(request.field(b"accept-language"))
            page = self._pages.get(entry, where, wanted, words)
        packed = accepts_gzip(request.field(b"accept-encoding"))
        content, tag = (page.packed, page.packed_tag) if packed else (page.content, page.tag)
        fields = (
            ASK_AGAIN,
            (b"Vary", b"Accept-Language, Accept-Encoding"),
            (b"Content-Language", words.tag.encode()),
            *PAGE_FIELDS,
            *((GZIPPED,) if packed else ()),
        )
        what = Representation(len(content), HTML, tag, page.since, fields, date_is_strong=False)
        return answer(request, what, lambda: content)

    def _feed(self, entry: Entry) -> Response:
        """What happens in the folder, as it happens; 204, where that cannot be: browsers ask no more."""
        try:
            fields = [(b"Content-Type", b"text/event-stream"), (b"Cache-Control", b"no-store")]
            return Response(200, fields, self._hub.feed(entry.fileno()))
        except NoFeed:
            return Response(204, [(b"Cache-Control", b"no-store")])

    def _processed(self, request: Request, segments: list[bytes], entry: Entry) -> Answer | None:
        if self._processing is None or request.query is None:
            return None
        return self._processing.answer(request, segments, entry, self._boundary_key)

    def _file(self, request: Request, name: bytes, entry: Entry) -> Response:
        given = []

        def hand_over() -> Entry:
            given.append(entry)
            return entry

        response = answer(request, representation_of(name, entry), hand_over, self._boundary_key)
        if not given:  # HEAD, 304, 412, 416
            entry.close()
        return response


def _own(request: Request, asset: Asset, keeping: tuple[bytes, bytes]) -> Response:
    packed = bool(asset.packed) and accepts_gzip(request.field(b"accept-encoding"))
    content, tag = (asset.packed, asset.packed_tag) if packed else (asset.content, asset.tag)
    vary = (b"Vary", b"Accept-Encoding")
    fields = (keeping, vary, *((GZIPPED,) if packed else ()), *fields_for(asset.kind))
    what = Representation(len(content), asset.kind, tag, _installed(), fields)
    return answer(request, what, lambda: content)


@cache
def _installed() -> int:
    """Seconds since 1970: the same in all workers, and never later than now."""
    ours = os.stat(__file__)  # noqa: PTH116 - pathlib would be one more import
    return min(int(ours.st_mtime), int(time.time()))


def accepts_gzip(accept_encoding: bytes | None) -> bool:
    """Whether the field (RFC 9110, section 12.5.3) takes gzip; what it does not name is not sent."""
    for part in (accept_encoding or b"").lower().split(b","):
        coding, _, weight = part.replace(b" ", b"").partition(b";")
        if coding in (b"gzip", b"x-gzip", b"*"):
            return not weight.startswith(b"q=0") or weight.strip(b"q=0.") != b""
    return False


def _busy(sentence: str) -> Response:
    response = error_response(503, sentence)
    response.fields.append((b"Retry-After", RETRY_AFTER))
    return response


def representation_of(name: bytes, entry: Entry) -> Representation:
    """What the open file `entry`, called `name`, is at this moment. OSError if the disk fails."""
    status, now = entry.status, time.time()
    kind = kind_of(name, entry.read(0, SNIFF_BYTES))
    # RFC 9110, section 8.8.2.1: never later than the Date of the answer
    modified = max(0, min(int(status.st_mtime), int(now)))
    return Representation(
        status.st_size,
        kind,
        entity_tag(status),
        modified,
        (ASK_AGAIN, *fields_for(kind)),
        date_is_strong=now - status.st_mtime >= SETTLED_AFTER / 1e9,  # RFC 9110, section 8.8.2.2
    )


def entity_tag(status: os.stat_result) -> bytes:
    """A strong tag of what changes with a file's content, hashed: inodes are nobody's business.

    With the ctime, because the mtime can be set back and so can be that of other content of the same length.
    """
    seen = b"%d %d %d %d" % (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
    return b'"' + blake2b(seen, digest_size=9).hexdigest().encode() + b'"'


def _to_folder(name: bytes, query: bytes | None) -> Response:
    """To the same with a slash. Relative, and made of one encoded name: it cannot lead to another host."""
    location = encode(name) + "/" + ("" if query is None else "?" + quote(query, safe=_IN_A_QUERY))
    response = error_response(308, "This folder is found with a slash at its end.")
    response.fields += [(b"Location", location.encode()), ASK_AGAIN]
    return response
