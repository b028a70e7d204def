"""The pages' two languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbmon.pictures import Folder, Pictures
from nbmon.pictures.words import CHINESE, EN, ENGLISH, ZH, preferred
from support.pictures import asker, content

ASSETS = Path(__file__).parents[2] / "src" / "nbmon" / "pictures" / "assets"


def test_all_that_is_said_in_one_is_said_in_the_other() -> None:
    assert list(ENGLISH) == list(CHINESE)
    for key, sentence in ENGLISH.items():
        assert CHINESE[key].count("{}") == sentence.count("{}"), key
        assert CHINESE[key].strip()
        assert not re.search("[a-z]{3}", CHINESE[key].replace("nbmon", "").replace("zip", "")), key


def test_the_templates_say_what_there_is_a_word_for() -> None:
    said = set()
    for template in ASSETS.glob("*.html"):
        said |= set(re.findall(r"""\bt\(["'](\w+)["']""", template.read_text()))
    assert said <= set(ENGLISH)


@pytest.mark.parametrize(
    ("field", "words"),
    [
        (None, EN),
        (b"", EN),
        (b"zh", ZH),
        (b"zh-CN,zh;q=0.9,en;q=0.8", ZH),
        (b"zh-TW", ZH),
        (b"ZH-hans-CN", ZH),
        (b"en-GB,en;q=0.9,zh;q=0.8", EN),
        (b"de, zh;q=0.5", ZH),
        (b"de, zh;q=0.5, en;q=0.7", EN),
        (b"zh;q=0", EN),
        (b"en;q=0.3, zh-CN;q=0.7", ZH),
        (b"zh;q=two", EN),
        (b"zh;q=-1", EN),
        (b"zhuang", EN),
        (b"x," * 5000 + b"zh", EN),
    ],
)
def test_the_reader_chooses(field: bytes | None, words: object) -> None:
    assert preferred(field) is words


@given(st.binary(max_size=100))
def test_no_field_is_an_error(field: bytes) -> None:
    assert preferred(field + b"zh") in (EN, ZH)


def test_counts_agree_with_their_nouns() -> None:
    assert EN.counted(1, "picture") == "1 picture"
    assert EN.counted(0, "picture") == "0 pictures"
    assert EN.counted(1, "picture", more=True) == "1+ pictures"
    assert ZH.counted(1000, "picture", more=True) == "1000+ 张图片"


def test_a_page_says_its_language_and_caches_are_told(tmp_path: Path) -> None:
    ask = asker(Pictures(Folder(tmp_path)))
    for field, tag, said in (
        ("zh-CN", b"zh-Hans", "这个文件夹是空的"),
        ("fr", b"en", "This folder is empty"),
    ):
        response = ask("/", accept_language=field)
        html = content(response).decode()
        assert response.field(b"Content-Language") == tag
        assert b"Accept-Language" in (response.field(b"Vary") or b"")
        assert f'<html lang="{tag.decode()}">' in html
        assert said in html
