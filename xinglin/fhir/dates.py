"""FHIR dates as stretches of time: every date, dateTime and instant is the span its written precision covers.

Source: FHIR R4 datatypes (date, dateTime, instant, time) and R4 search, date. A text is read as R4's own regular expressions
say, and must be in the calendar besides: there is no 30 February and no hour 24; second 60 is a leap second and is accepted.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, tzinfo
from functools import lru_cache

from xinglin.base.errors import Malformed

DAY_US = 86_400_000_000
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_HOURS = r"([01][0-9]|2[0-3]):([0-5][0-9])"
_SECONDS = r"([0-5][0-9]|60)(?:\.([0-9]{1,30}))?"
_ZONE = r"(Z|[+-](?:0[0-9]|1[0-3]):[0-5][0-9]|[+-]14:00)"
_SPAN = re.compile(rf"([0-9]{{4}})(?:-([0-9]{{2}})(?:-([0-9]{{2}})(?:T{_HOURS}(?::{_SECONDS})?{_ZONE}?)?)?)?")
_DATE = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")
_DATETIME = re.compile(rf"([0-9]{{4}})(?:-([0-9]{{2}})(?:-([0-9]{{2}})(?:T{_HOURS}:{_SECONDS}{_ZONE})?)?)?")
_INSTANT = re.compile(rf"([0-9]{{4}})-([0-9]{{2}})-([0-9]{{2}})T{_HOURS}:{_SECONDS}{_ZONE}")
_TIME = re.compile(rf"{_HOURS}:{_SECONDS}")


@lru_cache(maxsize=8192)
def span_of(text: str, zone: tzinfo) -> tuple[int, int]:
    """[lo, hi) in microseconds since 1970 UTC. `zone` holds where the text names none. Minutes without seconds are read too (search).

    Raises `Malformed`.
    """
    found = _SPAN.fullmatch(text)
    if found is None:
        raise Malformed("{text} is not a FHIR date: write 2021, 2021-05, 2021-05-17 or 2021-05-17T08:30:00+08:00.", text=text[:60])
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    try:
        first = date(int(year), int(month or 1), int(day or 1)).toordinal() - _EPOCH_DAY
    except ValueError as wrong:
        raise Malformed("{text} is not in the calendar: {why}.", text=text[:60], why=str(wrong)) from wrong
    if hour is None:
        return _days(first, _days_covered(int(year), month, day), zone)
    lo, width = _clock_us(first, hour, minute, second, fraction)
    lo -= _offset_us(offset) if offset else _local_offset_us(lo, zone)
    return lo, lo + width


def is_date(text: str) -> bool:
    """A FHIR `date`: a year, month or day of the calendar."""
    found = _DATE.fullmatch(text)
    return found is not None and _in_calendar(found)


def is_datetime(text: str) -> bool:
    """A FHIR `dateTime`: a date, or a moment with seconds and zone."""
    found = _DATETIME.fullmatch(text)
    return found is not None and _in_calendar(found)


def is_instant(text: str) -> bool:
    """A FHIR `instant`: a moment with seconds and zone."""
    found = _INSTANT.fullmatch(text)
    return found is not None and _in_calendar(found)


def is_time(text: str) -> bool:
    """A FHIR `time`: hour, minute and second of a day, without zone."""
    return _TIME.fullmatch(text) is not None


def _in_calendar(found: re.Match[str]) -> bool:
    try:
        date(int(found[1]), int(found[2] or 1), int(found[3] or 1))
    except ValueError:
        return False
    return True


def _days_covered(year: int, month: str | None, day: str | None) -> int:
    if day is not None:
        return 1
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if month is None:
        return 366 if leap else 365
    return (31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[int(month) - 1]


def _days(first: int, count: int, zone: tzinfo) -> tuple[int, int]:
    end = first + count
    return first * DAY_US - _midnight_offset_us(first, zone), end * DAY_US - _midnight_offset_us(end, zone)


def _clock_us(day: int, hour: str, minute: str, second: str | None, fraction: str | None) -> tuple[int, int]:
    start = day * DAY_US + (int(hour) * 60 + int(minute)) * 60_000_000
    if second is None:
        return start, 60_000_000
    start += int(second) * 1_000_000
    if fraction is None:
        return start, 1_000_000
    digits = fraction[:6]
    width = int(10 ** (6 - len(digits)))
    return start + int(digits) * width, width


def _offset_us(text: str) -> int:
    if text == "Z":
        return 0
    size = (int(text[1:3]) * 60 + int(text[4:6])) * 60_000_000
    return -size if text[0] == "-" else size


@lru_cache(maxsize=8192)
def _midnight_offset_us(day: int, zone: tzinfo) -> int:
    return _local_offset_us(day * DAY_US, zone)


def _local_offset_us(local_us: int, zone: tzinfo) -> int:
    day, rest = divmod(local_us, DAY_US)
    ordinal = min(max(day + _EPOCH_DAY, 2), date.max.toordinal() - 1)  # a zone needs room on both sides to look around
    offset = zone.utcoffset(datetime.fromordinal(ordinal) + timedelta(microseconds=rest))
    return 0 if offset is None else (offset.days * 86_400 + offset.seconds) * 1_000_000
