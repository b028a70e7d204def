"""Lines that carry the name of who wrote them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nbmon.workers import commonscribe, scribe
from nbmon.workers.prefixer import LONGEST_LINE, MARK, Prefixer


@given(st.lists(st.binary(max_size=40)))
def test_however_it_comes_each_line_appears_whole_and_in_order(portions):
    prefixer = Prefixer("a")
    written = b"".join(prefixer.feed(portion) for portion in portions) + prefixer.end()
    data = b"".join(portions)
    lines = data.split(b"\n")
    if not lines[-1]:
        lines.pop()
    assert written == b"".join(b"a | " + line + b"\n" for line in lines)


@given(st.text("aä€𝄞", min_size=LONGEST_LINE // 2, max_size=LONGEST_LINE * 2), st.integers(1, LONGEST_LINE))
def test_a_long_line_is_cut_with_a_mark_and_halves_no_character(text, size):
    prefixer, data = Prefixer("a"), text.encode() + b"\nnext\n"
    written = b"".join(prefixer.feed(data[at : at + size]) for at in range(0, len(data), size))
    first, second, rest = written.split(b"\n")
    assert (second, rest) == (b"a | next", b"")
    assert len(first) < LONGEST_LINE
    if len(text.encode()) < LONGEST_LINE - len("a | "):
        assert first.decode() == f"a | {text}"
    else:
        assert first.endswith(MARK)
        assert len(first) >= LONGEST_LINE - 4
        assert f"a | {text}".startswith(first.removesuffix(MARK).decode())


def test_what_is_kept_of_a_line_without_end_is_bounded():
    prefixer = Prefixer("a")
    for _ in range(100):
        assert prefixer.feed(b"x" * 10_000) == b""
    assert len(prefixer._rest) <= LONGEST_LINE
    assert len(prefixer.end()) == LONGEST_LINE


def test_what_the_common_log_does_not_take_is_counted():
    class Full:
        data = b""

        def write(self, data: bytes) -> None:
            self.data += data

        def close(self) -> None:
            pass

    writer = commonscribe.CommonScribe.__new__(commonscribe.CommonScribe)
    full = Full()
    scribe.Writer.__init__(writer, full)
    for _ in range(100):
        writer._take(b"x" * 99_999 + b"\n")  # nobody takes it
    assert writer._size <= scribe.LARGEST_BACKLOG
    writer._over = True
    writer._write()
    missing = 10_000_000 - full.data.count(b"x\n") * 100_000
    assert full.data.startswith(b"nbmon: %d bytes are missing here" % missing)
