"""RFC 9112's grammar of a request's head, as compiled patterns, and what is wrong where they do not match.

Must not know: connections, states, what a field means. The possessive quantifiers (`++`, `*+`) of character
classes leave nothing to backtrack within a line, and no line can be read as two: every match is linear in the
head's length, whatever a stranger sends. Groups are repeated greedily: Python before 3.11.5 misses
matches where a group's repetition is possessive (python/cpython#106052).
"""

from __future__ import annotations

import re
import sys

from nbmon.http.limits import Limits
from nbmon.http.messages import Refusal

_TCHAR = rb"!#$%&'*+\-.^_`|~0-9A-Za-z"  # RFC 9110 section 5.6.2
TOKEN = rb"[" + _TCHAR + rb"]++"
_METHOD = rb"[" + _TCHAR + rb"]{1,32}+"
# Wider than RFC 3986, on purpose: browsers send | [ ] { } ^ bare, and curl sends a name in UTF-8 as it was
# typed. Never white space, a control character or "#".
_TARGET = rb"[!-\"$-~\x80-\xff]++"
_VALUE = rb"[\t -~\x80-\xff]*+"  # RFC 9110 section 5.5: no CR, LF, NUL or other control character
FIELD_LINE = TOKEN + rb":" + _VALUE + rb"\r\n"
_REQUEST_LINE = rb"(" + _METHOD + rb") (" + _TARGET + rb") HTTP/1\.([0-9])\r"

# Groups: method, target, minor version, and the field lines behind the LF of the request line.
HEAD = re.compile(_REQUEST_LINE + rb"(\n(?:" + FIELD_LINE + rb")*)\r\n")
BLANK_LINE = re.compile(rb"\n\r?\n")  # the end of a head, also of one that is wrong
FIRST_BYTE = frozenset(b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
LINE_EXTRA = 64  # bytes of a request line beside its target: method, version, spaces

_GOOD_LINE = re.compile(_REQUEST_LINE + rb"\n")
_OTHER_VERSION = re.compile(TOKEN + rb" " + _TARGET + rb" HTTP/[0-9]\.[0-9]\r\n")
_LONG_METHOD = re.compile(rb"[" + _TCHAR + rb"]{33,}+ " + _TARGET + rb" HTTP/1\.[0-9]\r\n")
_GOOD_FIELD = re.compile(FIELD_LINE)
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

_NAME_CHAR = rb"[A-Za-z0-9\-._~!$&'()*+,;=]*+"
_reg_name = _NAME_CHAR + rb"(?:%[0-9A-Fa-f]{2}" + _NAME_CHAR + rb")*"
_ip_literal = rb"\[(?:[0-9A-Fa-f:.]++|[vV][0-9A-Fa-f]++\.[A-Za-z0-9\-._~!$&'()*+,;=:]++)\]"
HOST_VALUE = rb"(?:" + _ip_literal + rb"|" + _reg_name + rb")(?::[0-9]{0,5}+)?"
HOST = re.compile(HOST_VALUE)  # RFC 9110 section 7.2: uri-host [ ":" port ], may be empty

# What `plain_target` accepts, but for the limits. `Connection: keep-alive` says nothing new in 1.1. Names of
# fields that matter are told by their first letter, and then by the rest: one such as "cost" is taken for one
# of them, which sends it the long way and does no harm; to ask for each whole name costs 0.1 us.
_REST_OF_NAME = (
    rb"(?i:ost|ange|f-|on(?:nection(?!:[ \t]*+keep-alive[ \t]*+\r\n)|tent-)|ransfer-|xpect|pgrade|e:|railer"
    rb"|uthorization)"
)
_MANY = rb"*+" if sys.version_info >= (3, 11, 5) else rb"*"  # possessive saves 0.2 us of a browser's head
_PLAIN_FIELD = rb"(?:(?![HhRrIiCcTtEeUuAa]" + _REST_OF_NAME + rb")" + FIELD_LINE + rb")" + _MANY
PLAIN_HEAD = re.compile(
    rb"GET (/[!-\"$-~\x80-\xff]*+) HTTP/1\.1\r\n"
    + _PLAIN_FIELD
    + rb"[Hh][Oo][Ss][Tt]:[ \t]*+"
    + HOST_VALUE
    + rb"[ \t]*+\r\n"
    + _PLAIN_FIELD
    + rb"\r\n"
)


def plain_target(head: bytes, limits: Limits) -> bytes | None:
    """The target of one whole head in which nothing but the target matters; None for every other.

    Such a head is a GET in HTTP/1.1, within the limits, with one good Host, a target in origin-form, and no
    field that changes the answer or the framing: what `Session` and `answer` make of it follows from
    the target alone.
    """
    match = PLAIN_HEAD.fullmatch(head, 0, limits.head_bytes + 1)
    if match is None or len(head) > limits.head_bytes or len(match[1]) > limits.target_bytes:
        return None
    return match[1] if head.count(b"\n") <= limits.fields + 2 else None


def line_fault(line: bytes, limits: Limits) -> Refusal | None:
    """What is wrong with a request line (with its line end), None if nothing is."""
    if match := _GOOD_LINE.fullmatch(line):
        return too_long() if len(match[2]) > limits.target_bytes else None
    if _OTHER_VERSION.fullmatch(line) and not line.endswith(b"HTTP/1.", 0, -3):
        return Refusal(505, "Only HTTP/1.0 and HTTP/1.1 are spoken here.")
    if _LONG_METHOD.fullmatch(line):
        return Refusal(501, "The method is not known here; GET, HEAD and OPTIONS are.")
    if fault := _line_end_fault(line):
        return fault
    return Refusal(400, "The first line is not METHOD TARGET HTTP/1.1, with single spaces between.")


def head_fault(head: bytes) -> Refusal:
    """What is wrong with a whole head whose request line is good, but which HEAD does not match."""
    for line in head.split(b"\n")[1:-1]:
        if fault := _field_fault(line + b"\n"):
            return fault
    return Refusal(400, "The head of the request is malformed.")


def _field_fault(line: bytes) -> Refusal | None:
    if line == b"\r\n" or _GOOD_FIELD.fullmatch(line):
        return None
    if fault := _line_end_fault(line):
        return fault
    if line.startswith((b" ", b"\t")):
        return Refusal(400, "A field is folded over two lines; write it in one.")
    name, colon, _ = line.partition(b":")
    if not colon:
        return Refusal(400, "A field line has no colon.")
    if name.endswith((b" ", b"\t")):
        return Refusal(400, "There is white space between a field's name and its colon.")
    return Refusal(400, "A field's name is not a token.")


def _line_end_fault(line: bytes) -> Refusal | None:
    if _CONTROL.search(line):
        return Refusal(400, "The head holds a control character.")
    if not line.endswith(b"\r\n"):
        return Refusal(400, "A line ends with LF alone; lines end with CR LF.")
    if b"\r" in line[:-2]:
        return Refusal(400, "There is a CR inside a line.")
    return None


def too_long() -> Refusal:
    """The refusal of a target beyond the limit."""
    return Refusal(414, "The address asked for is too long.")
