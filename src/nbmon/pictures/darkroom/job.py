"""What is asked of the darkroom and what it answers, as values and as bytes. Pure.

One message each way on a connection of its own (SOCK_SEQPACKET keeps their bounds): a client that goes away
closes its connection, and that is all that it has to say.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from nbmon.pictures.processing.recipe import Recipe

LARGEST = 8_192  # bytes of a message
KEY_LENGTH = 40  # hexadecimal digits


_TYPES: dict[str, tuple[type, ...]] = {"int": (int,), "str": (str,), "float": (int, float)}


class BadMessage(ValueError):  # noqa: N818 - the other side's fault
    """No message of this protocol."""


@dataclass(frozen=True, slots=True)
class Job:
    """One result to be made. The source's descriptor travels beside it."""

    key: str
    recipe: Recipe  # settled: with a format
    keep: bool = True  # in the cache


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of it: with status 200, the result's descriptor travels beside it."""

    status: int
    sentence: str = ""  # what is wrong, for the client
    width: int = 0  # pixels
    height: int = 0
    length: int = 0  # bytes
    digest: str = ""  # of the content
    waited: float = 0.0  # seconds in the queue
    took: float = 0.0  # seconds
    retry_after: int = 0  # seconds


def job_bytes(job: Job) -> bytes:
    """`job` as a message."""
    return json.dumps({"key": job.key, "keep": job.keep, "recipe": job.recipe.changed()}).encode()


def read_job(data: bytes) -> Job:
    """The job of a message. BadMessage."""
    found = _loaded(data)
    try:
        key, keep, recipe = found["key"], found["keep"], dict(found["recipe"])
        for name in ("crop", "rect"):
            if recipe.get(name) is not None:
                recipe[name] = tuple(recipe[name])
        if len(key) != KEY_LENGTH or not set(key) <= set("0123456789abcdef"):
            raise BadMessage("that is no key")
        return Job(key, Recipe(**recipe), bool(keep))
    except (KeyError, TypeError, ValueError) as error:
        raise BadMessage(f"no job: {error}") from None


def reply_bytes(reply: Reply) -> bytes:
    """`reply` as a message."""
    names = Reply.__dataclass_fields__
    return json.dumps({name: getattr(reply, name) for name in names}).encode()[:LARGEST]


def read_reply(data: bytes) -> Reply:
    """The reply of a message. BadMessage."""
    found = _loaded(data)
    try:
        reply = Reply(**found)
    except TypeError as error:
        raise BadMessage(f"no reply: {error}") from None
    for name, field in Reply.__dataclass_fields__.items():
        value = getattr(reply, name)
        if not isinstance(value, _TYPES[str(field.type)]):
            raise BadMessage(f"no reply: {name} is {value!r}")
    return reply


def _loaded(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadMessage(str(error)) from None
    if not isinstance(found, dict):
        raise BadMessage("no object")
    return found
