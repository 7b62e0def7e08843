"""The second factor on pages: showing it, enrolling it (forced at the first sign-in), and showing it again before a dangerous deed."""

from __future__ import annotations

from functools import partial

from starlette.requests import Request as HttpRequest
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from xinglin.access.accounts import Live, StepUp, factors, proving, telephone
from xinglin.base.errors import XinglinError
from xinglin.doors.web.door import Door
from xinglin.doors.web.recognition import live_of
from xinglin.doors.web.session import hold, origin_of
from xinglin.doors.web.signing_in import send_code
from xinglin.doors.web.steps import at, form_of, go_on, next_of, show, site_of, with_next


def routes(door: Door) -> list[Route]:
    """The addresses of the second factor."""
    return [
        Route("/sign-in/factor", partial(_show_factor, door), methods=["GET"]),
        Route("/sign-in/factor", partial(_give_factor, door), methods=["POST"]),
        Route("/sign-in/enrolment", partial(_show_enrolment, door), methods=["GET"]),
        Route("/sign-in/enrolment", partial(_enrol_generator, door), methods=["POST"]),
        Route("/sign-in/passkey", partial(_show_passkey, door), methods=["GET"]),
        Route("/sign-in/passkey", partial(_enrol_passkey, door), methods=["POST"]),
        Route("/sign-in/again", partial(_show_again, door), methods=["GET"]),
        Route("/sign-in/again", partial(_prove_again, door), methods=["POST"]),
    ]


async def _show_factor(door: Door, http: HttpRequest) -> Response:
    return await _factor(door, http, at(http, "factor"), next_of(http))


async def _factor(door: Door, http: HttpRequest, live: Live, onward: str, refused: XinglinError | None = None) -> Response:
    values = {"next": onward} | await _ways(door, http, live)
    return show(door, http, "factor", values, refused)


async def _ways(door: Door, http: HttpRequest, live: Live) -> dict[str, object]:
    """Which second factors the account has, with what the browser needs to show a passkey."""
    entrance, now = door.house.gate.entrance, door.house.now()
    account = await entrance.register.get(live.session.account, now)
    options = await proving.ask_passkey(entrance, live, site_of(door, http), now) if account.passkeys else ""
    return {"generator": account.totp is not None, "options": options}


async def _give_factor(door: Door, http: HttpRequest) -> Response:
    """Takes a code, or a passkey's answer."""
    form = await form_of(http)
    live, onward = at(http, "factor"), next_of(http, form)
    entrance, origin, now = door.house.gate.entrance, origin_of(http), door.house.now()
    try:
        if answer := form.get("answer"):
            secret = await proving.show_passkey(entrance, live, answer, site_of(door, http), origin, now)
        else:
            secret = await proving.show_code(entrance, live, form.get("code", ""), origin, now)
    except XinglinError as refused:
        return await _factor(door, http, live, onward, refused)
    return await go_on(door, http, secret, onward)


async def _show_enrolment(door: Door, http: HttpRequest) -> Response:
    return await _enrolment(door, http, at(http, "enrolment", "open"), next_of(http))


async def _enrolment(door: Door, http: HttpRequest, live: Live, onward: str, refused: XinglinError | None = None) -> Response:
    entrance, now = door.house.gate.entrance, door.house.now()
    secret = await proving.begin_generator(entrance, live, now)
    account = await entrance.register.get(live.session.account, now)
    uri = factors.enrolment_uri(secret, account.login or account.name)
    spaced = " ".join(secret[n : n + 4] for n in range(0, len(secret), 4))
    values = {"next": onward, "picture": factors.qr_svg(uri), "secret": spaced, "first": live.session.stage == "enrolment"}
    return show(door, http, "enrolment", values, refused)


async def _enrol_generator(door: Door, http: HttpRequest) -> Response:
    """Takes the generator's first code; shows the recovery codes, this once."""
    form = await form_of(http)
    live, onward = at(http, "enrolment", "open"), next_of(http, form)
    entrance, now = door.house.gate.entrance, door.house.now()
    try:
        secret, codes = await proving.enrol_generator(entrance, live, form.get("code", ""), origin_of(http), now)
    except StepUp:
        raise
    except XinglinError as refused:
        return await _enrolment(door, http, live, onward, refused)
    return hold(door, http, show(door, http, "recovery", {"next": onward, "codes": codes}), secret)


async def _show_passkey(door: Door, http: HttpRequest) -> Response:
    return await _passkey(door, http, at(http, "enrolment", "open"), next_of(http))


async def _passkey(door: Door, http: HttpRequest, live: Live, onward: str, refused: XinglinError | None = None) -> Response:
    options = await proving.offer_passkey(door.house.gate.entrance, live, site_of(door, http), door.house.now())
    return show(door, http, "passkey", {"next": onward, "options": options, "first": live.session.stage == "enrolment"}, refused)


async def _enrol_passkey(door: Door, http: HttpRequest) -> Response:
    """Keeps the passkey the browser made."""
    form = await form_of(http)
    live, onward = at(http, "enrolment", "open"), next_of(http, form)
    entrance, site = door.house.gate.entrance, site_of(door, http)
    try:
        answer, name = form.get("answer", ""), form.get("name", "")
        secret = await proving.enrol_passkey(entrance, live, answer, name, site, origin_of(http), door.house.now())
    except StepUp:
        raise
    except XinglinError as refused:
        return await _passkey(door, http, live, onward, refused)
    return await go_on(door, http, secret, onward)


async def _show_again(door: Door, http: HttpRequest) -> Response:
    return await _again(door, http, at(http, "open"), next_of(http), http.query_params.get("id", ""))


async def _again(door: Door, http: HttpRequest, live: Live, onward: str, id_: str, refused: XinglinError | None = None) -> Response:
    kind = live.session.kind
    ways = await _ways(door, http, live) if kind == "staff" else {"generator": False, "options": ""}
    values = {"next": onward, "kind": kind, "id": id_[:100], "simulated": door.house.gate.messages is not None}
    return show(door, http, "again", values | ways, refused)


async def _prove_again(door: Door, http: HttpRequest) -> Response:
    """Takes a code, a passkey's answer, or the wish for a code by telephone; then back to what was to be done."""
    form = await form_of(http)
    live, onward, id_ = at(http, "open"), next_of(http, form), form.get("id", "")
    try:
        if live.session.kind == "resident" and not id_:
            return await _code_to_own_telephone(door, http, live, onward)
        await _prove(door, http, live, form.get("code", ""), form.get("answer", ""), id_)
    except XinglinError as refused:
        return await _again(door, http, live_of(http), onward, id_, refused)
    return RedirectResponse(onward, status_code=303)


async def _prove(door: Door, http: HttpRequest, live: Live, code: str, answer: str, id_: str) -> None:
    gate, origin, now = door.house.gate, origin_of(http), door.house.now()
    if live.session.kind == "resident":
        await telephone.again_by_telephone(gate.entrance, gate.codes, live, id_, code, origin, now)
    elif answer:
        await proving.prove_again_by_passkey(gate.entrance, live, answer, site_of(door, http), origin, now)
    else:
        await proving.prove_again(gate.entrance, live, code, origin, now)


async def _code_to_own_telephone(door: Door, http: HttpRequest, live: Live, onward: str) -> Response:
    account = await door.house.gate.entrance.register.get(live.session.account, door.house.now())
    id_ = await send_code(door, http, account.phone)
    return RedirectResponse(with_next("/sign-in/again", onward, id=id_), status_code=303)
