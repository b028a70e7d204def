"""Values do not change, know their fields, and are read only from what has the right kinds."""

import copy
import pickle
from typing import get_args

import pytest

from nbmon.services import service, words
from nbmon.services.crewlist import Worker
from nbmon.services.records import Record
from nbmon.services.service import Options, Service
from nbmon.services.values import READERS

WEB = Service(name="web", kind="pictures", directory="/d", options=Options(workers=2, listen=("[::1]:1",)))


def test_a_value_does_not_change():
    with pytest.raises(AttributeError, match="does not change"):
        WEB.name = "other"
    with pytest.raises(AttributeError, match="does not change"):
        del WEB.name
    assert WEB.replace(name="other").name == "other"
    assert WEB.name == "web"


def test_equal_values_are_one_key():
    same = WEB.replace(options=Options(listen=("[::1]:1",), workers=2))
    assert {WEB: 1}[same] == 1
    assert WEB.replace(target="/p") != WEB
    assert WEB.plain() != WEB


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_a_copy_is_the_same(copied):
    assert copied(WEB) == WEB


@pytest.mark.parametrize("fields", [{}, {"name": "a", "kind": "class"}, {**vars(WEB), "colour": "red"}])
def test_fields_are_all_given_and_no_others(fields):
    with pytest.raises(TypeError, match=r"Service: .*(directory|colour)"):
        Service(**fields)


def test_fields_keep_their_order_whatever_is_said_first():
    assert list(Service(directory="/d", kind="class", name="a").plain()) == list(Service.fields)


@pytest.mark.parametrize("made", [Options, Service, Record, Worker])
def test_every_kind_of_field_that_is_read_can_be(made):
    kinds = {part for kind in made.__annotations__.values() for part in kind.split(" | ")}
    assert kinds <= READERS.keys()


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("port", "80"), ("port", True), ("port", 1.5), ("workers", "some"), ("workers", []),
        ("model", "fork"),
        ("start_timeout", "1"), ("start_timeout", 10**400), ("listen", "a"), ("listen", [1]), ("cors", {}),
        ("show_location", 1), ("host", 1), ("restart", None.__class__),
    ],
)  # fmt: skip
def test_what_is_of_another_kind_is_refused(field, given):
    with pytest.raises(ValueError, match="is no"):
        Options.from_plain({field: given})


@pytest.mark.parametrize(
    ("field", "given", "read"),
    [
        ("workers", "auto", "auto"), ("workers", 3, 3), ("start_timeout", 2, 2.0), ("listen", ["a"], ("a",)),
        ("listen", None, None), ("show_location", False, False), ("model", "thread", "thread"),
    ],
)  # fmt: skip
def test_what_is_of_the_right_kind_is_read(field, given, read):
    found = getattr(Options.from_plain({field: given}), field)
    assert (found, type(found)) == (read, type(read))


def test_what_a_later_version_adds_is_left_out():
    assert Options.from_plain({"port": 1, "later": {}}) == Options(port=1)


def test_words_and_their_types_agree():
    assert {name: get_args(getattr(words, name)) for name in service.WORDS} == service.WORDS
