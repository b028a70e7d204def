"""Dates: the RFC's own example in its three forms, the calendar, and everything that is no date."""

import calendar
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbmon.http import imf_date, parse_date

EXAMPLE = 784111777
FIRST, LAST = -62_135_596_800, 253_402_300_799


@pytest.mark.parametrize(
    "form", [b"Sun, 06 Nov 1994 08:49:37 GMT", b"Sunday, 06-Nov-94 08:49:37 GMT", b"Sun Nov  6 08:49:37 1994"]
)
def test_the_three_forms_are_one_date(form):
    assert parse_date(form) == EXAMPLE


def test_the_form_sent_is_the_first():
    assert imf_date(EXAMPLE) == b"Sun, 06 Nov 1994 08:49:37 GMT"


@given(st.integers(FIRST, LAST))
def test_a_date_comes_back_as_it_went(seconds):
    date = imf_date(seconds)
    assert len(date) == 29
    assert parse_date(date) == seconds


@given(st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)))
def test_asctimes_form_is_understood_in_every_year(moment):
    form = b"%b %b %2d %02d:%02d:%02d %04d" % (
        b"Mon Tue Wed Thu Fri Sat Sun".split()[moment.weekday()],
        b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()[moment.month - 1],
        moment.day, moment.hour, moment.minute, moment.second, moment.year,
    )  # fmt: skip
    expected = calendar.timegm(moment.timetuple()) if moment.year > 1969 else None
    assert parse_date(form) == int(moment.replace(microsecond=0, tzinfo=UTC).timestamp())
    assert expected in (None, parse_date(form))


@pytest.mark.parametrize(
    ("seconds", "date"),
    [
        (1.999, b"Thu, 01 Jan 1970 00:00:01 GMT"),
        (-0.5, b"Wed, 31 Dec 1969 23:59:59 GMT"),
        (1e300, b"Fri, 31 Dec 9999 23:59:59 GMT"),
        (float("inf"), b"Fri, 31 Dec 9999 23:59:59 GMT"),
        (float("-inf"), b"Mon, 01 Jan 0001 00:00:00 GMT"),
        (-1e300, b"Mon, 01 Jan 0001 00:00:00 GMT"),
    ],
)
def test_fractions_are_cut_off_and_years_held_in_bounds(seconds, date):
    assert imf_date(seconds) == date


@pytest.mark.parametrize(("year", "full"), [(b"00", 2000), (b"68", 2068), (b"69", 1969), (b"99", 1999)])
def test_two_digit_years_have_a_century(year, full):
    expected = int(datetime(full, 3, 4, tzinfo=UTC).timestamp())
    assert parse_date(b"Monday, 04-Mar-" + year + b" 00:00:00 GMT") == expected


@pytest.mark.parametrize(
    ("year", "there"), [(b"2000", True), (b"1900", False), (b"2024", True), (b"2023", False)]
)
def test_leap_days_are_where_they_are(year, there):
    assert (parse_date(b"Tue, 29 Feb " + year + b" 00:00:00 GMT") is not None) is there


def test_a_leap_second_is_the_next_minutes_first():
    assert parse_date(b"Sat, 31 Dec 2016 23:59:60 GMT") == parse_date(b"Sun, 01 Jan 2017 00:00:00 GMT")


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"0",
        b"now",
        b"Sun, 06 Nov 1994 08:49:37",
        b"Sun, 06 Nov 1994 08:49:37 UTC",
        b"Sun, 6 Nov 1994 08:49:37 GMT",
        b"sun, 06 nov 1994 08:49:37 gmt",
        b"Sun, 31 Feb 1994 08:49:37 GMT",
        b"Sun, 29 Feb 1900 08:49:37 GMT",
        b"Sun, 00 Nov 1994 08:49:37 GMT",
        b"Sun, 31 Nov 1994 08:49:37 GMT",
        b"Sun, 06 Nov 1994 24:00:00 GMT",
        b"Sun, 06 Nov 1994 08:60:37 GMT",
        b"Sun, 06 Nov 1994 08:49:61 GMT",
        b"Sun, 06 Nov 0000 08:49:37 GMT",
        b"Sun, 06 Nov 1994 08:49:37 GMT\n",
        b" Sun, 06 Nov 1994 08:49:37 GMT",
        b"Sun, 06 Nov 19940 08:49:37 GMT",
        b"Sun, 06-Nov-94 08:49:37 GMT",
        b"Sunday, 06 Nov 1994 08:49:37 GMT",
        b"Sun Nov 6 08:49:37 1994",
        b"784111777",
        b"Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
        b"\xd9\xa0" * 14,
    ],
)
def test_what_is_no_date_is_none(wrong):
    assert parse_date(wrong) is None


@given(
    st.one_of(
        st.binary(),
        st.from_regex(rb"\A[A-Z][a-z]{2,8}, ?\d\d[ -][A-Z][a-z]{2}[ -]\d{2,4} \d\d:\d\d:\d\d GMT\Z"),
    )
)
def test_anything_is_a_date_or_none(value):
    assert isinstance(parse_date(value), int | None)
