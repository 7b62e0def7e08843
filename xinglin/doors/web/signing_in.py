"""Signing in: staff by name and password, residents by a code to their telephone, then the steps the session still waits for."""

from __future__ import annotations

from functools import partial

from starlette.requests import Request as HttpRequest
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from xinglin.access.accounts import telephone
from xinglin.base.errors import XinglinError
from xinglin.doors.web.door import Door, language_of
from xinglin.doors.web.recognition import known_live, live_of
from xinglin.doors.web.session import origin_of
from xinglin.doors.web.steps import ADDRESSES, at, form_of, go_on, next_of, show, with_next
from xinglin.kit.i18n import t
from xinglin.kit.workspaces import ROLE_TITLES


def routes(door: Door) -> list[Route]:
    """The addresses of signing in, but for the second factor."""
    return [
        Route("/sign-in", partial(_show_sign_in, door), methods=["GET"]),
        Route("/sign-in", partial(_sign_in, door), methods=["POST"]),
        Route("/sign-in/telephone", partial(_show_telephone, door), methods=["GET"]),
        Route("/sign-in/telephone", partial(_send_code, door), methods=["POST"]),
        Route("/sign-in/code", partial(_show_code, door), methods=["GET"]),
        Route("/sign-in/code", partial(_give_code, door), methods=["POST"]),
        Route("/sign-in/identity", partial(_show_identity, door), methods=["GET"]),
        Route("/sign-in/identity", partial(_prove_identity, door), methods=["POST"]),
        Route("/sign-in/password", partial(_show_password, door), methods=["GET"]),
        Route("/sign-in/password", partial(_change_password, door), methods=["POST"]),
        Route("/sign-in/hat", partial(_show_hats, door), methods=["GET"]),
        Route("/hat", partial(_choose_hat, door), methods=["POST"]),
        Route("/sign-in/ward", partial(_show_wards, door), methods=["GET"]),
        Route("/ward", partial(_choose_ward, door), methods=["POST"]),
    ]


async def _show_sign_in(door: Door, http: HttpRequest) -> Response:
    """The ways in; who is half way in goes on with their step."""
    live, onward = known_live(http), next_of(http)
    if live and (step := ADDRESSES.get(live.session.stage)) and "anew" not in http.query_params:
        return RedirectResponse(with_next(step, onward), status_code=303)
    return _ways(door, http, onward)


def _ways(door: Door, http: HttpRequest, onward: str, login: str = "", refused: XinglinError | None = None) -> Response:
    gate = door.house.gate
    return show(door, http, "sign_in", {"next": onward, "login": login, "demo": gate.demo, "providers": gate.providers}, refused)


async def _sign_in(door: Door, http: HttpRequest) -> Response:
    """Takes name and password; the next step, or the form again with the reason."""
    form = await form_of(http)
    onward, login, password = next_of(http, form), form.get("login", ""), form.get("password", "")
    try:
        secret = await door.house.gate.entrance.by_password(login, password, origin_of(http), door.house.now())
    except XinglinError as refused:
        return _ways(door, http, onward, login, refused)
    return await go_on(door, http, secret, onward)


async def _show_telephone(door: Door, http: HttpRequest) -> Response:
    return show(door, http, "telephone", {"next": next_of(http), "phone": ""})


async def _send_code(door: Door, http: HttpRequest) -> Response:
    """Sends a code and asks for it."""
    form = await form_of(http)
    onward, phone = next_of(http, form), form.get("phone", "")
    try:
        id_ = await send_code(door, http, phone)
    except XinglinError as refused:
        return show(door, http, "telephone", {"next": onward, "phone": phone[:40]}, refused)
    return RedirectResponse(with_next("/sign-in/code", onward, id=id_), status_code=303)


async def send_code(door: Door, http: HttpRequest, phone: str) -> str:
    """Send a code in the person's language; the id of the request."""
    say = door.renderers[language_of(door, http)].catalogue.say

    def told(code: str) -> str:
        words = t("[Xinglin] Your code is {code}. It is good for {minutes} minutes. Give it to nobody.")
        return say(words, code=code, minutes=telephone.CODE_MINUTES)

    return await door.house.gate.codes.ask(phone, told, origin_of(http), door.house.now())


async def _show_code(door: Door, http: HttpRequest) -> Response:
    return _code(door, http, http.query_params.get("id", ""), next_of(http))


def _code(door: Door, http: HttpRequest, id_: str, onward: str, refused: XinglinError | None = None) -> Response:
    return show(door, http, "code", {"next": onward, "id": id_[:100], "simulated": door.house.gate.messages is not None}, refused)


async def _give_code(door: Door, http: HttpRequest) -> Response:
    """Takes the code."""
    form = await form_of(http)
    gate, onward, id_ = door.house.gate, next_of(http, form), form.get("id", "")
    try:
        secret = await telephone.by_telephone(gate.entrance, gate.codes, id_, form.get("code", ""), origin_of(http), door.house.now())
    except XinglinError as refused:
        return _code(door, http, id_, onward, refused)
    return await go_on(door, http, secret, onward)


async def _show_identity(door: Door, http: HttpRequest) -> Response:
    at(http, "identity")
    return show(door, http, "identity", {"next": next_of(http), "name": "", "number": ""})


async def _prove_identity(door: Door, http: HttpRequest) -> Response:
    """Compares number and name."""
    form = await form_of(http)
    live, gate, onward = live_of(http), door.house.gate, next_of(http, form)
    number, name = form.get("number", "")[:40], form.get("name", "")[:80]
    try:
        secret = await telephone.prove_identity(gate.entrance, gate.match, live, number, name, origin_of(http), door.house.now())
    except XinglinError as refused:
        return show(door, http, "identity", {"next": onward, "name": name, "number": number}, refused)
    return await go_on(door, http, secret, onward)


async def _show_password(door: Door, http: HttpRequest) -> Response:
    live = at(http, "password", "open")
    return show(door, http, "password", {"next": next_of(http), "due": live.session.stage == "password", "differ": False})


async def _change_password(door: Door, http: HttpRequest) -> Response:
    """Takes the present password and the new one twice."""
    form = await form_of(http)
    live, onward = at(http, "password", "open"), next_of(http, form)
    new = form.get("new", "")
    values = {"next": onward, "due": live.session.stage == "password", "differ": new != form.get("again", "")}
    if values["differ"]:
        return show(door, http, "password", values)
    try:
        entrance = door.house.gate.entrance
        secret = await entrance.change_password(live, form.get("present", ""), new, origin_of(http), door.house.now())
    except XinglinError as refused:
        return show(door, http, "password", values, refused)
    return await go_on(door, http, secret, onward)


async def _show_hats(door: Door, http: HttpRequest) -> Response:
    live = at(http, "hat", "open")
    return show(door, http, "hat", {"next": next_of(http), "hats": live.session.hats, "hat": live.session.hat, "titles": ROLE_TITLES})


async def _choose_hat(door: Door, http: HttpRequest) -> Response:
    """Puts on a hat, at sign-in or later; the session gets a new secret."""
    form = await form_of(http)
    live = at(http, "hat", "open")
    secret = await door.house.gate.entrance.choose_hat(live, form.get("hat", ""), origin_of(http), door.house.now())
    return await go_on(door, http, secret, "/" if live.session.stage == "open" else next_of(http, form))


async def _show_wards(door: Door, http: HttpRequest) -> Response:
    live = at(http, "open")
    wards = await door.house.gate.entrance.wards(live.session.actor(live.id), door.house.now())
    return show(door, http, "ward", {"next": next_of(http), "wards": wards, "ward": live.session.ward, "own": live.session.name})


async def _choose_ward(door: Door, http: HttpRequest) -> Response:
    """Acts for a ward, or for oneself again."""
    form = await form_of(http)
    secret = await door.house.gate.entrance.choose_ward(at(http, "open"), form.get("ward", ""), origin_of(http), door.house.now())
    return await go_on(door, http, secret, next_of(http, form))
