"""A capability as data: its table of contents, from which menu, addresses, operations and documentation are made."""

from __future__ import annotations

from asyncio import gather
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from xinglin.access.actor import Actor
from xinglin.access.policy import allowed
from xinglin.fhir.codec import Resource
from xinglin.kit.i18n import Phrase
from xinglin.kit.pages import Page, Request
from xinglin.kit.stage import Stage
from xinglin.kit.unit import Unit
from xinglin.store import Stored
from xinglin.store.records import CodeSource

Level = Literal["system", "type", "instance"]
Count = Callable[[Unit, Request], Awaitable[int | None]]
"""How many there are for who asks; None when it is not known."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an operation: on which type and id (None where the level has none), with which `Parameters`."""

    type: str | None
    id: str | None
    parameters: Resource


@dataclass(frozen=True, slots=True)
class Operation:
    """A FHIR operation `$name`. `types`: those it may be called on at type and instance level. `affects_state`: POST only."""

    name: str
    levels: tuple[Level, ...]
    types: tuple[str, ...]
    handle: Callable[[Unit, Call], Awaitable[Resource]]
    affects_state: bool = False


@dataclass(frozen=True, slots=True)
class MenuEntry:
    """A line of the menu: title, address, icon (Tabler). `workspaces`: where it stands, () for all of the capability's.

    `place`: what stands higher has a lower one; on a phone only the first few are in reach of a thumb.
    """

    title: Phrase
    href: str
    icon: str
    workspaces: tuple[str, ...] = ()
    place: int = 50


@dataclass(frozen=True, slots=True)
class Tile:
    """A number on a workspace's home that leads to its list."""

    title: Phrase
    href: str
    icon: str
    count: Count
    workspaces: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Panel:
    """A piece of a workspace's home below the numbers: a template of the capability and what it shows. `href`: where all of it is."""

    title: Phrase
    href: str
    template: str
    load: Callable[[Unit, Request], Awaitable[Mapping[str, object]]]
    workspaces: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PersonPanel:
    """A piece of a resident's record: a template of the capability and what it shows of a Patient id as `shown`; None for nothing."""

    template: str
    load: Callable[[Unit, Request, str], Awaitable[Mapping[str, object] | None]]


@dataclass(frozen=True, slots=True)
class Mark:
    """A few words beside something in a record that lead to more. `tone`: the class of its badge (`x-quiet`, `x-attention`, …)."""

    text: Phrase
    href: str
    icon: str
    tone: str


Marking = Callable[[Unit, Request, Sequence[str]], Awaitable[Mapping[str, Sequence[Mark]]]]
"""The marks of what stands on a page of a record, by reference (`DiagnosticReport/7`): those of the references that have any."""


@dataclass(frozen=True, slots=True)
class Found:
    """One answer of a search: what it is called, what tells it from others of that name (masked), where it is."""

    title: str | Phrase
    details: tuple[str | Phrase, ...]
    href: str
    icon: str


@dataclass(frozen=True, slots=True)
class Finder:
    """What a text typed into the bar's search means here: at most so many answers, read through the unit's store.

    `href`: the page that shows all of them, taking the text as `q`; "" when there is none.
    """

    title: Phrase
    href: str
    find: Callable[[Unit, Request, str, int], Awaitable[Sequence[Found]]]


@dataclass(frozen=True, slots=True)
class Waiting:
    """Work that waits in a list of this capability for who asks: it stands in their inbox while there is some."""

    title: Phrase
    href: str
    icon: str
    count: Count


@dataclass(frozen=True, slots=True)
class Signal:
    """A number in the bar of every page, asked for again each minute."""

    title: Phrase
    href: str
    icon: str
    count: Count


@dataclass(frozen=True, slots=True)
class Reaction:
    """What follows from a stored change of `types`, deletions too. The worker runs `handle` once for each, in a transaction of its own.

    `name` is kept for ever: with the capability's it marks the place in the change feed. A new reaction starts with the
    changes that come, or with the first there ever was (`from_the_beginning`). What fails again and again, or takes longer
    than half a minute, is passed over and written down; what raises `Unavailable` is tried until it is not.
    """

    name: str
    types: tuple[str, ...]
    handle: Callable[[Unit, Stored], Awaitable[None]]
    from_the_beginning: bool = False


@dataclass(frozen=True, slots=True)
class Capability:
    """One thing the platform does for people. `systems`: the ids of the required systems it answers.

    `mine`: lines of the page "Me": about oneself, not about work.
    `finders`: what the bar's search finds here. `inbox`: what waits for someone here. `signals`: numbers in the bar.
    `person_panels`: what stands on a resident's record; `markings`: what marks single things in it.
    `instead`: offered in words to whom a page about a resident tells that there is nothing.
    `demo`: shows the capability at work in a freshly written demo region, by its own deeds as the personas; it may be asked twice.
    `terminology`: makes who answers `:in`, `:above` and `:below` in a process's searches; the first capability that has one gets it.
    """

    title: Phrase
    systems: tuple[str, ...] = ()
    workspaces: tuple[str, ...] = ()
    pages: tuple[Page, ...] = ()
    operations: tuple[Operation, ...] = ()
    reactions: tuple[Reaction, ...] = ()
    menu: tuple[MenuEntry, ...] = ()
    mine: tuple[MenuEntry, ...] = ()
    tiles: tuple[Tile, ...] = ()
    panels: tuple[Panel, ...] = ()
    person_panels: tuple[PersonPanel, ...] = ()
    markings: tuple[Marking, ...] = ()
    finders: tuple[Finder, ...] = ()
    inbox: tuple[Waiting, ...] = ()
    signals: tuple[Signal, ...] = ()
    instead: tuple[MenuEntry, ...] = ()
    demo: Callable[[Stage], Awaitable[None]] | None = None
    terminology: Callable[[], CodeSource] | None = None


Capabilities = Mapping[str, Capability]
"""Folder name -> capability, sorted by name."""


async def person_panels_of(unit: Unit, request: Request, person_id: str) -> list[tuple[str, Mapping[str, object]]]:
    """(template, what it shows) of each piece any capability adds to a resident's record, for who asks."""
    panels = [one for room in request.rooms for one in room.person_panels]
    loaded = await gather(*(one.load(unit, request, person_id) for one in panels))
    return [(panel.template, shown) for panel, shown in zip(panels, loaded, strict=True) if shown is not None]


async def marks_of(unit: Unit, request: Request, references: Sequence[str]) -> Mapping[str, Sequence[Mark]]:
    """What any capability marks among these references."""
    marked: dict[str, list[Mark]] = {}
    for found in await gather(*(mark(unit, request, references) for room in request.rooms for mark in room.markings)):
        for reference, marks in found.items():
            marked.setdefault(reference, []).extend(marks)
    return marked


def may_open(actor: Actor, capability: Capability, href: str) -> bool:
    """Whether the page of a capability at an address is for the actor's role: named by it, and allowed to read what it reads."""
    path = urlsplit(href).path
    return all(page_is_for(actor, page) for page in capability.pages if page.path == path)


def page_is_for(actor: Actor, page: Page) -> bool:
    """Whether a page is for the actor's role."""
    named = not page.roles or actor.role in page.roles
    return named and all(allowed(actor.role, "search", kind) for kind in page.reads)
