"""Time comes in from here and nowhere else: wall time, and the rising tick every stored version carries.

A tick is microseconds since 1970 UTC with its lowest bits replaced by the writer's lane, so that writers who never
speak to each other never make the same tick, and each writer's ticks rise even when the machine's clock steps back.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache

LANES = 32
"""Writers that may hold a lane at once; a tick step is this many microseconds, so a lane makes 31,250 ticks a second."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)



def utc_now() -> datetime:
    """The wall clock, timezone-aware UTC."""
    return datetime.now(UTC)


def wall_us() -> int:
    """Microseconds since 1970 UTC."""
    return time.time_ns() // 1000


def tick_of(moment: datetime) -> int:
    """The first tick of a moment (any lane)."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment_of(tick: int) -> datetime:
    """The UTC moment of a tick."""
    return _EPOCH + timedelta(microseconds=tick)


def instant(tick: int) -> str:
    """A tick as FHIR `instant` in UTC, milliseconds."""
    day, ms = divmod(tick // 1000, 86_400_000)
    second, ms = divmod(ms, 1000)
    return "%sT%02d:%02d:%02d.%03dZ" % (_date(day), second // 3600, second // 60 % 60, second % 60, ms)  # noqa: UP031 - a quarter faster than format


@lru_cache(maxsize=4096)
def _date(day: int) -> str:
    return (_EPOCH + timedelta(days=day)).strftime("%Y-%m-%d")


class Ticks:
    """Makes rising ticks for one lane. Not shared between processes; `floor` is the highest tick already stored."""

    __slots__ = ("_lane", "_last", "_wall_us")

    def __init__(self, lane: int, floor: int = 0, wall: Callable[[], int] = wall_us) -> None:
        if not 0 <= lane < LANES:
            raise ValueError(f"lane {lane} is not within 0..{LANES - 1}")
        self._lane = lane
        self._last = floor - floor % LANES + lane
        self._wall_us = wall

    def take(self, count: int = 1) -> int:
        """The first of `count` consecutive ticks; the others follow at steps of `LANES`."""
        now = self._wall_us()
        first = max(now - now % LANES + self._lane, self._last + LANES)
        self._last = first + (count - 1) * LANES
        return first

    def raise_to(self, floor: int) -> None:
        """Every later tick is above `floor` (a stored version that must be succeeded)."""
        if floor > self._last:
            self._last = floor - floor % LANES + self._lane
