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

from xinglin.kit.i18n import Phrase
from xinglin.kit.unit import Unit

if TYPE_CHECKING:
    from xinglin.kit.capability import Capability


@dataclass(frozen=True, slots=True)
class Upload:
    """A file sent with a form: its name as the sender's computer calls it, its bytes (no more than the setting `upload_bytes_max`)."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Request:
    """What the person asked: parts of the path, query, form, their language and time zone. `target`: the block asked for, if one.

    `rooms`: every capability there is, for the few pages that are about all of them (what waits for someone, search).
    `files`: what was sent with the form, by field. `site`: our own address as the browser sees it (`https://county.example`).
    `address`: the network address it came from, "" when it is not known.
    """

    path: Mapping[str, str]
    query: Mapping[str, str]
    form: Mapping[str, str]
    language: str
    timezone: ZoneInfo
    target: str | None = None
    rooms: tuple[Capability, ...] = ()
    files: Mapping[str, Upload] = field(default_factory=dict[str, Upload])
    site: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """A template of the capability (`health_record/people.html`) and the values it shows.

    `leads_to`: foreign addresses its forms may end at (registered ones of applications); the browser lets them on this one answer.
    """

    template: str
    values: Mapping[str, object] = field(default_factory=dict[str, object])
    status: int = 200
    leads_to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Moved:
    """Go on to another address of this site (303)."""

    to: str


@dataclass(frozen=True, slots=True)
class Away:
    """Go on to a foreign address (303) that has been proved to be a registered one; never one that somebody typed or sent."""

    to: str


@dataclass(frozen=True, slots=True)
class Download:
    """A file to keep: its name, its media type, its bytes, or what makes them when it is given how to say a phrase to who asked."""

    name: str
    media: str
    content: bytes | Callable[[Callable[[Phrase], str]], bytes]


Handler = Callable[[Unit, Request], Awaitable[Shown | Moved | Away | Download]]


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
