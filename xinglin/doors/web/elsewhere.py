"""Signing in through another provider: there and back. The browser keeps a secret meanwhile, so that nobody else can come back for it."""

from __future__ import annotations

from functools import partial

from starlette.requests import Request as HttpRequest
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from xinglin.access.oauth.providers import UNDER_WAY_S, Elsewhere
from xinglin.base.errors import XinglinError
from xinglin.doors.web.door import Door
from xinglin.doors.web.gate import Provider
from xinglin.doors.web.session import origin_of
from xinglin.doors.web.steps import go_on, next_of, show, site_of

COOKIE = "xinglin_elsewhere"


def routes(door: Door) -> list[Route]:
    """The two addresses, when there are providers."""
    if door.house.elsewhere is None:
        return []
    return [
        Route("/sign-in/with/{name}", partial(_leave, door, door.house.elsewhere), methods=["GET"]),
        Route("/sign-in/from/{name}", partial(_come_back, door, door.house.elsewhere), methods=["GET"]),
    ]


def offered(elsewhere: Elsewhere) -> tuple[Provider, ...]:
    """What the sign-in page shows."""
    return tuple(Provider(one.title, f"/sign-in/with/{one.name}") for one in elsewhere.providers)


async def _leave(door: Door, elsewhere: Elsewhere, http: HttpRequest) -> Response:
    """To the provider."""
    site, now = site_of(door, http).origin, door.house.now()
    try:
        begun = await elsewhere.begin(http.path_params["name"], site, next_of(http), now)
    except XinglinError as refused:
        return _refused(door, http, next_of(http), refused)
    response = RedirectResponse(begun.address, status_code=303, headers={"Referrer-Policy": "no-referrer"})
    secure = site.startswith("https:")
    response.set_cookie(COOKIE, begun.browser, max_age=UNDER_WAY_S, httponly=True, samesite="lax", secure=secure, path="/sign-in/from")
    return response


async def _come_back(door: Door, elsewhere: Elsewhere, http: HttpRequest) -> Response:
    """From the provider: a session, or the sign-in page with the reason."""
    entrance, now = door.house.gate.entrance, door.house.now()
    name, site, browser = http.path_params["name"], site_of(door, http).origin, http.cookies.get(COOKIE, "")
    try:
        secret, onward = await elsewhere.finish(entrance, name, dict(http.query_params), browser, site, origin_of(http), now)
    except XinglinError as refused:
        return _refused(door, http, "/", refused)
    response = await go_on(door, http, secret, onward)
    response.delete_cookie(COOKIE, path="/sign-in/from")
    return response


def _refused(door: Door, http: HttpRequest, onward: str, refused: XinglinError) -> Response:
    gate = door.house.gate
    return show(door, http, "sign_in", {"next": onward, "login": "", "demo": gate.demo, "providers": gate.providers}, refused)
