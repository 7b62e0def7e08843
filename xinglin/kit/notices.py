"""Notices: short words to a person, a role or an institution, kept sealed for `KEPT_DAYS`. Nothing pops up: a bell counts them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec

from xinglin.access.actor import Actor
from xinglin.base.clock import tick_of
from xinglin.base.errors import Conflict
from xinglin.base.ids import new_id
from xinglin.kit.i18n import Phrase
from xinglin.store import Store
from xinglin.store.papers import Paper, Papers

KEPT_DAYS = 30
SHOWN_MAX = 200
TRIES = 5
"""A notice to many is marked by many: a mark that met another is made again so often."""


class Words(msgspec.Struct, frozen=True, omit_defaults=True):
    """A phrase as it is kept: its English source and what fills its places."""

    text: str
    places: dict[str, str | Words] = {}

    @classmethod
    def of(cls, said: Phrase | str) -> Words:
        """The words of a phrase, or of a person's own text."""
        if isinstance(said, str):
            return cls(said)
        return cls(said.text, {name: cls.of(value) if isinstance(value, Phrase) else str(value) for name, value in said.places})

    def phrase(self) -> Phrase:
        """The phrase again, for whoever says it in a reader's language."""
        places = ((name, value.phrase() if isinstance(value, Words) else value) for name, value in self.places.items())
        return Phrase(self.text, tuple(places))


class Notice(msgspec.Struct, frozen=True, omit_defaults=True):
    """One notice. `to`: an account id, `role:<role>`, or a reference of a person or institution; `at`: instant; `read`: account -> when."""

    to: str
    kind: str
    title: Words
    text: Words
    href: str
    at: str
    read: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Noticed:
    """A notice as someone sees it; `read`: by them."""

    key: str
    kind: str
    title: Phrase
    text: Phrase
    href: str
    at: str
    read: bool


def notices_of(store: Store) -> Papers[Notice]:
    """Where notices are kept."""
    return Papers(store.ground, "notice", Notice)


async def notify(
    papers: Papers[Notice], to: str, title: Phrase | str, href: str, at: datetime, kind: str, *, text: Phrase | str = "", key: str = ""
) -> None:
    """Tell someone. `href`: where they can see or do more, "" for nowhere. The same `key` twice is one notice: a reaction may repeat it."""
    notice = Notice(to, kind, Words.of(title), Words.of(text), href, at.astimezone(UTC).isoformat())
    ends = tick_of(at + timedelta(days=KEPT_DAYS))
    try:
        await papers.add(key or new_id(), notice, [f"to {to}"], ends)
    except Conflict:
        if not key:
            raise


def recipients(actor: Actor) -> tuple[str, ...]:
    """All that someone is addressed as: their account, role, person, institutions."""
    told = (actor.id, f"role:{actor.role}", actor.person, *actor.units)
    return tuple(dict.fromkeys(one for one in told if one))


async def listed(papers: Papers[Notice], actor: Actor, now: datetime) -> list[Noticed]:
    """What someone was told within `KEPT_DAYS`, the newest first, at most `SHOWN_MAX`."""
    found = sorted(await _found(papers, actor, now), key=lambda paper: paper.value.at, reverse=True)
    return [_noticed(paper, actor) for paper in found[:SHOWN_MAX]]


async def unread(papers: Papers[Notice], actor: Actor, now: datetime) -> int:
    """How many notices someone has not read."""
    return sum(1 for paper in await _found(papers, actor, now) if actor.id not in paper.value.read)


async def mark_read(papers: Papers[Notice], actor: Actor, keys: Iterable[str], now: datetime) -> None:
    """Someone has read these, those of them that are theirs."""
    wanted = frozenset(keys)
    for paper in await _found(papers, actor, now):
        if paper.key in wanted and actor.id not in paper.value.read:
            await _mark(papers, paper, actor, now)


async def _mark(papers: Papers[Notice], paper: Paper[Notice], actor: Actor, now: datetime) -> None:
    for left in reversed(range(TRIES)):
        notice = paper.value
        marked = msgspec.structs.replace(notice, read=notice.read | {actor.id: now.astimezone(UTC).isoformat()})
        try:
            await papers.put(paper, marked)
        except Conflict:
            if not left:
                raise
            paper = await papers.get(paper.key, tick_of(now))
        else:
            return


async def _found(papers: Papers[Notice], actor: Actor, now: datetime) -> list[Paper[Notice]]:
    return await papers.find_any([f"to {to}" for to in recipients(actor)], tick_of(now))


def _noticed(paper: Paper[Notice], actor: Actor) -> Noticed:
    notice = paper.value
    return Noticed(
        paper.key, notice.kind, notice.title.phrase(), notice.text.phrase(), notice.href, notice.at, actor.id in notice.read
    )
