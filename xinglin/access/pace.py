"""How often one may ask: a bucket for each account and each address, refilled steadily. Counted in each process for itself."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from xinglin.access.actor import Actor
from xinglin.base.errors import TooMany
from xinglin.base.settings import Settings

KEYS_MAX = 10_000
MACHINES = frozenset({"system"})
"""Roles that are not held back: their work is bounded by the places there are (`requests_at_once_max`)."""
_NETWORK = 4
"""Groups of an IPv6 address that name a network; one house has as many addresses of the rest as it likes."""


class Buckets:
    """A bucket for each key. `a_minute`: what one holds, and what a minute gives back; 0 for no limit."""

    __slots__ = ("_a_minute", "_left")

    def __init__(self, a_minute: int) -> None:
        self._a_minute = a_minute
        self._left: dict[str, tuple[float, float]] = {}

    def wait_s(self, key: str, moment_s: float) -> int:
        """Take one: 0, or how many seconds to wait when there is none. Of more than `KEYS_MAX` keys the one longest unused is forgotten."""
        if not self._a_minute:
            return 0
        left, since = self._left.pop(key, (float(self._a_minute), moment_s))
        left = min(float(self._a_minute), left + max(0.0, moment_s - since) * self._a_minute / 60)
        taken = left >= 1
        if len(self._left) >= KEYS_MAX:
            self._left.pop(next(iter(self._left)))
        self._left[key] = (left - 1 if taken else left, max(moment_s, since))
        return 0 if taken else max(1, ceil((1 - left) * 60 / self._a_minute))


@dataclass(frozen=True, slots=True)
class Pace:
    """The limits of one process, the same for all its doors."""

    accounts: Buckets
    addresses: Buckets

    def of_account(self, actor: Actor, moment_s: float) -> None:
        """Count a request of someone known; machines are not counted. Raises `TooMany` with the wait."""
        if actor.role not in MACHINES:
            self.of_name(actor.id, moment_s)

    def of_name(self, account: str, moment_s: float) -> None:
        """Count a request of an account by its id. Raises `TooMany`."""
        _refuse(self.accounts.wait_s(account, moment_s))

    def of_address(self, address: str | None, moment_s: float) -> None:
        """Count a request of nobody known from an address. Raises `TooMany`."""
        _refuse(self.addresses.wait_s(network_of(address or ""), moment_s))


def pace_of(settings: Settings) -> Pace:
    """The limits by the settings."""
    return Pace(Buckets(settings.requests_per_minute_account), Buckets(settings.requests_per_minute_address))


def unlimited() -> Pace:
    """No limits."""
    return Pace(Buckets(0), Buckets(0))


def network_of(address: str) -> str:
    """Whom an address stands for: itself, or the network of an IPv6 address (RFC 6177)."""
    if ":" not in address or "." in address:
        return address
    head, mark, tail = address.partition("%")[0].partition("::")
    groups = head.split(":") if head else []
    if mark:
        after = tail.split(":") if tail else []
        groups += ["0"] * (8 - len(groups) - len(after)) + after
    return ":".join(groups[:_NETWORK])


def _refuse(wait_s: int) -> None:
    if wait_s:
        raise TooMany("Too many requests: wait {seconds} s, then try again.", seconds=wait_s, retry_after_s=wait_s)
