"""Basic authentication (RFC 7617) against a table as htpasswd -B writes it. Must not know files.

bcrypt is slow on purpose, and the clients of a loop would wait for it: what was found right is remembered,
by a keyed hash, and wrong guesses are bounded in number. Whoever is already in never waits for a guesser.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections import OrderedDict
from collections.abc import Callable, Hashable
from hashlib import blake2b
from time import monotonic

from nbmon.http import Answer, Request, Response, error_response
from nbmon.serve.wrappers.common import App, Wrapper, WrongOption, changed, with_field
from nbmon.serve.wrappers.together import CommonBudget, Digests

HIGHEST_COST = 12  # of bcrypt, about a quarter of a second a guess
REMEMBERED = 1024  # passwords found right
GUESSES = 8  # checks by bcrypt …
PERIOD = 2.0  # … in so many seconds, for all clients together
MOST_USERS = 10_000
PASSWORD_BYTES = 72  # of which bcrypt takes notice
REALM = "pictures"
ASKED = "A name and a password are needed here."
TOO_MANY = "There were too many wrong passwords; please try again in a moment."
_BCRYPT = re.compile(rb"\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53}")
_DIRECTIVE = re.compile(rb'(?:[^,"]|"[^"]*")+')
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_WEAK = (
    (b"{SHA}", "SHA-1 without a salt"),
    (b"$apr1$", "MD5 (apr1)"),
    (b"$1$", "MD5"),
    (b"$5$", "SHA-256 crypt"),
    (b"$6$", "SHA-512 crypt"),
)
# Those that let shared caches keep what a password was needed for, and `private` for some fields alone
_SHARED = frozenset((b"public", b"s-maxage", b"private"))
Check = Callable[[bytes, bytes], bool]


class Passwords:
    """Names and their bcrypt hashes."""

    def __init__(self, hashes: dict[bytes, bytes], check: Check) -> None:
        self._hashes = hashes
        self._check = check
        # For names that are not there, at the table's own cost: the time must not tell who is.
        self._nobody = max(hashes.values(), key=lambda known: known[4:6])

    def right(self, user: bytes, password: bytes) -> bool:
        """Whether this is the password of `user`; takes as long for one that is not known."""
        if b"\0" in password:
            return False
        known = self._hashes.get(user)
        found = self._check(password[:PASSWORD_BYTES], self._nobody if known is None else known)
        return found and known is not None

    @classmethod
    def parse(cls, data: bytes, name: str) -> Passwords:
        """The lines of an htpasswd file called `name`. Raises WrongOption."""
        hashes: dict[bytes, bytes] = {}
        for number, line in enumerate(data.splitlines(), 1):
            if not line.strip() or line.startswith(b"#"):
                continue
            user, colon, known = line.rstrip().partition(b":")
            where = f"{name}, line {number}"
            if not colon or not user or _CONTROL.search(line):
                raise WrongOption(f"{where}: this is no NAME:HASH; htpasswd -B {name} NAME writes one")
            if user in hashes:
                raise WrongOption(f"{where}: {_shown(user)} is there already; leave one line of the two")
            hashes[user] = _checked_hash(known, f"{where}: the password of {_shown(user)}", name)
        if not hashes or len(hashes) > MOST_USERS:
            raise WrongOption(
                f"{name} has {len(hashes)} users; accepted are 1 to {MOST_USERS}; "
                f"htpasswd -B {name} NAME adds one"
            )
        return cls(hashes, _bcrypt_check())


def _checked_hash(known: bytes, whose: str, name: str) -> bytes:
    match = _BCRYPT.fullmatch(known)
    if match is None:
        kind = next((words for start, words in _WEAK if known.startswith(start)), "no bcrypt hash")
        raise WrongOption(f"{whose} is {kind}; accepted is bcrypt; htpasswd -B {name} NAME writes it")
    if not 4 <= int(match[1]) <= HIGHEST_COST:
        raise WrongOption(
            f"{whose} has bcrypt's cost {int(match[1])}; accepted are 4 to {HIGHEST_COST}, beyond which "
            f"other clients would wait for each guess; htpasswd -B -C 10 {name} NAME writes it"
        )
    return known


def _shown(user: bytes) -> str:
    return user.decode("utf-8", "backslashreplace")


def _bcrypt_check() -> Check:
    try:
        from bcrypt import checkpw
    except ImportError:
        raise WrongOption(
            "passwords need the package bcrypt, which is not installed; pip install 'nbmon[auth]'"
        ) from None
    return checkpw


# The passwords, and what was found right by them: here, and in all processes forked since
Table = tuple[Passwords, OrderedDict[bytes, None], Digests]


class Auth(Wrapper):
    """Lets in who gives a name and a password of the table. `passwords` may be exchanged at any time."""

    def __init__(
        self, app: App, passwords: Passwords, realm: str = REALM, clock: Callable[[], float] = monotonic
    ) -> None:
        super().__init__(app)
        self._challenge = b'Basic realm="%s", charset="UTF-8"' % realm.encode()
        self._clock = clock
        self._guesses = CommonBudget(GUESSES, PERIOD)
        self._key = os.urandom(32)
        self.exchange(passwords)

    def exchange(self, passwords: Passwords) -> None:
        """From now on these count; whoever was let in by others is asked again."""
        self._table: Table = (passwords, OrderedDict(), Digests())

    def __call__(self, request: Request) -> Answer:
        """Answer `request`."""
        given = request.field(b"authorization")
        if given is None or (pair := credentials(given)) is None:
            return self._ask()
        table = self._table
        if not self._remembered(given, table):
            if self._guesses.spend(self._clock()) <= 0:
                response = error_response(429, TOO_MANY)
                response.fields.append((b"Retry-After", b"%d" % PERIOD))
                return response
            if not table[0].right(*pair):
                return self._ask()
            self._remember(given, table)
        return changed(self._app(request), private)

    def _ask(self) -> Response:
        response = error_response(401, ASKED)
        response.fields += [(b"WWW-Authenticate", self._challenge), (b"Cache-Control", b"no-store")]
        return response

    def _state_of(self, request: Request) -> Hashable:
        """Nothing is remembered but for who is in, and nothing beyond an exchange."""
        given, table = request.field(b"authorization"), self._table
        if given is None or not self._remembered(given, table):
            return None
        inner = super()._state_of(request)
        return None if inner is None else (id(table[0]), inner)

    def _remembered(self, given: bytes, table: Table) -> bool:
        digest = self._digest(given)
        if digest in table[1]:
            return True
        if digest not in table[2]:
            return False
        self._keep(digest, table[1])  # another process has let it in
        return True

    def _remember(self, given: bytes, table: Table) -> None:
        digest = self._digest(given)
        table[2].add(digest)
        self._keep(digest, table[1])

    @staticmethod
    def _keep(digest: bytes, kept: OrderedDict[bytes, None]) -> None:
        kept[digest] = None
        while len(kept) > REMEMBERED:
            kept.popitem(last=False)

    def _digest(self, given: bytes) -> bytes:
        """With a key of this process's: where it stands in a dict, and how long that takes, tells nothing."""
        return blake2b(given, key=self._key, digest_size=32).digest()


class Private(Wrapper):
    """Keeps answers that were given for a password out of shared caches, whatever the wrappers within say."""

    def __call__(self, request: Request) -> Answer:
        """Answer `request`."""
        return changed(self._app(request), private)


def credentials(value: bytes) -> tuple[bytes, bytes] | None:
    """Name and password of an Authorization field of the Basic scheme; None if it is anything else."""
    scheme, _, token = value.partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        user, colon, password = base64.b64decode(token.strip(b" "), validate=True).partition(b":")
    except binascii.Error:
        return None
    return (user, password) if colon and not _CONTROL.search(user + password) else None


def private(response: Response) -> None:
    """What only some may see is in no shared cache, whatever else is said of it (RFC 9111 section 3.5)."""
    said = b",".join(value for name, value in response.fields if name.lower() == b"cache-control")
    words = [word for part in _DIRECTIVE.findall(said) if (word := part.strip(b" \t"))]
    names = [word.partition(b"=")[0].lower() for word in words]
    if words and b"no-store" not in names:
        kept = [word for word, name in zip(words, names, strict=True) if name not in _SHARED]
        with_field(response, b"Cache-Control", b", ".join((b"private", *kept)))
