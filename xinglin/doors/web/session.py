"""Signing in and out, and the choice of language. The session is the token itself, in a cookie no script can read."""

from __future__ import annotations

from starlette.requests import Request as HttpRequest
from starlette.responses import RedirectResponse, Response

from xinglin.base.errors import Unauthenticated
from xinglin.doors.web.door import LANGUAGE, SESSION, Door, keep, render
from xinglin.doors.web.guards import own_address, require_same_origin
from xinglin.kit.i18n import LANGUAGES
from xinglin.kit.pages import Shown

FORM_FIELDS_MAX = 20


async def show_sign_in(door: Door, http: HttpRequest) -> Response:
    """The page that asks for a token; `next` is where to go after."""
    return render(door, http, Shown("web/sign_in.html", {"next": own_address(http.query_params.get("next", "/")), "refused": False}), None)


async def sign_in(door: Door, http: HttpRequest) -> Response:
    """Takes the token into a cookie (HttpOnly, SameSite=Strict), or asks again."""
    require_same_origin(http.headers)
    form = await http.form(max_fields=FORM_FIELDS_MAX)
    onward = own_address(str(form.get("next", "/")))
    token = str(form.get("token", "")).strip()
    try:
        door.house.verify(token)
    except Unauthenticated:
        return render(door, http, Shown("web/sign_in.html", {"next": onward, "refused": True}, 401), None)
    response = RedirectResponse(onward, status_code=303)
    response.set_cookie(SESSION, token, httponly=True, samesite="strict", secure=http.url.scheme == "https", path="/")
    return response


async def sign_out(_door: Door, http: HttpRequest) -> Response:
    """Forgets the token."""
    require_same_origin(http.headers)
    response = RedirectResponse("/sign-in", status_code=303)
    response.delete_cookie(SESSION, httponly=True, samesite="strict", path="/")
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
