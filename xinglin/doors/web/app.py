"""The Starlette application: each capability's pages behind a session, a home for each workspace, sign-in, static files."""

from __future__ import annotations

from asyncio import gather
from functools import partial

from markupsafe import Markup
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request as HttpRequest
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route

from xinglin.access.policy import require
from xinglin.base.errors import Forbidden, NotFound, XinglinError
from xinglin.doors.web import demo_people, elsewhere, finding, problems, second_factor, session, shell, signing_in
from xinglin.doors.web.door import (
    WORKSPACE,
    Door,
    House,
    asked,
    frame,
    keep,
    language_of,
    note,
    open_to,
    render,
    stands_in,
    unit_of,
    within,
    workspace_of,
)
from xinglin.doors.web.files import FOLDER, KeptFiles, static_prefix
from xinglin.doors.web.forms import sending
from xinglin.doors.web.guards import SecurityHeaders, own_address, require_same_origin
from xinglin.doors.web.recognition import Recognition
from xinglin.doors.web.rendering import locale_folders, renderers
from xinglin.kit.i18n import read_catalogues
from xinglin.kit.pages import Away, Download, Moved, Page, Request, Shown
from xinglin.kit.unit import Unit
from xinglin.kit.workspaces import WORKSPACES, Workspace

__all__ = ["House", "web_app"]


def web_app(house: House) -> Starlette:
    """The pages as an ASGI application, to be mounted at `/`."""
    prefix = static_prefix()
    catalogues = read_catalogues(locale_folders(house.folders.values()))
    used = {name for capability in house.capabilities.values() for name in capability.workspaces}
    workspaces = tuple(workspace for workspace in WORKSPACES if workspace.name in used)
    door = Door(house, renderers(catalogues, house.folders, house.timezone, prefix), workspaces)
    return Starlette(
        routes=[
            Mount(prefix, KeptFiles(directory=FOLDER), name="static"),
            Route("/", partial(_start, door)),
            *signing_in.routes(door),
            *second_factor.routes(door),
            *demo_people.routes(door),
            *elsewhere.routes(door),
            Route("/sign-out", partial(session.sign_out, door), methods=["POST"]),
            Route("/language", partial(session.choose_language, door), methods=["POST"]),
            *finding.routes(door),
            *shell.routes(door),
            *(Route(f"/{workspace.name}", partial(_home, door, workspace)) for workspace in workspaces),
            *(_route(door, page) for capability in house.capabilities.values() for page in capability.pages),
            Route("/{path:path}", _nothing, methods=["GET", "POST"]),
        ],
        middleware=[
            Middleware(SecurityHeaders),
            Middleware(GZipMiddleware, minimum_size=1000, compresslevel=5),
            Middleware(Recognition, gate=house.gate, now=house.now, pace=house.pace, refuse=partial(problems.problem, door)),
        ],
        exception_handlers={XinglinError: partial(problems.problem, door), 500: partial(problems.broken, door)},
    )


def _route(door: Door, page: Page) -> Route:
    return Route(page.path, partial(_carry_out, door, page), methods=[page.method])


async def _carry_out(door: Door, page: Page, http: HttpRequest) -> Response:
    unit = await unit_of(door, http)
    about = (page.reads[0] if page.reads else None, http.path_params.get("id"))
    try:
        response = await _answer(door, page, http, unit)
    except XinglinError as refused:
        note(door, http, unit.actor, about, refused.status, records=unit.store)
        raise
    note(door, http, unit.actor, about, response.status_code, records=unit.store)
    return response


async def _answer(door: Door, page: Page, http: HttpRequest, unit: Unit) -> Response:
    if page.roles and unit.actor.role not in page.roles:
        raise Forbidden("This page is not for your role.")
    for kind in page.reads:
        require(unit.actor, "search", kind)
    if page.method == "POST":
        require_same_origin(http.headers)
    answer = await page.handler(unit, await asked(door, http, unit))
    if isinstance(answer, Moved):
        return RedirectResponse(own_address(answer.to), status_code=303)
    if isinstance(answer, Away):
        return Response(status_code=303, headers={"Location": answer.to, "Referrer-Policy": "no-referrer"})
    if isinstance(answer, Download):
        return sending(answer, door.renderers[language_of(door, http)].catalogue.say)
    return render(door, http, answer, unit.actor)


async def _start(door: Door, http: HttpRequest) -> Response:
    workspace = workspace_of(door, http, (await unit_of(door, http)).actor)
    if workspace is None:
        raise NotFound("There is no workspace for your role yet.")
    return RedirectResponse(f"/{workspace.name}", status_code=303)


async def _home(door: Door, workspace: Workspace, http: HttpRequest) -> Response:
    unit = await unit_of(door, http)
    request = await asked(door, http, unit)
    if workspace not in open_to(door, unit.actor):
        raise Forbidden("This page is not for your role.")
    values = await _shown_at_home(door, workspace, http, unit, request)
    response = render(door, http, Shown("web/home.html", values), unit.actor)
    note(door, http, unit.actor, (None, None), response.status_code, records=unit.store)
    keep(response, http, WORKSPACE, workspace.name)
    return response


async def _shown_at_home(door: Door, workspace: Workspace, http: HttpRequest, unit: Unit, request: Request) -> dict[str, object]:
    rooms = within(door, workspace)
    tiles = [tile for room in rooms for tile in room.tiles if stands_in(unit.actor, room, tile, workspace)]
    panels = [panel for room in rooms for panel in room.panels if stands_in(unit.actor, room, panel, workspace)]
    counts, loaded = await gather(
        gather(*(tile.count(unit, request) for tile in tiles)),
        gather(*(panel.load(unit, request) for panel in panels)),
    )
    renderer, around = door.renderers[request.language], frame(door, http, unit.actor)
    drawn = [Markup(renderer.page(panel.template, around | dict(values))) for panel, values in zip(panels, loaded, strict=True)]  # noqa: S704
    return {"tiles": list(zip(tiles, counts, strict=True)), "panels": list(zip(panels, drawn, strict=True))}


async def _nothing(_http: HttpRequest) -> Response:
    raise NotFound("There is no page at this address.")
