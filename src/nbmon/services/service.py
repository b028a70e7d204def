"""A service as plain values: its name, what it is, and with which options. Must not touch the world."""

from __future__ import annotations

from nbmon.services.errors import MisuseError
from nbmon.services.values import READERS, Value, one_of

TYPE_CHECKING = False  # as mypy reads it, without `typing`
if TYPE_CHECKING:
    from nbmon.services.words import AccessLogFormat, Auto, Kind, Model, Processed, Restart

WORDS = {  # what a record may say where the types of `words` stand
    "Kind": ("pictures", "class", "command"),
    "Auto": ("auto",),
    "Model": ("coroutine", "thread", "process"),
    "AccessLogFormat": ("combined", "json"),
    "Processed": ("all", "presets", "none"),
    "Restart": ("permanent", "transient", "temporary"),
}
READERS.update({name: one_of(*words) for name, words in WORDS.items()})

HOST = "127.0.0.1"  # showing a folder to a network is the user's word, never the default
PORT = 9085
START_TIMEOUT = 30.0  # seconds
STOP_TIMEOUT = 10.0  # seconds
LONGEST_NAME = 64  # characters
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
_BARE = _PLAIN | frozenset("@%+=:,/")  # what no shell gives a meaning
NAME_RULE = f"letters, digits, `.`, `_` and `-`, not starting with `.` or `-`, at most {LONGEST_NAME}"


class Options(Value):
    """What a person may say beside the target; None where nothing was said."""

    host: str | None = None
    port: int | None = None
    workers: int | Auto | None = None
    model: Model | None = None
    log: str | None = None  # absolute
    directory: str | None = None  # absolute
    start_timeout: float | None = None  # seconds
    stop_timeout: float | None = None  # seconds
    restart: Restart | None = None
    prefix: bool | None = None
    listen: tuple[str, ...] | None = None
    tls_cert: str | None = None  # absolute, as the paths below
    tls_key: str | None = None
    access_log: str | None = None  # "-" for stdout
    access_log_format: AccessLogFormat | None = None
    metrics: str | None = None
    auth: str | None = None
    cors: tuple[str, ...] | None = None
    cache_control: tuple[str, ...] | None = None
    base_path: str | None = None
    header: tuple[str, ...] | None = None
    limit: tuple[str, ...] | None = None
    processing: Processed | None = None
    preset: tuple[str, ...] | None = None
    sign_key: str | None = None  # absolute
    cache_size: str | None = None
    max_megapixels: str | None = None
    show_location: bool | None = None

    def over(self, other: Options) -> Options:
        """These, and where nothing was said, the `other`'s."""
        return other.replace(**self.given())


class Service(Value):
    """One service with everything that is needed to start it again with the same options."""

    name: str
    kind: Kind
    directory: str  # absolute: modules are looked for here, a command runs here
    target: str = ""  # an absolute folder, or module:Class
    command: tuple[str, ...] = ()
    options: Options = Options()
    origin: str = ""  # where the target was read, as in `nbmon.toml, line 3: target of services.web`

    @property
    def identity(self) -> tuple[str, ...]:
        """What makes two services the same one, whatever their options."""
        if self.kind == "pictures":
            return (self.kind, self.target)
        return (self.kind, self.directory, self.target, *self.command)

    @property
    def said(self) -> str:
        """The target as a person would type it."""
        if self.kind == "command":
            return f"-- {' '.join(map(quoted, self.command))}"
        return self.target


def quoted(word: str) -> str:
    """`word` as a shell would read it back: shlex.quote, without the `re` that it loads.

    >>> quoted("two words")
    "'two words'"
    """
    if word and _BARE.issuperset(word):
        return word
    return "'" + word.replace("'", "'\"'\"'") + "'"


def is_name(text: str) -> bool:
    """Whether `text` may name a service: it becomes a file name, so it is short, plain and not hidden."""
    return 0 < len(text) <= LONGEST_NAME and text[0] not in ".-" and _PLAIN.issuperset(text)


def checked_name(text: str, where: str = "--name") -> str:
    """`text` if it may name a service; MisuseError."""
    if not is_name(text):
        raise MisuseError(f"{where} {text!r} cannot name a service; a name is made of {NAME_RULE} characters")
    return text


def derived_name(text: str, otherwise: str) -> str:
    """A name made of a folder's, a class's or a command's: accents dropped, the rest of what is odd a `-`."""
    import unicodedata

    ascii_ = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    plain = "".join(c if c in _PLAIN else "-" for c in ascii_).strip("-.")[:LONGEST_NAME]
    return plain or otherwise
