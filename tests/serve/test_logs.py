"""What a stranger's bytes may do to the log: nothing."""

from hypothesis import given
from hypothesis import strategies as st

from nbmon.serve import logs
from nbmon.serve.logs import LINE, Budget, log_failure, plain


@given(st.text(st.characters(exclude_categories=())))
def test_a_line_is_one_printable_bounded_line(text):
    shown = plain(text)
    assert shown.isprintable()
    assert len(shown) <= LINE
    shown.encode()


def test_what_is_printable_is_shown_as_it_is():
    assert plain("GET /Ferien 2026/Füße 假期.jpg") == "GET /Ferien 2026/Füße 假期.jpg"


@given(st.integers(1, 20), st.lists(st.floats(0, 100), max_size=100))
def test_a_budget_allows_so_many_a_period_and_says_once_that_it_is_spent(most, times):
    budget, ends, spent = Budget(most, 10.0), float("-inf"), 0
    for now in sorted(times):
        if now >= ends:
            ends, spent = now + 10.0, 0
        spent += 1
        left = budget.spend(now)
        assert (left > 0) == (spent <= most)
        assert (left == 0) == (spent == most + 1)


def test_failures_without_end_are_logged_so_often_and_then_said_to_go_on(caplog, monkeypatch):
    monkeypatch.setattr(logs, "_failures", Budget(3, 3600.0))
    for _ in range(10):
        log_failure("a request failed", ValueError("again"))
    assert len(caplog.records) == 4
    assert "not shown" in caplog.records[-1].getMessage()


def test_a_traceback_is_bounded_in_lines_and_width(caplog, monkeypatch):
    monkeypatch.setattr(logs, "_failures", Budget(3, 3600.0))

    log_failure("deep", ValueError("x\n" * 10_000 + "y" * 100_000))
    message = caplog.records[0].getMessage()
    assert message.count("\n") <= logs.LINES
    assert max(map(len, message.split("\n"))) <= LINE + 4
