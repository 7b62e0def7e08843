"""What every page of the door shares: what it was given, who asks and in which language, and how an answer is drawn."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from starlette.requests import Request as HttpRequest
from starlette.responses import HTMLResponse, Response

from xinglin.access.actor import Actor
from xinglin.access.oauth.providers import Elsewhere
from xinglin.access.pace import Pace, unlimited
from xinglin.base.errors import XinglinError
from xinglin.doors.web.forms import read_form
from xinglin.doors.web.gate import Gate
from xinglin.doors.web.guards import leading_to
from xinglin.doors.web.recognition import actor_of, known_live
from xinglin.doors.web.rendering import Renderer
from xinglin.kit.capability import Capabilities, Capability, MenuEntry, Panel, Tile, may_open
from xinglin.kit.i18n import LANGUAGES
from xinglin.kit.pages import Request, Shown
from xinglin.kit.unit import Unit
from xinglin.kit.workspaces import ROLE_TITLES, Workspace
from xinglin.store import AuditRow

if TYPE_CHECKING:
    from xinglin.store import Records

LANGUAGE, WORKSPACE, ELDER = "xinglin_language", "xinglin_workspace", "xinglin_elder"
YEAR_S = 365 * 24 * 3600
AUDIT_CHARACTERS_MAX = 4000


@dataclass(frozen=True, slots=True)
class House:
    """What the door is given: the capabilities and their folders, how people sign in, the store each may see, the clock, the trail.

    `audit` keeps one row for each page opened or refused. `stale`: see `Unit`. `elsewhere`: sign-ins through other providers.
    """

    capabilities: Capabilities
    folders: Mapping[str, Path]
    gate: Gate
    records: Callable[[Actor], Awaitable[Records]]
    now: Callable[[], datetime]
    language: str
    timezone: ZoneInfo
    audit: Callable[[AuditRow], None] | None = None
    stale: Callable[[], None] = lambda: None
    elsewhere: Elsewhere | None = None
    pace: Pace = field(default_factory=unlimited)


@dataclass(frozen=True, slots=True)
class Door:
    """The house with what was made of it at start: a renderer for each language, the workspaces that have something in them."""

    house: House
    renderers: Mapping[str, Renderer]
    workspaces: tuple[Workspace, ...]


async def unit_of(door: Door, http: HttpRequest) -> Unit:
    """The unit of work of who is signed in. Raises `Unauthenticated`."""
    actor = actor_of(http)
    return Unit(actor, await door.house.records(actor), door.house.now(), door.house.stale)


def known_actor(http: HttpRequest) -> Actor | None:
    """Who is signed in, for a page that is shown either way."""
    try:
        return actor_of(http)
    except XinglinError:
        return None


def language_of(door: Door, http: HttpRequest) -> str:
    """The language chosen in this browser, or the installation's."""
    chosen = http.cookies.get(LANGUAGE, "")
    return chosen if chosen in LANGUAGES else door.house.language


def target_of(http: HttpRequest) -> str | None:
    """The element an htmx request replaces; None for a whole page, also when htmx restores one from history."""
    if "HX-Request" not in http.headers or "HX-History-Restore-Request" in http.headers:
        return None
    return http.headers.get("HX-Target", "").partition("-")[0]


async def asked(door: Door, http: HttpRequest, unit: Unit) -> Request:
    """What the person asked, as pages take it. Raises `TooLarge` for more than an upload may be."""
    settings = unit.store.store.ground.settings
    texts, files = await read_form(http, settings.upload_bytes_max) if http.method == "POST" else ({}, {})
    return Request(
        path=http.path_params,
        query=dict(http.query_params),
        form=texts,
        language=language_of(door, http),
        timezone=door.house.timezone,
        target=target_of(http),
        rooms=tuple(door.house.capabilities.values()),
        files=files,
        site=settings.public_url.rstrip("/") or f"{http.url.scheme}://{http.url.netloc}",
        address=http.client.host if http.client else "",
    )


def render(door: Door, http: HttpRequest, shown: Shown, actor: Actor | None, headers: Mapping[str, str] | None = None) -> Response:
    """What a handler shows as an HTML answer, within the frame of the person's workspace."""
    values = frame(door, http, actor) | dict(shown.values)
    text = door.renderers[language_of(door, http)].page(shown.template, values, target_of(http))
    leading = leading_to(shown.leads_to) if shown.leads_to else {}
    return HTMLResponse(text, shown.status, {"Vary": "HX-Request, HX-Target, Cookie"} | leading | dict(headers or {}))


def frame(door: Door, http: HttpRequest, actor: Actor | None) -> dict[str, object]:
    """What the frame around every page shows: who, where, which menu. `hats`: what else they may sign in as, `hat`: what they are now."""
    workspace = workspace_of(door, http, actor)
    rooms = within(door, workspace)
    everywhere = door.house.capabilities.values() if actor else ()
    live = known_live(http) if actor else None
    return {
        "now": door.house.now(),
        "here": here(http),
        "path": http.url.path,
        "actor": actor,
        "role_titles": ROLE_TITLES,
        "role_title": ROLE_TITLES.get(actor.role) if actor else None,
        "hats": live.session.hats if live else (),
        "hat": live.session.hat if live else None,
        "ward": live.session.ward_name if live else "",
        "workspaces": open_to(door, actor),
        "workspace": workspace,
        "finder": next((one.href for room in rooms for one in room.finders if actor and may_open(actor, room, one.href)), ""),
        "menu": menu_of(actor, rooms, workspace),
        "mine": mine_of(actor, everywhere),
        "signals": [one for room in everywhere for one in room.signals if actor and may_open(actor, room, one.href)],
        "instead": [one for room in everywhere for one in room.instead if actor and may_open(actor, room, one.href)],
        "may_elder": actor is not None and actor.role == "resident",
        "elder": actor is not None and actor.role == "resident" and http.cookies.get(ELDER) == "1",
    }


def workspace_of(door: Door, http: HttpRequest, actor: Actor | None) -> Workspace | None:
    """The workspace whose home is asked for, else the one last opened, else the first; of those the actor's role works in."""
    mine = open_to(door, actor)
    named = http.url.path.strip("/")
    kept = http.cookies.get(WORKSPACE, "")
    found = (workspace for name in (named, kept) for workspace in mine if workspace.name == name)
    return next(found, next(iter(mine), None))


def open_to(door: Door, actor: Actor | None) -> tuple[Workspace, ...]:
    """The workspaces an actor's role works in."""
    return tuple(one for one in door.workspaces if actor and one.is_for(actor.role))


def within(door: Door, workspace: Workspace | None) -> list[Capability]:
    """The capabilities of a workspace."""
    return [one for one in door.house.capabilities.values() if workspace and workspace.name in one.workspaces]


def menu_of(actor: Actor | None, rooms: Iterable[Capability], workspace: Workspace | None) -> list[MenuEntry]:
    """The lines of a workspace's menu for an actor's role, in their order."""
    lines = [one for room in rooms for one in room.menu if actor and stands_in(actor, room, one, workspace)]
    return sorted(lines, key=lambda one: one.place)


def mine_of(actor: Actor | None, rooms: Iterable[Capability]) -> list[MenuEntry]:
    """The lines of the page "Me" for an actor's role, in their order."""
    lines = [one for room in rooms for one in room.mine if actor and may_open(actor, room, one.href)]
    return sorted(lines, key=lambda one: one.place)


def stands_in(actor: Actor, capability: Capability, entry: MenuEntry | Tile | Panel, workspace: Workspace | None) -> bool:
    """Whether a piece of a capability belongs in a workspace, and what it leads to is for the actor's role."""
    here_too = not entry.workspaces or (workspace is not None and workspace.name in entry.workspaces)
    return here_too and may_open(actor, capability, entry.href)


def keep(response: Response, http: HttpRequest, name: str, value: str) -> None:
    """Remember a choice in this browser for a year."""
    response.set_cookie(name, value, max_age=YEAR_S, httponly=True, samesite="lax", secure=http.url.scheme == "https", path="/")


def note(
    door: Door,
    http: HttpRequest,
    actor: Actor,
    about: tuple[str | None, str | None],
    status: int,
    *,
    records: Records | None = None,
    interaction: str = "",
    page: str = "",
) -> None:
    """Keep an audit row of a page. `about`: the FHIR type and id it is about. Raises `Unavailable` when the trail cannot be written.

    `records`: what was read through: whose records were shown, and on what ground. `interaction`: the deed, else that a page was asked
    for. `page`: the address it is about.
    """
    if door.house.audit is None:
        return
    told = (page or here(http)).replace("\x00", " ")[:AUDIT_CHARACTERS_MAX]
    address = http.client.host if http.client else None
    deed = interaction or f"page-{http.method.lower()}"
    patients = tuple(sorted(records.seen)) if records else ()
    grounds = {records.scope.ground_of(patient) for patient in patients} - {""} if records else set[str]()
    ground = ", ".join(sorted(grounds)) or None
    door.house.audit(AuditRow(actor.id, actor.role, deed, *about, told, status, address, None, patients, ground))


def here(http: HttpRequest) -> str:
    """The address asked for, with its query."""
    return http.url.path + (f"?{http.url.query}" if http.url.query else "")
