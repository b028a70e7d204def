"""HTTP's dates (RFC 9110 section 5.6.7): one form out, three forms in. Must not know what time it is."""

from __future__ import annotations

import re
import time
from functools import lru_cache

_DAYS = (b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun")
_MONTHS = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")
_FIRST = -62_135_596_800  # seconds: the year 1
_LAST = 253_402_300_799  # seconds: the end of the year 9999
_PIVOT = 69  # POSIX: two-digit years from 69 on are of the 20th century

_day = rb"(?:" + b"|".join(_DAYS) + rb")"
_long_day = rb"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
_month = rb"(?P<month>" + b"|".join(_MONTHS) + rb")"
_clock = rb"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
_FORMS = (
    re.compile(_day + rb", (?P<day>[0-9]{2}) " + _month + rb" (?P<year>[0-9]{4}) " + _clock + rb" GMT"),
    re.compile(_long_day + rb", (?P<day>[0-9]{2})-" + _month + rb"-(?P<year>[0-9]{2}) " + _clock + rb" GMT"),
    re.compile(_day + rb" " + _month + rb" (?P<day>[0-9]{2}| [0-9]) " + _clock + rb" (?P<year>[0-9]{4})"),
)


def imf_date(seconds: float) -> bytes:
    """The IMF-fixdate of seconds since 1970, fractions cut off, held within the years 1 and 9999."""
    return _imf_date(int(min(max(seconds, _FIRST), _LAST) // 1))


@lru_cache(maxsize=1024)
def _imf_date(seconds: int) -> bytes:
    at = time.gmtime(seconds)
    day, month = _DAYS[at.tm_wday], _MONTHS[at.tm_mon - 1]
    return b"%b, %02d %b %04d %02d:%02d:%02d GMT" % (
        day, at.tm_mday, month, at.tm_year, at.tm_hour, at.tm_min, at.tm_sec,
    )  # fmt: skip


def parse_date(value: bytes) -> int | None:
    """Seconds since 1970 of a date in any of the three forms; None for all else, never an exception."""
    for form in _FORMS:
        if match := form.fullmatch(value):
            return _seconds(match)
    return None


def _seconds(match: re.Match[bytes]) -> int | None:
    year, day = _year(match["year"]), int(match["day"])
    month = _MONTHS.index(match["month"]) + 1
    hour, minute, second = int(match["hour"]), int(match["minute"]), int(match["second"])
    if not (year >= 1 and 1 <= day <= _month_length(year, month)):
        return None
    if hour > 23 or minute > 59 or second > 60:  # 60: a leap second
        return None
    return _days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second


def _year(digits: bytes) -> int:
    year = int(digits)
    if len(digits) == 4:
        return year
    return year + (1900 if year >= _PIVOT else 2000)


def _month_length(year: int, month: int) -> int:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


def _days(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 in the Gregorian calendar.

    Years are counted from March, so that leap days come last.
    """
    shifted = year - (month < 3)
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return shifted * 365 + shifted // 4 - shifted // 100 + shifted // 400 + of_year - 719_468
