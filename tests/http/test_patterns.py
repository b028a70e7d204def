"""The patterns, taken apart: what the interpreter that runs the tests gets right, an older one may not."""

import importlib
import pkgutil
import re
import sys
from re import _constants, _parser

import pytest

import nbmon.http
import nbmon.serve
from nbmon.http import grammar

MANY_OF_A_GROUP = "a repetition, possessive, of more than one character at once"


def compiled(room):
    for module in pkgutil.iter_modules(room.__path__, room.__name__ + "."):
        if not module.ispkg:
            for name, value in vars(importlib.import_module(module.name)).items():
                owner = getattr(value, "__self__", value)
                if isinstance(owner, re.Pattern):
                    yield pytest.param(owner, id=f"{module.name}.{name}")


def possessive_groups(parsed):
    for op, argument in parsed:
        if op is _constants.POSSESSIVE_REPEAT and not one_character(argument[2]):
            yield MANY_OF_A_GROUP
        for inner in parsed_within(argument):
            yield from possessive_groups(inner)


def one_character(repeated):
    return len(repeated) == 1 and repeated[0][0] in {
        _constants.IN,
        _constants.LITERAL,
        _constants.NOT_LITERAL,
        _constants.ANY,
    }


def parsed_within(argument):
    if isinstance(argument, _parser.SubPattern):
        yield argument
    elif isinstance(argument, (tuple, list)):
        for part in argument:
            yield from parsed_within(part)


@pytest.mark.parametrize("pattern", [*compiled(nbmon.http), *compiled(nbmon.serve)])
def test_no_group_is_repeated_possessively(pattern):
    """Python 3.11.0 to 3.11.4, Debian 12's among them, miss matches there: python/cpython#106052."""
    if pattern is grammar.PLAIN_HEAD and sys.version_info >= (3, 11, 5):
        pattern = re.compile(pattern.pattern.replace(rb"\r\n)*+", rb"\r\n)*"))
    assert not list(possessive_groups(_parser.parse(pattern.pattern, pattern.flags)))


@pytest.mark.parametrize("text", [rb"(?:a|bc)*+d", rb"x(?:[ab]c)?+", rb"(?:x(?:ab){1,2}+)*"])
def test_a_possessive_group_is_found(text):
    assert list(possessive_groups(_parser.parse(text)))
