"""What a query asks for, and what is said of one that asks wrongly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbmon.pictures.processing.parsing import PARAMETERS, BadRecipe, parse, recipe_of
from nbmon.pictures.processing.recipe import Recipe

GOOD: list[tuple[str, Recipe]] = [
    ("w=320", Recipe(w=320)),
    ("h=1", Recipe(h=1)),
    ("w=8192&h=8192", Recipe(w=8192, h=8192)),
    ("w=0320", Recipe(w=320)),
    ("w=%33%320", Recipe(w=320)),
    ("w=320&fit=clip", Recipe(w=320)),
    ("w=320&fit=max", Recipe(w=320, fit="max")),
    ("w=3&h=4&fit=crop", Recipe(w=3, h=4, fit="crop")),
    ("w=3&h=4&fit=crop&crop=entropy", Recipe(w=3, h=4, fit="crop", crop=("entropy",))),
    ("w=3&h=4&fit=crop&crop=top,left", Recipe(w=3, h=4, fit="crop", crop=("left", "top"))),
    ("w=3&h=4&fit=crop&crop=left,top", Recipe(w=3, h=4, fit="crop", crop=("left", "top"))),
    (
        "w=3&h=4&fit=crop&crop=focalpoint&fp-x=0.25&fp-y=1",
        Recipe(w=3, h=4, fit="crop", crop=("focalpoint",), fp_x=0.25, fp_y=1.0),
    ),
    ("w=3&h=4&fit=fill&bg=f80", Recipe(w=3, h=4, fit="fill", bg="ff8800")),
    ("w=3&bg=FF8800", Recipe(w=3, bg="ff8800")),
    ("w=3&dpr=1.5", Recipe(w=3, dpr=1.5)),
    ("fm=avif&q=50", Recipe(fm="avif", q=50)),
    ("auto=format", Recipe(auto_format=True)),
    ("auto=compress,format", Recipe(auto_format=True, auto_compress=True)),
    ("blur=0.5", Recipe(blur=0.5)),
    ("sharp=30", Recipe(sharp=30)),
    ("rot=90", Recipe(rot=90)),
    ("flip=vh", Recipe(flip="hv")),
    ("rect=10,20,300,200", Recipe(rect=(10, 20, 300, 200))),
    ("frame=2", Recipe(frame=2)),
    ("lqip=blur", Recipe(lqip="blur")),
    ("lqip=thumbhash&rot=90", Recipe(lqip="thumbhash", rot=90)),
    ("w=3&enlarge=true", Recipe(w=3, enlarge=True)),
    ("w=3&enlarge=0", Recipe(w=3)),
    ("w=3&meta=keep", Recipe(w=3, meta=True)),
    ("w=3&meta=strip", Recipe(w=3)),
    ("&w=3&&", Recipe(w=3)),
]

BAD: list[tuple[str, str]] = [
    ("w=0", "w is '0'; accepted is a whole number from 1 to 8192."),
    ("w=8193", "from 1 to 8192"),
    ("w=-1", "w is '-1'"),
    ("w=+1", "w is '+1'"),
    ("w=1e3", "w is '1e3'"),
    ("w=3.5", "w is '3.5'"),
    ("w=", "w is ''"),
    ("w", "w is ''"),
    ("w=٣", "w is '٣'"),
    ("w=%00", "w is"),
    ("w=" + "9" * 500, "…'"),
    ("w=1&w=1", "w is given twice"),
    ("w=1&%77=1", "w is given twice"),
    ("w=1&width=3", "'width' is no parameter of a picture; known are w, h, fit"),
    ("w=1&utm_source=x", "no parameter"),
    ("w=1&h=2&fit=scale", "fit is 'scale'; accepted is clip, crop, max, fill."),
    ("w=1&fit=crop", "need both w and h"),
    ("h=1&fit=fill", "need both w and h"),
    ("fit=max", "fit=max needs w or h"),
    ("w=1&fit=max&enlarge=true", "never enlarges"),
    ("w=1&crop=top", "crop needs fit=crop"),
    ("w=1&h=1&fit=crop&crop=top,bottom", "crop is 'top,bottom'"),
    ("w=1&h=1&fit=crop&crop=top,entropy", "crop is"),
    ("w=1&h=1&fit=crop&crop=top,top", "crop is"),
    ("w=1&h=1&fit=crop&crop=focalpoint", "needs fp-x and fp-y"),
    ("w=1&h=1&fit=crop&fp-x=0.5&fp-y=0.5", "need crop=focalpoint"),
    ("w=1&h=1&fit=crop&crop=focalpoint&fp-x=1.01&fp-y=0", "fp-x is '1.01'"),
    ("w=1&h=1&fit=crop&crop=focalpoint&fp-x=nan&fp-y=0", "fp-x is 'nan'"),
    ("w=1&h=1&fit=crop&crop=focalpoint&fp-x=.&fp-y=0", "fp-x is '.'"),
    ("w=1&bg=white", "bg is 'white'; accepted is a colour"),
    ("w=1&bg=ff88001", "bg is"),
    ("w=1&dpr=6", "dpr is '6'"),
    ("w=1&dpr=0.5", "dpr is"),
    ("w=1&dpr=1.234", "dpr is"),
    ("dpr=2", "dpr needs w or h"),
    ("w=5000&dpr=2", "times dpr"),
    ("fm=bmp", "fm is 'bmp'"),
    ("fm=", "fm is ''"),
    ("q=0", "q is '0'"),
    ("q=101", "q is '101'"),
    ("fm=png&q=3", "q is for jpg, webp and avif"),
    ("auto=best", "auto is 'best'"),
    ("fm=jpg&auto=format", "contradict"),
    ("blur=0", "blur is '0'"),
    ("blur=101", "blur is '101'"),
    ("sharp=101", "sharp is"),
    ("rot=360", "rot is '360'"),
    ("rot=-90", "rot is '-90'"),
    ("flip=x", "flip is 'x'"),
    ("rect=1,2,3", "rect is"),
    ("rect=1,2,0,4", "rect is"),
    ("rect=-1,2,3,4", "rect is"),
    ("rect=1,2,3,4,5", "rect is"),
    ("frame=0", "frame is '0'"),
    ("lqip=1", "lqip is '1'"),
    ("lqip=blur&w=3", "lqip goes with"),
    ("enlarge=yes", "enlarge is 'yes'"),
    ("meta=all", "meta is 'all'"),
    ("p=a", "no preset 'a'"),
    ("p=thumb&w=3", "w cannot be given beside it"),
    ("p=", "p is ''"),
    ("p=a/b", "p is 'a/b'"),
    ("w=1&expires=soon", "expires is 'soon'"),
    ("w=1&v=<b>", "v is '<b>'"),
    ("w=1&" + "&".join(["x"] * 600), "longer than 1024 bytes"),
]


@pytest.mark.parametrize(("query", "recipe"), GOOD)
def test_a_good_query_is_read(query: str, recipe: Recipe) -> None:
    asked = parse(query.encode())
    assert asked is not None
    assert asked.recipe == recipe


@pytest.mark.parametrize(("query", "part"), BAD, ids=[query[:40] for query, _ in BAD])
def test_a_bad_query_is_answered_with_a_sentence(query: str, part: str) -> None:
    with pytest.raises(BadRecipe) as raised:
        parse(query.encode(), {"thumb": Recipe(w=1)})
    sentence = str(raised.value)
    assert part in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence


@pytest.mark.parametrize(
    "query", ["", "v=3", "page=2", "utm_source=x&utm_medium=y", "s=1", "expires=1", "W=3"]
)
def test_a_query_without_a_word_of_ours_is_left_alone(query: str) -> None:
    assert parse(query.encode()) is None


def test_no_query_is_left_alone() -> None:
    assert parse(None) is None


def test_a_preset_stands_for_its_recipe() -> None:
    asked = parse(b"p=thumb&v=1&expires=5", {"thumb": Recipe(w=320)})
    assert asked is not None
    assert (asked.recipe, asked.preset, asked.version, asked.expires) == (Recipe(w=320), "thumb", "1", 5)


@pytest.mark.parametrize("text", ["", "page=3", "p=thumb", "w=3&v=1", "w=3&expires=4", "w=0"])
def test_a_presets_text_must_be_a_recipe(text: str) -> None:
    with pytest.raises(BadRecipe):
        recipe_of(text)


def test_every_parameter_has_a_good_and_a_bad_example() -> None:
    good = {part.partition("=")[0] for query, _ in GOOD for part in query.split("&")}
    bad = {part.partition("=")[0] for query, _ in BAD for part in query.split("&")}
    assert set(PARAMETERS) - {"p", "v", "s", "expires"} <= good
    assert set(PARAMETERS) - {"s"} <= bad


@given(st.binary(max_size=200) | st.sampled_from(PARAMETERS).map(str.encode).flatmap(
    lambda name: st.binary(max_size=60).map(lambda value: name + b"=" + value)
))  # fmt: skip
def test_whatever_comes_is_read_left_alone_or_explained(query: bytes) -> None:
    try:
        asked = parse(query)
    except BadRecipe as wrong:
        assert str(wrong).endswith(".")
        assert str(wrong).isprintable()
        return
    assert asked is None or isinstance(asked.recipe, Recipe)


def test_what_is_the_same_result_has_one_text() -> None:
    for one, other in (("w=320&dpr=2", "w=640"), ("w=320&q=80", "w=320"), ("w=9&fit=max", "w=9&fm=jpg")):
        texts = [parse(q.encode()).recipe.settled("jpg").normal() for q in (one, other)]  # type: ignore[union-attr]  # good
        assert texts[0] == texts[1]


def test_what_differs_has_another_text() -> None:
    texts = {parse(q.encode()).recipe.settled("jpg").normal() for q, _ in GOOD if "fm" not in q}  # type: ignore[union-attr]  # good
    assert len(texts) >= len(GOOD) - 10
