"""Times as people say them, with the precision they were written with."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from xinglin.kit.i18n import t
from xinglin.kit.times import Age, age_on, clock_of, exactly, said, year_of

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)  # 01:00 on the 21st in Shanghai


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("2026-11-20T16:20:00Z", t("today {clock}", clock="00:20")),
        ("2026-11-20T20:05:00+08:00", t("yesterday {clock}", clock="20:05")),
        ("2026-11-21", t("today")),
        ("2026-11-20", t("yesterday")),
        ("2026-03-02T10:00:00+08:00", "2026-03-02"),
        ("2011-02", "2011-02"),
        ("2011", "2011"),
        ("2027-01-01", "2027-01-01"),
        ("rubbish but long", "rubbish but long"),
        ("", ""),
        (None, ""),
    ],
)
def test_a_time_is_said_by_the_local_day_and_never_more_precisely_than_written(written, words) -> None:
    assert said(written, NOW, ZONE) == words


def test_the_exact_time_is_there_for_who_points_at_it() -> None:
    assert exactly("2026-11-20T16:20:00Z", ZONE) == "2026-11-21 00:20:00 +08:00"
    assert exactly("2011-02", ZONE) == "2011-02"
    assert (clock_of("2026-11-20T16:20:00Z", ZONE), clock_of("2026-11-20", ZONE)) == ("00:20", "")
    assert (year_of("2025-12-31T17:00:00Z", ZONE), year_of("2011", ZONE), year_of("", ZONE)) == (2026, 2011, None)


@pytest.mark.parametrize(
    ("born", "age"),
    [
        ("2026-11-20", Age(0, "d")),
        ("2026-10-24", Age(27, "d")),
        ("2026-10-20", Age(1, "m")),
        ("2023-11-21", Age(35, "m")),
        ("2023-11-20", Age(3, "y")),
        ("1959-11-21", Age(66, "y")),
        ("1959-11-20", Age(67, "y")),
        ("1990", Age(36, "y")),
        ("2027-01-01", None),
        ("", None),
        (None, None),
    ],
)
def test_age_counts_days_then_months_then_years(born, age) -> None:
    assert age_on(born, date(2026, 11, 20), ZONE) == age
