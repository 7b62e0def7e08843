"""Pages as a capability declares them: an address, what it does, what it answers. The web door carries them out.

GET shows, POST does and moves on (303). An htmx request is answered with the template's block named like the element it will
replace, up to its first hyphen: `hx-target="#found"` gets `{% block found %}`, `#year-2015` gets `{% block year %}`. Every other
request gets the whole page, so each address works both ways.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

from xinglin.kit.unit import Unit

if TYPE_CHECKING:
    from xinglin.kit.capability import Capability


@dataclass(frozen=True, slots=True)
class Request:
    """What the person asked: parts of the path, query, form, their language and time zone. `target`: the block asked for, if one.

    `rooms`: every capability there is, for the few pages that are about all of them (what waits for someone, search).
    """

    path: Mapping[str, str]
    query: Mapping[str, str]
    form: Mapping[str, str]
    language: str
    timezone: ZoneInfo
    target: str | None = None
    rooms: tuple[Capability, ...] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """A template of the capability (`health_record/people.html`) and the values it shows."""

    template: str
    values: Mapping[str, object] = field(default_factory=dict[str, object])
    status: int = 200


@dataclass(frozen=True, slots=True)
class Moved:
    """Go on to another address of this site (303)."""

    to: str


Handler = Callable[[Unit, Request], Awaitable[Shown | Moved]]


@dataclass(frozen=True, slots=True)
class Page:
    """One address of the web: `path` as `/person/{id}`. `reads`: the FHIR types an actor's role must be allowed to read to open it.

    `roles`: the roles it is for, () for every role that may read what it reads.
    """

    method: Literal["GET", "POST"]
    path: str
    handler: Handler
    reads: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
