"""The session's cookie, set and forgotten; signing out; and the choice of language."""

from __future__ import annotations

from starlette.requests import Request as HttpRequest
from starlette.responses import RedirectResponse, Response

from xinglin.access.accounts.entrance import Origin
from xinglin.doors.web.door import LANGUAGE, Door, keep
from xinglin.doors.web.guards import own_address, require_same_origin
from xinglin.doors.web.recognition import SAFE_SESSION, SESSION, is_safe, secret_of
from xinglin.kit.i18n import LANGUAGES

FORM_FIELDS_MAX = 20


def origin_of(http: HttpRequest) -> Origin:
    """Where a request comes from."""
    return Origin(http.client.host if http.client else None, http.headers.get("user-agent", ""))


def hold(door: Door, http: HttpRequest, response: Response, secret: str) -> Response:
    """Put a session's secret into the cookie: HttpOnly, gone with the browser; SameSite=Lax, as applications launch from other sites."""
    safe = is_safe(door.house.gate, http)
    response.set_cookie(SAFE_SESSION if safe else SESSION, secret, httponly=True, samesite="lax", secure=safe, path="/")
    return response


def forget(door: Door, http: HttpRequest, response: Response) -> Response:
    """Take the cookie away."""
    safe = is_safe(door.house.gate, http)
    response.delete_cookie(SAFE_SESSION if safe else SESSION, httponly=True, samesite="lax", secure=safe, path="/")
    return response


async def sign_out(door: Door, http: HttpRequest) -> Response:
    """Ends the session."""
    require_same_origin(http.headers)
    await door.house.gate.entrance.sign_out(secret_of(door.house.gate, http), origin_of(http), door.house.now())
    response = forget(door, http, RedirectResponse("/sign-in", status_code=303))
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


async def choose_language(_door: Door, http: HttpRequest) -> Response:
    """Keeps the language for a year and goes back to the page it was chosen on."""
    require_same_origin(http.headers)
    form = await http.form(max_fields=FORM_FIELDS_MAX)
    response = RedirectResponse(own_address(str(form.get("next", "/"))), status_code=303)
    if str(form.get("language")) in LANGUAGES:
        keep(response, http, LANGUAGE, str(form["language"]))
    return response
