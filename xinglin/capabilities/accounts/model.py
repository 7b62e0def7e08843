"""What the pages of accounts show: frozen views, times as instants."""

from __future__ import annotations

from dataclasses import dataclass

from xinglin.access.accounts import Account, Hat, Live
from xinglin.base.clock import instant
from xinglin.fhir.codec import Resource


@dataclass(frozen=True, slots=True)
class Key:
    """A passkey: its id, the holder's name for it, since when."""

    id: str
    name: str
    since: str


@dataclass(frozen=True, slots=True)
class Opened:
    """A session: how it began, from where, its last use, when it ends. `mine`: it is the one this page is asked in."""

    id: str
    role: str
    place: str
    method: str
    address: str
    browser: str
    began: str
    seen: str
    ends: str
    mine: bool

    @classmethod
    def of(cls, live: Live, mine: str) -> Opened:
        """The view of a session; `mine` is the public id of one's own."""
        session = live.session
        role, place = (session.hat.role, session.hat.title) if session.hat else ("", "")
        began, seen, ends = instant(session.started), instant(session.seen), instant(live.ends)
        return cls(live.id, role, place, session.method, session.address, session.browser, began, seen, ends, live.id == mine)


@dataclass(frozen=True, slots=True)
class One:
    """An account as it is shown; no secret and no number of it."""

    id: str
    login: str
    name: str
    kind: str
    disabled: bool
    made: str
    changed: str
    issued: bool
    hats: tuple[Hat, ...]
    generator: bool
    keys: tuple[Key, ...]
    recovery_left: int
    administrator: bool

    @classmethod
    def of(cls, account: Account, *, administrator: bool) -> One:
        """The view of an account."""
        keys = tuple(Key(key.id, key.name, instant(key.added)) for key in account.passkeys)
        changed = instant(account.changed) if account.changed else ""
        return cls(
            account.id, account.login, account.name, account.kind, account.state == "disabled", instant(account.made), changed,
            account.issued, account.hats, account.totp is not None, keys, len(account.recovery), administrator,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Post:
    """A post of a member of staff (PractitionerRole) that a hat can be made of."""

    id: str
    name: str
    place: str
    department: str
    codes: tuple[str, ...]

    @classmethod
    def of(cls, worker: Resource) -> Post:
        """The view of a PractitionerRole."""
        departments = [one.get("text", "") for one in worker.get("specialty", [])[:1]]
        codes = tuple(one.get("text", "") for one in worker.get("code", []))
        place = worker.get("organization", {}).get("display", "")
        return cls(worker["id"], worker.get("practitioner", {}).get("display", ""), place, "".join(departments), codes)
