"""The Starlette application: each capability's pages behind a session, in the person's language, with errors as pages."""

from __future__ import annotations

from asyncio import gather
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit
from zoneinfo import ZoneInfo

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request as HttpRequest
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route

from xinglin.access.actor import Actor
from xinglin.access.policy import allowed, require
from xinglin.base.errors import NotFound, Unauthenticated, XinglinError
from xinglin.doors.web.files import FOLDER, KeptFiles, static_prefix
from xinglin.doors.web.guards import HEADERS, SecurityHeaders, own_address, require_same_origin
from xinglin.doors.web.rendering import Renderer, locale_folders, renderers
from xinglin.kit.capability import Capabilities, Capability, Tile
from xinglin.kit.i18n import LANGUAGES, Phrase, read_catalogues, t
from xinglin.kit.pages import Moved, Page, Request, Shown
from xinglin.kit.unit import Unit
from xinglin.kit.workspaces import WORKSPACES, Workspace

if TYPE_CHECKING:
    from xinglin.store import Records

SESSION, LANGUAGE, WORKSPACE = "xinglin_session", "xinglin_language", "xinglin_workspace"
YEAR_S = 365 * 24 * 3600
FORM_FIELDS_MAX = 500

TITLES: Mapping[int, Phrase] = {
    401: t("Please sign in"),
    403: t("You may not open this"),
    404: t("There is nothing here"),
    405: t("This cannot be done here"),
    410: t("This was deleted"),
    422: t("This does not fit"),
    429: t("Too many requests at once"),
    503: t("Not available right now"),
}
HINTS: Mapping[int, Phrase] = {
    404: t("Check the address, or look for the resident by name."),
    410: t("The record of what it was is kept. Ask the institution that deleted it."),
    429: t("Wait a moment, then try again."),
    503: t("Wait a moment, then try again."),
}
OTHER_TITLE, OTHER_HINT = t("This did not work"), t("Go back and try again. What you typed is kept.")


@dataclass(frozen=True, slots=True)
class House:
    """What the door is given: the capabilities and their folders, who a token belongs to, the store each may see, the clock.

    `verify` raises `Unauthenticated` for a token that is not valid.
    """

    capabilities: Capabilities
    folders: Mapping[str, Path]
    verify: Callable[[str], Actor]
    records: Callable[[Actor], Records]
    now: Callable[[], datetime]
    language: str
    timezone: ZoneInfo


@dataclass(frozen=True, slots=True)
class _Door:
    house: House
    renderers: Mapping[str, Renderer]
    workspaces: tuple[Workspace, ...]


def web_app(house: House) -> Starlette:
    """The pages as an ASGI application, to be mounted at `/`."""
    prefix = static_prefix()
    catalogues = read_catalogues(locale_folders(house.folders.values()))
    used = {name for capability in house.capabilities.values() for name in capability.workspaces}
    workspaces = tuple(workspace for workspace in WORKSPACES if workspace.name in used)
    door = _Door(house, renderers(catalogues, house.folders, house.timezone, prefix), workspaces)
    return Starlette(
        routes=[
            Mount(prefix, KeptFiles(directory=FOLDER), name="static"),
            Route("/", partial(_start, door)),
            Route("/sign-in", partial(_show_sign_in, door), methods=["GET"]),
            Route("/sign-in", partial(_sign_in, door), methods=["POST"]),
            Route("/sign-out", partial(_sign_out, door), methods=["POST"]),
            Route("/language", partial(_choose_language, door), methods=["POST"]),
            *(Route(f"/{workspace.name}", partial(_home, door, workspace)) for workspace in workspaces),
            *(_route(door, page) for capability in house.capabilities.values() for page in capability.pages),
            Route("/{path:path}", partial(_nothing, door), methods=["GET", "POST"]),
        ],
        middleware=[Middleware(SecurityHeaders), Middleware(GZipMiddleware, minimum_size=1000, compresslevel=5)],
        exception_handlers={XinglinError: partial(_problem, door), 500: partial(_broken, door)},
    )


def _route(door: _Door, page: Page) -> Route:
    return Route(page.path, partial(_carry_out, door, page), methods=[page.method])


async def _carry_out(door: _Door, page: Page, http: HttpRequest) -> Response:
    unit = _unit(door, http)
    for kind in page.reads:
        require(unit.actor, "search", kind)
    if page.method == "POST":
        require_same_origin(http.headers)
    answer = await page.handler(unit, await _asked(door, http))
    if isinstance(answer, Moved):
        return RedirectResponse(own_address(answer.to), status_code=303)
    return _render(door, http, answer, unit.actor)


async def _asked(door: _Door, http: HttpRequest) -> Request:
    form = await http.form(max_fields=FORM_FIELDS_MAX) if http.method == "POST" else {}
    return Request(
        path=http.path_params,
        query=dict(http.query_params),
        form={name: value for name, value in form.items() if isinstance(value, str)},
        language=_language(door, http),
        timezone=door.house.timezone,
        target=_target(http),
    )


def _unit(door: _Door, http: HttpRequest) -> Unit:
    token = http.cookies.get(SESSION)
    if not token:
        raise Unauthenticated("Please sign in to continue.")
    actor = door.house.verify(token)
    return Unit(actor, door.house.records(actor), door.house.now())


def _target(http: HttpRequest) -> str | None:
    """The element an htmx request replaces; None for a whole page, also when htmx restores one from history."""
    if "HX-Request" not in http.headers or "HX-History-Restore-Request" in http.headers:
        return None
    return http.headers.get("HX-Target", "").partition("-")[0]


def _language(door: _Door, http: HttpRequest) -> str:
    chosen = http.cookies.get(LANGUAGE, "")
    return chosen if chosen in LANGUAGES else door.house.language


def _render(door: _Door, http: HttpRequest, shown: Shown, actor: Actor | None, headers: Mapping[str, str] | None = None) -> Response:
    here = http.url.path + (f"?{http.url.query}" if http.url.query else "")
    workspace = _workspace(door, http)
    rooms = _within(door, workspace)
    values = {
        "now": door.house.now(),
        "here": here,
        "path": http.url.path,
        "actor": actor,
        "workspaces": door.workspaces,
        "workspace": workspace,
        "finder": next((one.finder for one in rooms if one.finder and actor and _may_open(actor, one, one.finder)), ""),
        "menu": [one for room in rooms for one in room.menu if actor and _may_open(actor, room, one.href)],
    }
    text = door.renderers[_language(door, http)].page(shown.template, values | dict(shown.values), _target(http))
    return HTMLResponse(text, shown.status, {"Vary": "HX-Request, HX-Target, Cookie"} | dict(headers or {}))


def _workspace(door: _Door, http: HttpRequest) -> Workspace | None:
    named = http.url.path.strip("/")
    kept = http.cookies.get(WORKSPACE, "")
    for name in (named, kept):
        for workspace in door.workspaces:
            if workspace.name == name:
                return workspace
    return next(iter(door.workspaces), None)


def _within(door: _Door, workspace: Workspace | None) -> list[Capability]:
    return [one for one in door.house.capabilities.values() if workspace and workspace.name in one.workspaces]


def _may_open(actor: Actor, capability: Capability, href: str) -> bool:
    """Whether the actor's role may read what the page at an address reads."""
    path = urlsplit(href).path
    return all(allowed(actor.role, "search", kind) for page in capability.pages if page.path == path for kind in page.reads)


async def _start(door: _Door, http: HttpRequest) -> Response:
    _unit(door, http)
    workspace = _workspace(door, http)
    if workspace is None:
        raise NotFound("There is no workspace yet.")
    return RedirectResponse(f"/{workspace.name}", status_code=303)


async def _home(door: _Door, workspace: Workspace, http: HttpRequest) -> Response:
    unit = _unit(door, http)
    tiles = [tile for room in _within(door, workspace) for tile in room.tiles if _may_open(unit.actor, room, tile.href)]
    counts = await gather(*(_counted(unit, tile) for tile in tiles))
    response = _render(door, http, Shown("web/home.html", {"tiles": list(zip(tiles, counts, strict=True))}), unit.actor)
    _keep(response, http, WORKSPACE, workspace.name)
    return response


async def _counted(unit: Unit, tile: Tile) -> int | None:
    return await tile.count(unit)


async def _show_sign_in(door: _Door, http: HttpRequest) -> Response:
    return _render(door, http, Shown("web/sign_in.html", {"next": own_address(http.query_params.get("next", "/")), "refused": False}), None)


async def _sign_in(door: _Door, http: HttpRequest) -> Response:
    require_same_origin(http.headers)
    form = await http.form(max_fields=FORM_FIELDS_MAX)
    onward = own_address(str(form.get("next", "/")))
    token = str(form.get("token", "")).strip()
    try:
        door.house.verify(token)
    except Unauthenticated:
        return _render(door, http, Shown("web/sign_in.html", {"next": onward, "refused": True}, 401), None)
    response = RedirectResponse(onward, status_code=303)
    response.set_cookie(SESSION, token, httponly=True, samesite="strict", secure=http.url.scheme == "https", path="/")
    return response


async def _sign_out(door: _Door, http: HttpRequest) -> Response:
    require_same_origin(http.headers)
    response = RedirectResponse("/sign-in", status_code=303)
    response.delete_cookie(SESSION, httponly=True, samesite="strict", path="/")
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


async def _choose_language(door: _Door, http: HttpRequest) -> Response:
    require_same_origin(http.headers)
    form = await http.form(max_fields=FORM_FIELDS_MAX)
    response = RedirectResponse(own_address(str(form.get("next", "/"))), status_code=303)
    if str(form.get("language")) in LANGUAGES:
        _keep(response, http, LANGUAGE, str(form["language"]))
    return response


def _keep(response: Response, http: HttpRequest, name: str, value: str) -> None:
    response.set_cookie(name, value, max_age=YEAR_S, httponly=True, samesite="lax", secure=http.url.scheme == "https", path="/")


async def _nothing(door: _Door, http: HttpRequest) -> Response:
    raise NotFound("There is no page at this address.")


async def _problem(door: _Door, http: HttpRequest, error: Exception) -> Response:
    assert isinstance(error, XinglinError)
    if isinstance(error, Unauthenticated):
        return _to_sign_in(http)
    told = ""
    if all(renderer.catalogue.has(error.text) for renderer in door.renderers.values()):  # else it was written for programs
        told = door.renderers[_language(door, http)].catalogue.say(error.text, **error.places)
    return _error_page(door, http, error.status, told, error.retry_after_s)


async def _broken(door: _Door, http: HttpRequest, error: Exception) -> Response:
    response = _error_page(door, http, 500, "", None)
    response.headers.update(HEADERS | {"Cache-Control": "no-store"})
    return response


def _error_page(door: _Door, http: HttpRequest, status: int, told: str, retry_after_s: int | None) -> Response:
    values = {"status": status, "title": TITLES.get(status, OTHER_TITLE), "told": told, "hint": HINTS.get(status, OTHER_HINT)}
    headers = {"Retry-After": str(retry_after_s)} if retry_after_s else {}
    template = "web/problem.html"
    if _target(http) is not None:
        template, headers = "web/problem_notice.html", headers | {"HX-Retarget": "#notice", "HX-Reswap": "innerHTML"}
    return _render(door, http, Shown(template, values, status), _known(door, http), headers)


def _known(door: _Door, http: HttpRequest) -> Actor | None:
    """Who is signed in, for a page that is shown either way."""
    try:
        return door.house.verify(http.cookies.get(SESSION, ""))
    except Unauthenticated:
        return None


def _to_sign_in(http: HttpRequest) -> Response:
    here = http.url.path + (f"?{http.url.query}" if http.url.query else "")
    address = "/sign-in" if here == "/" else f"/sign-in?{urlencode({'next': here})}"
    if "HX-Request" in http.headers:
        return Response(status_code=401, headers={"HX-Redirect": address})
    response = RedirectResponse(address, status_code=303)
    if SESSION in http.cookies:
        response.delete_cookie(SESSION, httponly=True, samesite="strict", path="/")
    return response

