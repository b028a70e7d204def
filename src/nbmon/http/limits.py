"""How much of a stranger's bytes is taken, as one value. Must not know what is done beyond them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one connection. Sizes are bytes on the wire."""

    head_bytes: int = 16_384  # request line and fields with their line ends; beyond: 431
    fields: int = 100  # field lines, and trailer lines; beyond: 431
    target_bytes: int = 8_192  # beyond: 414
    body_bytes: int = 65_536  # of content, with its chunk framing, read past; beyond: answer, then close
    read_ahead_bytes: int = 65_536  # held while an answer is under way; a caller that feeds on is in error
    leading_lines: int = 4  # empty lines before a request line (RFC 9112 section 2.2); beyond: 400

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            least = 0 if name in ("body_bytes", "leading_lines") else 1
            if not isinstance(value, int) or value < least:
                raise ValueError(f"{name} is {value!r}; it must be a whole number of at least {least}")


DEFAULT_LIMITS = Limits()
