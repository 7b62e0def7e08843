"""Errors as pages: what went wrong in the person's language and what to do next; a notice in place for an htmx request."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request as HttpRequest
from starlette.responses import RedirectResponse, Response

from xinglin.access.accounts import StepUp
from xinglin.base.errors import Unauthenticated, XinglinError
from xinglin.doors.web.door import Door, here, known_actor, language_of, render, target_of
from xinglin.doors.web.guards import HEADERS, own_address
from xinglin.kit.i18n import Phrase, t
from xinglin.kit.pages import Shown

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


async def problem(door: Door, http: HttpRequest, error: Exception) -> Response:
    """An error of the house as a page; not signed in leads to the sign-in page and back."""
    assert isinstance(error, XinglinError)
    if isinstance(error, Unauthenticated):
        return _to_sign_in(http, error)
    told = ""
    if all(renderer.catalogue.has(error.text) for renderer in door.renderers.values()):  # else it was written for programs
        told = door.renderers[language_of(door, http)].catalogue.say(error.text, **error.places)
    return _error_page(door, http, error.status, told, error.retry_after_s)


async def broken(door: Door, http: HttpRequest, _error: Exception) -> Response:
    """A mistake of ours: nothing of it is shown, the server logs it."""
    response = _error_page(door, http, 500, "", None)
    response.headers.update(HEADERS | {"Cache-Control": "no-store"})
    return response


def _error_page(door: Door, http: HttpRequest, status: int, told: str, retry_after_s: int | None) -> Response:
    values = {"status": status, "title": TITLES.get(status, OTHER_TITLE), "told": told, "hint": HINTS.get(status, OTHER_HINT)}
    headers = {"Retry-After": str(retry_after_s)} if retry_after_s else {}
    template = "web/problem.html"
    if target_of(http) is not None:
        template, headers = "web/problem_notice.html", headers | {"HX-Retarget": "#notice", "HX-Reswap": "innerHTML"}
    return render(door, http, Shown(template, values, status), known_actor(http), headers)


def _to_sign_in(http: HttpRequest, error: Unauthenticated) -> Response:
    step = "/sign-in/again" if isinstance(error, StepUp) else "/sign-in"
    wanted = here(http) if http.method == "GET" else _page_before(http)
    address = step if wanted == "/" else f"{step}?{urlencode({'next': wanted})}"
    if "HX-Request" in http.headers:
        return Response(status_code=401, headers={"HX-Redirect": address})
    return RedirectResponse(address, status_code=303)


def _page_before(http: HttpRequest) -> str:
    """The page of ours a form was on; what was typed into it is gone, the way back is not."""
    page = urlsplit(http.headers.get("referer", ""))
    ours = page.netloc == http.headers.get("host")
    return own_address(page.path + (f"?{page.query}" if page.query else "")) if ours and page.path else "/"
