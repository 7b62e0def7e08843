"""How often one may ask: so many in a minute by each key, refilled steadily. Counted in each process for itself."""

from __future__ import annotations

from datetime import datetime

from xinglin.access.oauth.refusal import Refused

KEYS_MAX = 10_000


class Pace:
    """A bucket for each key (application and address). `a_minute`: what it holds and what a minute gives back."""

    __slots__ = ("_a_minute", "_buckets")

    def __init__(self, a_minute: int) -> None:
        self._a_minute = a_minute
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, key: str, now: datetime) -> None:
        """Count one. Raises `Refused` (slow_down) when there is nothing left."""
        moment = now.timestamp()
        left, since = self._buckets.pop(key, (float(self._a_minute), moment))
        left = min(float(self._a_minute), left + max(0.0, moment - since) * self._a_minute / 60)
        if len(self._buckets) >= KEYS_MAX:
            self._buckets.pop(next(iter(self._buckets)))
        self._buckets[key] = (max(left - 1, 0.0) if left >= 1 else left, moment)
        if left < 1:
            raise Refused("slow_down", "Too many requests: wait a minute, then try again.")
