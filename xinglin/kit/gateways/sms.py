"""Short messages: the gateway of an operator over HTTP, and a simulator that keeps every message where the demo can show it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import msgspec

from xinglin.base.clock import tick_of, utc_now
from xinglin.base.ids import new_id
from xinglin.base.settings import Settings
from xinglin.kit.gateways.post import post_json
from xinglin.store.ground import Ground
from xinglin.store.papers import Papers

KEPT_US = 3600 * 1_000_000
"""How long the simulator keeps a message."""
TEXT_CHARACTERS_MAX = 500
_CODE = re.compile(r"(?<!\d)\d{6}(?!\d)")


class Sms(Protocol):
    """Sends short messages."""

    async def send(self, phone: str, text: str) -> None:
        """Hand a message over. Raises `Unavailable` when the gateway does not take it."""
        ...


class Message(msgspec.Struct, frozen=True):
    """A message the simulator keeps; `at` in microseconds since 1970."""

    phone: str
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class HttpSms:
    """The operator's gateway: `POST {"phone", "text"}` with a bearer key; 2xx means taken."""

    url: str
    key: str

    async def send(self, phone: str, text: str) -> None:
        """Hand a message over. Raises `Unavailable`."""
        await post_json(self.url, self.key, {"phone": phone, "text": text[:TEXT_CHARACTERS_MAX]})


class SimulatedSms:
    """Keeps messages, sealed, for an hour. Without an outside gateway this is where they end."""

    def __init__(self, ground: Ground) -> None:
        self._papers = Papers(ground, "sms", Message)

    async def send(self, phone: str, text: str) -> None:
        """Keep a message."""
        at = tick_of(utc_now())
        await self._papers.add(new_id(), Message(phone, text[:TEXT_CHARACTERS_MAX], at), [f"phone:{phone}"], ends=at + KEPT_US)

    async def messages(self, now: datetime) -> list[Message]:
        """What was sent in the last hour, newest first."""
        return [paper.value for paper in reversed(await self._papers.all(tick_of(now)))]


def sms_of(settings: Settings, ground: Ground) -> Sms:
    """The gateway the settings name, or the simulator."""
    return HttpSms(settings.sms_url, settings.sms_key) if settings.sms_url else SimulatedSms(ground)


def code_in(text: str) -> str:
    """The six-digit code in a message, "" when it has none."""
    found = _CODE.search(text)
    return found.group() if found else ""
