"""A capability as data: its table of contents, from which menu, addresses, operations and documentation are made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from xinglin.fhir.codec import Resource
from xinglin.kit.i18n import Phrase
from xinglin.kit.pages import Page, Request
from xinglin.kit.unit import Unit
from xinglin.store import Stored
from xinglin.store.records import CodeSource

Level = Literal["system", "type", "instance"]


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
    """A line of the menu: title, address, icon (Tabler)."""

    title: Phrase
    href: str
    icon: str


@dataclass(frozen=True, slots=True)
class Tile:
    """A number on a workspace's home that leads to its list. `count` answers None when it is not known."""

    title: Phrase
    href: str
    icon: str
    count: Callable[[Unit, Request], Awaitable[int | None]]


@dataclass(frozen=True, slots=True)
class Panel:
    """A piece of a workspace's home below the numbers: a template of the capability and what it shows. `href`: where all of it is."""

    title: Phrase
    href: str
    template: str
    load: Callable[[Unit, Request], Awaitable[Mapping[str, object]]]


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

    `finder`: the address that takes what is typed into the bar's search box as `q`; the first capability that has one gets it.
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
    finder: str = ""
    terminology: Callable[[], CodeSource] | None = None


Capabilities = Mapping[str, Capability]
"""Folder name -> capability, sorted by name."""
