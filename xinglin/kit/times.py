"""Times as people say them. A FHIR date keeps the precision it was written with; nothing is invented."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from xinglin.kit.i18n import Phrase, t

_DAY_LENGTH, _MONTH_LENGTH, _YEAR_LENGTH = 10, 7, 4


@dataclass(frozen=True, slots=True)
class Age:
    """A number with its unit: days below four weeks, months below three years, then years."""

    value: int
    unit: str

    def phrase(self) -> Phrase:
        """As it stands beside a name."""
        if self.unit == "d":
            return t("{value} d old", value=self.value)
        if self.unit == "m":
            return t("{value} mo old", value=self.value)
        return t("{value} y", value=self.value)


def moment_of(text: str, timezone: ZoneInfo) -> datetime | date | None:
    """A FHIR date, dateTime or instant; a datetime in the zone when it carries a time, a date otherwise; None when unreadable."""
    try:
        if len(text) > _DAY_LENGTH:
            moment = datetime.fromisoformat(text)
            return moment.astimezone(timezone) if moment.tzinfo else moment.replace(tzinfo=timezone)
        return date.fromisoformat(text + "-01-01"[len(text) - _DAY_LENGTH :] if len(text) < _DAY_LENGTH else text)
    except ValueError:
        return None


def year_of(text: str, timezone: ZoneInfo) -> int | None:
    """The calendar year a FHIR date falls in, in the zone."""
    moment = moment_of(text, timezone)
    return moment.year if moment else None


def said(text: str | None, now: datetime, timezone: ZoneInfo) -> Phrase | str:
    """How a person says it: today 14:20, yesterday 09:10, 2011-02-02. Precision as written; "" for none."""
    if not text:
        return ""
    if len(text) < _DAY_LENGTH:
        return text
    moment = moment_of(text, timezone)
    if moment is None:
        return text
    today = now.astimezone(timezone).date()
    if not isinstance(moment, datetime):
        return _day(moment, today)
    clock = moment.strftime("%H:%M")
    day = moment.date()
    if day == today:
        return t("today {clock}", clock=clock)
    if day == today - timedelta(days=1):
        return t("yesterday {clock}", clock=clock)
    return _day(day, today)


def exactly(text: str | None, timezone: ZoneInfo) -> str:
    """To the second and with the zone's offset, for whoever points at it; as written when it carries no time."""
    moment = moment_of(text, timezone) if text else None
    if isinstance(moment, datetime):
        return moment.strftime("%Y-%m-%d %H:%M:%S ") + moment.strftime("%z")[:3] + ":" + moment.strftime("%z")[3:]
    return text or ""


def clock_of(text: str | None, timezone: ZoneInfo) -> str:
    """Hours and minutes in the zone; "" when it carries no time."""
    moment = moment_of(text, timezone) if text else None
    return moment.strftime("%H:%M") if isinstance(moment, datetime) else ""


def age_on(born: str | None, day: date, timezone: ZoneInfo) -> Age | None:
    """The age on a day; None when the birth date is unknown or lies ahead."""
    moment = moment_of(born, timezone) if born else None
    if moment is None:
        return None
    birth = moment.date() if isinstance(moment, datetime) else moment
    if birth > day:
        return None
    if born and len(born) == _YEAR_LENGTH:
        return Age(day.year - birth.year, "y")
    days = (day - birth).days
    months = (day.year - birth.year) * 12 + day.month - birth.month - (day.day < birth.day)
    if days < 28:
        return Age(days, "d")
    return Age(months, "m") if months < 36 else Age(months // 12, "y")


def _day(day: date, today: date) -> Phrase | str:
    if day == today:
        return t("today")
    if day == today - timedelta(days=1):
        return t("yesterday")
    return day.isoformat()
