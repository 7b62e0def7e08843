"""What every page of the door shares: what it was given, who asks and in which language, and how an answer is drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from starlette.requests import Request as HttpRequest
from starlette.responses import HTMLResponse, Response

from xinglin.access.actor import Actor
from xinglin.access.policy import allowed
from xinglin.base.errors import Unauthenticated
from xinglin.doors.web.rendering import Renderer
from xinglin.kit.capability import Capabilities, Capability
from xinglin.kit.i18n import LANGUAGES
from xinglin.kit.pages import Shown
from xinglin.kit.unit import Unit
from xinglin.kit.workspaces import Workspace
from xinglin.store import AuditRow

if TYPE_CHECKING:
    from xinglin.store import Records

SESSION, LANGUAGE, WORKSPACE = "xinglin_session", "xinglin_language", "xinglin_workspace"
YEAR_S = 365 * 24 * 3600
AUDIT_CHARACTERS_MAX = 4000


@dataclass(frozen=True, slots=True)
class House:
    """What the door is given: the capabilities and their folders, who a token belongs to, the store each may see, the clock, the trail.

    `verify` raises `Unauthenticated` for a token that is not valid. `audit` keeps one row for each page opened or refused.
    """

    capabilities: Capabilities
    folders: Mapping[str, Path]
    verify: Callable[[str], Actor]
    records: Callable[[Actor], Records]
    now: Callable[[], datetime]
    language: str
    timezone: ZoneInfo
    audit: Callable[[AuditRow], None] | None = None


@dataclass(frozen=True, slots=True)
class Door:
    """The house with what was made of it at start: a renderer for each language, the workspaces that have something in them."""

    house: House
    renderers: Mapping[str, Renderer]
    workspaces: tuple[Workspace, ...]


def unit_of(door: Door, http: HttpRequest) -> Unit:
    """The unit of work of who is signed in. Raises `Unauthenticated`."""
    token = http.cookies.get(SESSION)
    if not token:
        raise Unauthenticated("Please sign in to continue.")
    actor = door.house.verify(token)
    return Unit(actor, door.house.records(actor), door.house.now())


def known_actor(door: Door, http: HttpRequest) -> Actor | None:
    """Who is signed in, for a page that is shown either way."""
    try:
        return door.house.verify(http.cookies.get(SESSION, ""))
    except Unauthenticated:
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


def render(door: Door, http: HttpRequest, shown: Shown, actor: Actor | None, headers: Mapping[str, str] | None = None) -> Response:
    """What a handler shows as an HTML answer, within the frame of the person's workspace."""
    values = frame(door, http, actor) | dict(shown.values)
    text = door.renderers[language_of(door, http)].page(shown.template, values, target_of(http))
    return HTMLResponse(text, shown.status, {"Vary": "HX-Request, HX-Target, Cookie"} | dict(headers or {}))


def frame(door: Door, http: HttpRequest, actor: Actor | None) -> dict[str, object]:
    """What the frame around every page shows: who, where, which menu."""
    workspace = workspace_of(door, http)
    rooms = within(door, workspace)
    return {
        "now": door.house.now(),
        "here": here(http),
        "path": http.url.path,
        "actor": actor,
        "workspaces": door.workspaces,
        "workspace": workspace,
        "finder": next((one.finder for one in rooms if one.finder and actor and may_open(actor, one, one.finder)), ""),
        "menu": [one for room in rooms for one in room.menu if actor and may_open(actor, room, one.href)],
    }


def workspace_of(door: Door, http: HttpRequest) -> Workspace | None:
    """The workspace whose home is asked for, else the one last opened, else the first."""
    named = http.url.path.strip("/")
    kept = http.cookies.get(WORKSPACE, "")
    for name in (named, kept):
        for workspace in door.workspaces:
            if workspace.name == name:
                return workspace
    return next(iter(door.workspaces), None)


def within(door: Door, workspace: Workspace | None) -> list[Capability]:
    """The capabilities of a workspace."""
    return [one for one in door.house.capabilities.values() if workspace and workspace.name in one.workspaces]


def may_open(actor: Actor, capability: Capability, href: str) -> bool:
    """Whether the actor's role may read what the page at an address reads."""
    path = urlsplit(href).path
    return all(allowed(actor.role, "search", kind) for page in capability.pages if page.path == path for kind in page.reads)


def keep(response: Response, http: HttpRequest, name: str, value: str) -> None:
    """Remember a choice in this browser for a year."""
    response.set_cookie(name, value, max_age=YEAR_S, httponly=True, samesite="lax", secure=http.url.scheme == "https", path="/")


def note(door: Door, http: HttpRequest, actor: Actor, about: tuple[str | None, str | None], status: int) -> None:
    """Keep an audit row of a page. `about`: the FHIR type and id it is about. Raises `Unavailable` when the trail cannot be written."""
    if door.house.audit is None:
        return
    asked = here(http).replace("\x00", " ")[:AUDIT_CHARACTERS_MAX]
    address = http.client.host if http.client else None
    door.house.audit(AuditRow(actor.id, actor.role, f"page-{http.method.lower()}", *about, asked, status, address, None))


def here(http: HttpRequest) -> str:
    """The address asked for, with its query."""
    return http.url.path + (f"?{http.url.query}" if http.url.query else "")
