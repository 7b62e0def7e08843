"""Dates are spans: what a written precision covers, in UTC microseconds."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xinglin.base.errors import Malformed
from xinglin.fhir.dates import DAY_US, is_date, is_datetime, is_instant, is_time, span_of

BEIJING = ZoneInfo("Asia/Shanghai")


def us(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("text", "lo", "hi"),
    [
        ("2020", us(2020, 1, 1), us(2021, 1, 1)),
        ("2020-02", us(2020, 2, 1), us(2020, 3, 1)),
        ("2020-12", us(2020, 12, 1), us(2021, 1, 1)),
        ("2020-02-29", us(2020, 2, 29), us(2020, 3, 1)),
        ("2020-02-29T08:30", us(2020, 2, 29, 8, 30), us(2020, 2, 29, 8, 31)),
        ("2020-02-29T08:30:15", us(2020, 2, 29, 8, 30, 15), us(2020, 2, 29, 8, 30, 16)),
        ("2020-02-29T08:30:15+08:00", us(2020, 2, 29, 0, 30, 15), us(2020, 2, 29, 0, 30, 16)),
        ("2020-02-29T08:30:15.25Z", us(2020, 2, 29, 8, 30, 15) + 250_000, us(2020, 2, 29, 8, 30, 15) + 260_000),
        ("2020-02-29T08:30:15.123456789-05:30", us(2020, 2, 29, 14, 0, 15) + 123_456, us(2020, 2, 29, 14, 0, 15) + 123_457),
        ("2016-12-31T23:59:60Z", us(2017, 1, 1), us(2017, 1, 1, 0, 0, 1)),
    ],
)
def test_a_date_covers_the_span_of_its_precision(text: str, lo: int, hi: int) -> None:
    assert span_of(text, UTC) == (lo, hi)


def test_a_birthday_in_beijing_begins_the_evening_before_in_utc() -> None:
    assert span_of("2021-05-17", BEIJING) == (us(2021, 5, 16, 16), us(2021, 5, 17, 16))


def test_a_day_on_which_clocks_change_has_23_hours() -> None:
    lo, hi = span_of("2024-03-31", ZoneInfo("Europe/Berlin"))
    assert hi - lo == 23 * 3_600_000_000


def test_a_zone_in_the_text_wins_over_the_zone_given() -> None:
    assert span_of("2021-05-17T08:00:00Z", BEIJING) == span_of("2021-05-17T16:00:00", BEIJING)


@pytest.mark.parametrize("zone", [UTC, BEIJING, timezone(timedelta(hours=-12))])
def test_the_first_and_the_last_year_are_readable_in_every_zone(zone: timezone | ZoneInfo) -> None:
    lo, hi = span_of("0001", zone)
    assert (hi - lo) // DAY_US == 365
    lo, hi = span_of("9999-12-31", zone)
    assert hi - lo == DAY_US


@pytest.mark.parametrize(
    "text",
    ["", "0000", "21", "2021-13", "2021-00", "2021-02-30", "2021-2-3", "2021-05-17T24:00:00Z", "2021-05-17T08", "2021-05-17T08:60",
     "2021-05-17T08:00:61Z", "2021-05-17T08:00:00+14:30", "2021-05-17T08:00:00.Z", "2021-05-17 08:00", "2021-05-17\n", "２０２１",
     "20210517", "2021-W01-1", "2021-05-17T08:00:00+0800"],
)  # fmt: skip
def test_what_is_not_in_the_calendar_or_not_written_as_fhir_says_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        span_of(text, UTC)
    assert not is_datetime(text)


def test_each_type_takes_its_own_precisions_only() -> None:
    assert is_date("2021-05")
    assert not is_date("2021-05-17T08:00:00Z")
    assert not is_date("2021-02-29")
    assert is_datetime("2021-05-17T08:00:00Z")
    assert not is_datetime("2021-05-17T08:00:00")
    assert not is_datetime("2021-05-17T08:00Z")
    assert is_instant("2021-05-17T08:00:00.5+08:00")
    assert not is_instant("2021-05-17")
    assert not is_instant("2021-02-29T00:00:00Z")
    assert is_time("08:30:00")
    assert not is_time("08:30")
    assert not is_time("24:00:00")
    assert not is_time("08:30:00Z")


@given(st.datetimes(timezones=st.just(UTC)).filter(lambda moment: 1 < moment.year < 9999))
def test_an_instant_is_where_the_calendar_puts_it(moment: datetime) -> None:
    lo, hi = span_of(moment.isoformat(timespec="microseconds"), BEIJING)
    assert hi - lo == 1
    assert datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=lo) == moment
