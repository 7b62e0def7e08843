"""A capability as data: its table of contents, from which menu, addresses, operations and documentation are made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from xinglin.access.actor import Actor
from xinglin.access.policy import allowed
from xinglin.fhir.codec import Resource
from xinglin.kit.i18n import Phrase
from xinglin.kit.pages import Page, Request
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

    `finders`: what the bar's search finds here. `inbox`: what waits for someone here. `signals`: numbers in the bar.
    `instead`: offered in words to whom a page about a resident tells that there is nothing.
    `terminology`: makes who answers `:in`, `:above` and `:below` in a process's searches; the first capability that has one gets it.
    """

    title: Phrase
    systems: tuple[str, ...] = ()
    workspaces: tuple[str, ...] = ()
    pages: tuple[Page, ...] = ()
    operations: tuple[Operation, ...] = ()
    reactions: tuple[Reaction, ...] = ()
    menu: tuple[MenuEntry, ...] = ()
    tiles: tuple[Tile, ...] = ()
    panels: tuple[Panel, ...] = ()
    finders: tuple[Finder, ...] = ()
    inbox: tuple[Waiting, ...] = ()
    signals: tuple[Signal, ...] = ()
    instead: tuple[MenuEntry, ...] = ()
    terminology: Callable[[], CodeSource] | None = None


Capabilities = Mapping[str, Capability]
"""Folder name -> capability, sorted by name."""


def may_open(actor: Actor, capability: Capability, href: str) -> bool:
    """Whether the page of a capability at an address is for the actor's role: named by it, and allowed to read what it reads."""
    path = urlsplit(href).path
    return all(page_is_for(actor, page) for page in capability.pages if page.path == path)


def page_is_for(actor: Actor, page: Page) -> bool:
    """Whether a page is for the actor's role."""
    named = not page.roles or actor.role in page.roles
    return named and all(allowed(actor.role, "search", kind) for kind in page.reads)
