"""The steps of a sign-in as addresses: where a session that waits for something goes next, and a step's page shown or refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request as HttpRequest
from starlette.responses import RedirectResponse, Response

from xinglin.access.accounts import Live
from xinglin.access.accounts.factors import Site
from xinglin.access.accounts.model import Stage
from xinglin.base.errors import Gone, NotFound, Unauthenticated, XinglinError
from xinglin.doors.web.door import WORKSPACE, Door, keep, render
from xinglin.doors.web.guards import own_address, require_same_origin
from xinglin.doors.web.recognition import known_live, live_of
from xinglin.doors.web.session import FORM_FIELDS_MAX, hold
from xinglin.kit.coding import codes_of
from xinglin.kit.i18n import Phrase
from xinglin.kit.pages import Shown
from xinglin.kit.workspaces import INSTITUTION_KIND, beginning

ADDRESSES: Mapping[Stage, str] = {
    "factor": "/sign-in/factor",
    "password": "/sign-in/password",
    "enrolment": "/sign-in/enrolment",
    "identity": "/sign-in/identity",
    "hat": "/sign-in/hat",
}


def at(http: HttpRequest, *stages: Stage) -> Live:
    """The request's session, if it is at one of these stages. Raises `Unauthenticated`, which leads to the stage it is at."""
    live = live_of(http)
    if live.session.stage not in stages:
        raise Unauthenticated("Please sign in to continue.")
    return live


async def form_of(http: HttpRequest) -> Mapping[str, str]:
    """The texts of a form of our own. Raises `Forbidden` when it comes from another site."""
    require_same_origin(http.headers)
    form = await http.form(max_fields=FORM_FIELDS_MAX, max_files=0)
    return {name: value for name, value in form.items() if isinstance(value, str)}


def next_of(http: HttpRequest, form: Mapping[str, str] | None = None) -> str:
    """Where the person wanted to go, on this site."""
    return own_address((form or {}).get("next") or http.query_params.get("next", "/"))


def with_next(path: str, onward: str, **query: str) -> str:
    """A step's address that remembers where to go after."""
    told = query | ({"next": onward} if onward != "/" else {})
    return f"{path}?{urlencode(told)}" if told else path


async def go_on(door: Door, http: HttpRequest, secret: str, onward: str) -> Response:
    """To the session's next step, or where the person wanted to go; the cookie holds the new secret. A hat just put on chooses where."""
    live, former = await door.house.gate.entrance.sessions.find(secret, door.house.now()), known_live(http)
    step = ADDRESSES.get(live.session.stage)
    response = hold(door, http, RedirectResponse(with_next(step, onward) if step else onward, status_code=303), secret)
    worn = live.session.hat if live.session.stage == "open" else None
    if worn and (former is None or former.session.stage != "open" or former.session.hat != worn):
        keep(response, http, WORKSPACE, beginning(worn.role, await _kinds(door, live)))
    return response


async def _kinds(door: Door, live: Live) -> Sequence[str]:
    """The kinds of the institution a session's hat works for, by its Organization; none when it has none."""
    units = live.session.hat.units if live.session.hat else ()
    house = next((one for one in units if one.startswith("Organization/")), "")
    try:
        records = await door.house.records(live.session.actor(live.id))
        found = (await records.read("Organization", house.partition("/")[2])).resource() if house else {}
    except (NotFound, Gone):
        return ()
    return [code for concept in found.get("type", ()) for system, code in codes_of(concept) if system == INSTITUTION_KIND]


def show(door: Door, http: HttpRequest, page: str, values: Mapping[str, object], refused: XinglinError | None = None) -> Response:
    """A step's page; after a refusal with the reason in it."""
    told = Phrase(refused.text, tuple(refused.places.items())) if refused else None
    headers = {"Retry-After": str(refused.retry_after_s)} if refused and refused.retry_after_s else None
    shown = Shown(f"web/{page}.html", {"refused": told, **values}, refused.status if refused else 200)
    return render(door, http, shown, None, headers)


def site_of(door: Door, http: HttpRequest) -> Site:
    """Where the browser stands, for passkeys: by the public address, else by the request."""
    parts = urlsplit(door.house.gate.public_url or f"{http.url.scheme}://{http.headers.get('host', '')}")
    return Site(parts.hostname or "", f"{parts.scheme}://{parts.netloc}")
