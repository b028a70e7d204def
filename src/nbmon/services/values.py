"""Values that never change, with named fields, read from and written as JSON's own kinds.

What `status` shows is made of these. msgspec's Struct does the same and more, and is what checks nbmon.toml;
loading it would be half of the time that `status` takes. Must not know what a service is.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as mypy reads it; `typing` would be a large part of what `status` loads
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, ClassVar, Self, dataclass_transform
else:

    def dataclass_transform(**_):
        """For mypy alone (PEP 681)."""
        return lambda cls: cls


def _is(*kinds: type) -> Callable[[Any], Any]:
    def read(given: Any) -> Any:
        if type(given) not in kinds:  # not isinstance: True is no number
            raise ValueError(f"{given!r} is no {kinds[0].__name__}")
        return given

    return read


def _texts(given: Any) -> tuple[str, ...]:
    return tuple(map(_is(str), _is(list, tuple)(given)))


def one_of(*words: str) -> Callable[[Any], Any]:
    """What reads one of `words`, for READERS."""

    def read(given: Any) -> Any:
        if given not in words:
            raise ValueError(f"{given!r} is none of {', '.join(words)}")
        return given

    return read


# How each kind of field is read, by what stands behind its colon; a union is tried from left to right.
READERS: dict[str, Callable[[Any], Any]] = {
    "None": _is(type(None)),
    "str": _is(str),
    "int": _is(int),
    "float": lambda given: float(_is(float, int)(given)),
    "bool": _is(bool),
    "tuple[str, ...]": _texts,
}


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Value:
    """The base; a subclass names its fields, with defaults where there are any.

    >>> class Place(Value):
    ...     host: str
    ...     port: int = 80
    >>> Place(host="a").replace(port=1)
    Place(host='a', port=1)
    """

    fields: ClassVar[tuple[str, ...]] = ()
    _kinds: ClassVar[dict[str, str]] = {}
    _defaults: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls) -> None:
        cls._kinds = cls.__annotations__
        cls.fields = tuple(cls._kinds)
        cls._defaults = {field: getattr(cls, field) for field in cls.fields if hasattr(cls, field)}
        READERS[cls.__name__] = cls.from_plain

    def __init__(self, **given: Any) -> None:
        values = self._defaults | given
        if values.keys() != self._kinds.keys():
            wrong = ", ".join(sorted(values.keys() ^ self._kinds.keys()))
            raise TypeError(f"{type(self).__name__}: {wrong} missing, or not known")
        self.__dict__.update((field, values[field]) for field in self.fields)

    @classmethod
    def from_plain(cls, given: object) -> Self:
        """Of a dict, as JSON gives it, each value checked; what is no field is left out. ValueError."""
        if not isinstance(given, dict):
            raise ValueError(f"{given!r} is no {cls.__name__}")
        found = {key: _read(kind, given[key]) for key, kind in cls._kinds.items() if key in given}
        try:
            return cls(**found)
        except TypeError as error:
            raise ValueError(str(error)) from None

    def plain(self) -> dict[str, Any]:
        """As a dict of JSON's kinds, in the order of the fields."""
        return {key: _plain(value) for key, value in self.__dict__.items()}

    def given(self) -> dict[str, Any]:
        """The fields that are not None, as they are."""
        return {key: value for key, value in self.__dict__.items() if value is not None}

    def replace(self, **changes: Any) -> Self:
        """The same with other values in the fields that are named."""
        return type(self)(**{**self.__dict__, **changes})

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} does not change; replace({name}=…) makes another")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} does not change, and keeps its {name}")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash(tuple(self.__dict__.values()))

    def __repr__(self) -> str:
        shown = ", ".join(f"{key}={value!r}" for key, value in self.__dict__.items())
        return f"{type(self).__name__}({shown})"


def _read(kind: str, given: Any) -> Any:
    """`given` as one of the kinds of a union; ValueError of the last."""
    first, _, others = kind.partition(" | ")
    try:
        return READERS[first](given)
    except (ValueError, OverflowError):
        if not others:
            raise ValueError(f"{given!r} is no {kind}") from None
    return _read(others, given)


def _plain(value: Any) -> Any:
    if isinstance(value, Value):
        return value.plain()
    return [_plain(one) for one in value] if isinstance(value, tuple) else value
