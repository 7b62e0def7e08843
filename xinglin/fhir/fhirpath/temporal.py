"""Date, DateTime and Time of FHIRPath: values with a precision. Comparing unequal precisions may have no answer (N1, 6.1 and 6.2)."""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Literal

Kind = Literal["Date", "DateTime", "Time"]

_CLOCK = r"([01][0-9]|2[0-3])(?::([0-5][0-9])(?::([0-5][0-9]|60)(?:\.([0-9]+))?)?)?"
_DATE = r"([0-9]{4})(?:-(0[1-9]|1[0-2])(?:-([0-2][0-9]|3[01]))?)?"
_MOMENT = re.compile(rf"{_DATE}(?:(T)(?:{_CLOCK}(Z|[+-][0-9]{{2}}:[0-9]{{2}})?)?)?")
_TIME = re.compile(_CLOCK)
_DIGITS: dict[Kind, tuple[int, ...]] = {"Date": (4, 6, 8), "DateTime": (4, 6, 8, 10, 12, 14), "Time": (2, 4, 6)}
_SECONDS: dict[Kind, int] = {"Date": 99, "DateTime": 6, "Time": 3}
_LENGTH_MAX = 80
_UNITS = ("year", "month", "day", "hour", "minute", "second")
_COARSER = {"month": ("year", 12), "day": ("month", 30), "hour": ("day", 24), "minute": ("hour", 60), "second": ("minute", 60)}


@dataclass(frozen=True, slots=True)
class Temporal:
    """`parts`: year, month, day, hour, minute, second (Time: from hour) as far as known; `fraction`: digits of the second.

    `offset_min`: minutes east of UTC, None where no zone is written. `utc` is `parts` in UTC where the offset is known, else `parts`.
    """

    kind: Kind
    parts: tuple[int, ...]
    fraction: str = ""
    offset_min: int | None = None
    utc: tuple[int, ...] = ()

    @property
    def text(self) -> str:
        """As FHIR writes it."""
        parts = self.parts
        if self.kind == "Time":
            return _clock(parts, self.fraction)
        day = "-".join(f"{part:0{width}}" for part, width in zip(parts[:3], (4, 2, 2), strict=False))
        if len(parts) < 4:
            return day
        return f"{day}T{_clock(parts[3:], self.fraction)}{_zone(self.offset_min)}"

    @property
    def precision(self) -> int:
        """Digits known: 4 year, 6, 8 day, 10, 12, 14 second, 17 millisecond (Time: 2, 4, 6, 9)."""
        digits = _DIGITS[self.kind][len(self.parts) - 1]
        return digits + 3 if self.fraction else digits


def temporal(kind: Kind, parts: tuple[int, ...], fraction: str = "", offset_min: int | None = None) -> Temporal:
    """A value whose `utc` is worked out."""
    utc = parts
    if offset_min is not None and len(parts) > 3:
        try:
            utc = (datetime(*_padded(parts)[:5], tzinfo=UTC) - timedelta(minutes=offset_min)).timetuple()[:5] + parts[5:]  # type: ignore[arg-type]
        except OverflowError:
            utc = parts
    return Temporal(kind, parts, fraction, offset_min, utc[: len(parts)])


def read_moment(text: str, kind: Kind | None = None) -> Temporal | None:
    """A date or date and time; `kind` None: as the text says (`2015-02T` is a DateTime). None: not one, or not in the calendar."""
    return _read_moment(text, kind) if len(text) <= _LENGTH_MAX else None


@lru_cache(maxsize=8192)
def _read_moment(text: str, kind: Kind | None) -> Temporal | None:
    found = _MOMENT.fullmatch(text)
    if found is None or (kind == "Date" and found[4]):
        return None
    parts = tuple(int(part) for part in found.group(1, 2, 3, 5, 6, 7) if part is not None)
    if not parts[0] or (len(parts) > 2 and not 1 <= parts[2] <= monthrange(parts[0], parts[1])[1]):
        return None
    return temporal(kind or ("DateTime" if found[4] else "Date"), parts, found[8] or "", _offset(found[9]))


def read_time(text: str) -> Temporal | None:
    """A time of day; None: not one."""
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    return temporal("Time", tuple(int(part) for part in found.group(1, 2, 3) if part is not None), found[4] or "")


def of_datetime(moment: datetime) -> Temporal:
    """A clock's moment, to the millisecond."""
    offset = moment.utcoffset()
    minutes = None if offset is None else round(offset.total_seconds() / 60)
    return temporal("DateTime", moment.timetuple()[:6], f"{moment.microsecond // 1000:03}", minutes)


def compare(one: Temporal, other: Temporal) -> int | None:
    """-1, 0 or 1; None where the known precision (or an unknown zone) does not decide."""
    left, right = one.parts, other.parts
    if len(left) > 3 and len(right) > 3:
        if (one.offset_min is None) != (other.offset_min is None):
            return _compare_unzoned(one, other)
        left, right = one.utc, other.utc
    for mine, theirs in zip(left, right, strict=False):
        if mine != theirs:
            return -1 if mine < theirs else 1
    if len(left) != len(right):
        return None
    if len(left) == _SECONDS[one.kind]:
        mine, theirs = one.fraction.rstrip("0"), other.fraction.rstrip("0")
        return (mine > theirs) - (mine < theirs)
    return 0


def _compare_unzoned(one: Temporal, other: Temporal) -> int | None:
    """A moment without zone may be anywhere from +14:00 to -12:00."""
    if one.offset_min is None:
        turned = _compare_unzoned(other, one)
        return None if turned is None else -turned
    first = temporal(other.kind, other.parts, other.fraction, 14 * 60)
    last = temporal(other.kind, other.parts, other.fraction, -12 * 60)
    answers = {compare(one, first), compare(one, last)}
    return answers.pop() if len(answers) == 1 else None


def add(value: Temporal, amount: Decimal, unit: str) -> Temporal | None:
    """The value moved by whole calendar units; seconds may have a fraction. None: out of the calendar.

    A unit finer than the value's precision counts as whole units of that precision (24 months on a year are 2 years).
    """
    if unit == "millisecond":
        amount, unit = amount / 1000, "second"
    if unit == "week":
        amount, unit = amount * 7, "day"
    if unit != "second":
        amount = Decimal(int(amount))
    finest = _UNITS.index("hour") + len(value.parts) - 1 if value.kind == "Time" else len(value.parts) - 1
    while _UNITS.index(unit) > finest:
        unit, size = _COARSER[unit]
        amount = Decimal(int(amount / size))
    try:
        if unit in ("year", "month"):
            return _add_months(value, int(amount) * (12 if unit == "year" else 1))
        return _add_time(value, amount, unit)
    except (OverflowError, ValueError):
        return None


def _add_months(value: Temporal, months: int) -> Temporal | None:
    if value.kind == "Time":
        return None
    year, month, day = _padded(value.parts)[:3]
    year, month = divmod(year * 12 + month - 1 + months, 12)
    if not 1 <= year <= 9999:
        return None
    day = min(day, monthrange(year, month + 1)[1])
    parts = (year, month + 1, day, *value.parts[3:])[: len(value.parts)]
    return temporal(value.kind, parts, value.fraction, value.offset_min)


def _add_time(value: Temporal, amount: Decimal, unit: str) -> Temporal:
    seconds = amount * {"day": 86400, "hour": 3600, "minute": 60, "second": 1}[unit]
    step = timedelta(microseconds=int(seconds * 1_000_000))
    if value.kind == "Time":
        start = datetime(2000, 1, 1, *_whole(value.parts), tzinfo=UTC)
        moment = start + timedelta(microseconds=_micros(value.fraction)) + step % timedelta(days=1)
        parts = moment.timetuple()[3 : 3 + len(value.parts)]
    else:
        moment = datetime(*_padded(value.parts), tzinfo=UTC) + timedelta(microseconds=_micros(value.fraction)) + step  # type: ignore[arg-type]
        parts = moment.timetuple()[: len(value.parts)]
    digits = max(len(value.fraction), 3 if moment.microsecond else 0)
    fraction = f"{moment.microsecond:06}"[:digits] if len(parts) == _SECONDS[value.kind] else ""
    return temporal(value.kind, parts, fraction, value.offset_min)


def boundary(value: Temporal, digits: int | None, high: bool) -> Temporal | None:
    """The first or last value that could be meant, to a precision of so many digits (default: the finest). None: no such precision."""
    levels = _DIGITS[value.kind]
    fraction_digits = levels[-1] + 3 if value.kind != "Date" else 0
    digits = digits if digits is not None else fraction_digits or 8
    if digits != fraction_digits and digits not in levels:
        return None
    parts = list(value.parts)
    while len(parts) < len(levels):
        parts.append(_edge(value.kind, parts, high))
    fraction = ""
    if digits == fraction_digits:
        fraction = (value.fraction or ("999" if high else "000")).ljust(3, "9" if high else "0")[:3]
    kept = parts if digits == fraction_digits else parts[: levels.index(digits) + 1]
    offset = value.offset_min
    if value.kind == "DateTime" and offset is None and len(kept) > 3:
        offset = -12 * 60 if high else 14 * 60
    return temporal(value.kind, tuple(kept), fraction, offset if len(kept) > 3 else None)


def _edge(kind: Kind, parts: list[int], high: bool) -> int:
    place = len(parts) + (3 if kind == "Time" else 0)
    if place == 2:
        return monthrange(parts[0], parts[1])[1] if high else 1
    return ((9999, 12, 31, 23, 59, 59) if high else (1, 1, 1, 0, 0, 0))[place]


def whole_days(value: Temporal) -> date:
    """The (first) day of a date."""
    return date(*_padded(value.parts)[:3])


def _padded(parts: tuple[int, ...]) -> tuple[int, ...]:
    full = parts + (0, 1, 1, 0, 0, 0)[len(parts) :]
    return (*full[:5], min(full[5], 59))  # a leap second is reckoned as the second before it


def _whole(parts: tuple[int, ...]) -> tuple[int, int, int]:
    hour, minute, second = parts + (0, 0, 0)[len(parts) :]
    return hour, minute, min(second, 59)


def _micros(fraction: str) -> int:
    return int(fraction[:6].ljust(6, "0")) if fraction else 0


def _clock(parts: tuple[int, ...], fraction: str) -> str:
    return ":".join(f"{part:02}" for part in parts) + (f".{fraction}" if fraction else "")


def _zone(offset_min: int | None) -> str:
    if offset_min is None:
        return ""
    if not offset_min:
        return "Z"
    hours, minutes = divmod(abs(offset_min), 60)
    return f"{'-' if offset_min < 0 else '+'}{hours:02}:{minutes:02}"


def _offset(text: str | None) -> int | None:
    if text is None:
        return None
    if text == "Z":
        return 0
    minutes = int(text[1:3]) * 60 + int(text[4:6])
    return -minutes if text[0] == "-" else minutes
