"""What signing in needs of the house: the entrance, codes by telephone, the population base, and what the demo opens."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from xinglin.access.accounts import Entrance
from xinglin.access.accounts.entrance import Wards
from xinglin.access.accounts.passwords import Passwords
from xinglin.access.accounts.telephone import Codes, Known, Match
from xinglin.access.accounts.wards import wards_in
from xinglin.base.settings import Settings
from xinglin.kit.gateways.identity import Identity, identity_of, resident_of
from xinglin.kit.gateways.sms import Message, SimulatedSms, sms_of
from xinglin.store import AuditRow, Records, Scope, Store


@dataclass(frozen=True, slots=True)
class Provider:
    """Another place that proves identities (a government's OpenID provider): its name as people know it, where its sign-in begins."""

    title: str
    href: str


@dataclass(frozen=True, slots=True)
class Gate:
    """`messages`: what the SMS simulator keeps, shown in the demo only; `public_url`: as clients see us, "" for the request's own host."""

    entrance: Entrance
    codes: Codes
    match: Match
    demo: bool = False
    messages: Callable[[datetime], Awaitable[list[Message]]] | None = None
    public_url: str = ""
    providers: tuple[Provider, ...] = ()


def gate_of(
    settings: Settings,
    store: Store,
    *,
    note: Callable[[AuditRow], None] | None = None,
    wards: Wards | None = None,
    passwords: Passwords | None = None,
    providers: tuple[Provider, ...] = (),
) -> Gate:
    """The gate of an installation by its settings. `note`: where rows of the trail go, the store's own trail by default."""
    records = store.records(Scope.everyone())
    entrance = Entrance(store.ground, note or store.note, wards or wards_in(records), passwords)
    sms = sms_of(settings, store.ground)
    match = matcher(records, identity_of(settings, records))
    messages = sms.messages if settings.demo and isinstance(sms, SimulatedSms) else None
    codes = Codes(store.ground, entrance, sms.send)
    return Gate(entrance, codes, match, bool(settings.demo), messages, settings.public_url, providers)


def matcher(records: Records, identity: Identity) -> Match:
    """Finds the resident of an ID number and a name that the population base says belong together."""

    async def match(number: str, name: str) -> Known | None:
        if not await identity.belong(number, name):
            return None
        patient = await resident_of(records, number, name)
        return None if patient is None else Known(f"Patient/{patient['id']}", name, identity.name)

    return match
