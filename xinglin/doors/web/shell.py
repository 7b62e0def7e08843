"""What the frame around every page does by itself: numbers in the bar, a whole identity number on request, prints noted, elder mode, me."""

from __future__ import annotations

from asyncio import gather
from functools import partial

from starlette.requests import Request as HttpRequest
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match, Route

from xinglin.access.policy import require
from xinglin.base.errors import NotFound, Unauthenticated
from xinglin.doors.web.door import ELDER, Door, asked, keep, note, render, unit_of
from xinglin.doors.web.guards import own_address, require_same_origin
from xinglin.kit.capability import may_open
from xinglin.kit.pages import Shown
from xinglin.kit.person import name_of, number_of

FORM_FIELDS_MAX = 10


def routes(door: Door) -> list[Route]:
    """The addresses of the frame itself."""
    rooms = door.house.capabilities.values()
    pages = [Route(page.path, _nowhere, name=next(iter(page.reads), "")) for room in rooms for page in room.pages if page.method == "GET"]
    return [
        Route("/signals", partial(_show_signals, door)),
        Route("/number/{id}", partial(_show_number, door), methods=["POST"]),
        Route("/printed", partial(_note_print, door, pages), methods=["POST"]),
        Route("/elder", partial(_choose_elder, door), methods=["POST"]),
        Route("/me", partial(_show_me, door)),
    ]


async def _show_signals(door: Door, http: HttpRequest) -> Response:
    """The numbers in the bar. Asked by a clock, not by a person: it opens nothing, so it leaves no row, and an ended session is no page."""
    try:
        unit = await unit_of(door, http)
    except Unauthenticated:
        return Response(status_code=204)
    request = await asked(door, http, unit)
    shown = [one for room in request.rooms for one in room.signals if may_open(unit.actor, room, one.href)]
    counts = await gather(*(one.count(unit, request) for one in shown))
    return render(door, http, Shown("web/signals.html", {"counted": list(zip(shown, counts, strict=True))}), unit.actor)


async def _show_number(door: Door, http: HttpRequest) -> Response:
    """A resident's whole identity number, for who may read them; each look leaves a row of its own."""
    require_same_origin(http.headers)
    unit, id_ = await unit_of(door, http), http.path_params["id"]
    require(unit.actor, "read", "Patient")
    patient = (await unit.store.read("Patient", id_)).resource()
    values = {"id": id_, "name": name_of(patient), "number": number_of(patient)}
    response = render(door, http, Shown("web/number.html", values), unit.actor)
    note(door, http, unit.actor, ("Patient", id_), response.status_code, records=unit.store, interaction="reveal")
    return response


async def _note_print(door: Door, pages: list[Route], http: HttpRequest) -> Response:
    """A page was sent to a printer: who, when, which page, about whom."""
    require_same_origin(http.headers)
    unit = await unit_of(door, http)
    form = await http.form(max_fields=FORM_FIELDS_MAX)
    address = own_address(str(form.get("page", "/")))
    type_, id_ = _about(pages, address.partition("?")[0])
    if type_ == "Patient" and id_:
        await unit.store.read(type_, id_)
    note(door, http, unit.actor, (type_, id_), 204, records=unit.store, interaction="print", page=address)
    return Response(status_code=204)


def _about(pages: list[Route], path: str) -> tuple[str | None, str | None]:
    """The FHIR type and id the page at a path is about."""
    for page in pages:
        match, found = page.matches({"type": "http", "method": "GET", "path": path, "root_path": ""})
        if match is Match.FULL:
            return page.name or None, found["path_params"].get("id")
    return None, None


async def _choose_elder(_door: Door, http: HttpRequest) -> Response:
    """Larger letters, more room, stronger contrast on the same pages; kept in this browser."""
    require_same_origin(http.headers)
    form = await http.form(max_fields=FORM_FIELDS_MAX)
    response = RedirectResponse(own_address(str(form.get("next", "/"))), status_code=303)
    keep(response, http, ELDER, "1" if form.get("elder") == "1" else "0")
    return response


async def _show_me(door: Door, http: HttpRequest) -> Response:
    """Who is signed in, and how they like their pages."""
    unit = await unit_of(door, http)
    response = render(door, http, Shown("web/me.html"), unit.actor)
    note(door, http, unit.actor, (None, None), response.status_code)
    return response


async def _nowhere(_http: HttpRequest) -> Response:
    raise NotFound("There is no page at this address.")
