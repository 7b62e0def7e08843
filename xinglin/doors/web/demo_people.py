"""The demo's people: a page of personas, each signed in by one click, and the SMS simulator's messages. Only there when the demo is on."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from xinglin.access.accounts import personas
from xinglin.base.clock import instant
from xinglin.base.errors import NotFound
from xinglin.doors.web.door import Door
from xinglin.doors.web.session import origin_of
from xinglin.doors.web.steps import form_of, go_on, next_of, show
from xinglin.kit.gateways.sms import code_in
from xinglin.kit.i18n import Phrase, t
from xinglin.kit.workspaces import ROLE_TITLES

GROUPS: Mapping[str, Phrase] = {
    "clinic": t("Primary care"),
    "hospital": t("Hospital"),
    "county": t("County"),
    "platform": t("Platform"),
    "resident": t("Residents of the county"),
}

def routes(door: Door) -> list[Route]:
    """The demo's addresses; none when it is off."""
    if not door.house.gate.demo:
        return []
    return [
        Route("/demo/people", partial(_show_people, door), methods=["GET"]),
        Route("/demo/people", partial(_sign_in, door), methods=["POST"]),
        Route("/demo/messages", partial(_show_messages, door), methods=["GET"]),
    ]


async def _show_people(door: Door, http: HttpRequest) -> Response:
    accounts = {one.persona: one for one in await door.house.gate.entrance.register.personas(door.house.now())}
    people = [(one, accounts[one.key]) for one in personas.CAST if one.key in accounts]
    groups = [(group, [pair for pair in people if pair[0].group == group]) for group in dict.fromkeys(one.group for one, _ in people)]
    return show(door, http, "people", {"groups": groups, "titles": ROLE_TITLES, "titles_of_groups": GROUPS, "next": next_of(http)})


async def _sign_in(door: Door, http: HttpRequest) -> Response:
    """One click and in."""
    form = await form_of(http)
    secret = await door.house.gate.entrance.by_persona(form.get("persona", ""), origin_of(http), door.house.now())
    return await go_on(door, http, secret, next_of(http, form))


async def _show_messages(door: Door, http: HttpRequest) -> Response:
    if door.house.gate.messages is None:
        raise NotFound("There is no page at this address.")
    messages = await door.house.gate.messages(door.house.now())
    return show(door, http, "messages", {"messages": [(one, instant(one.at), code_in(one.text)) for one in messages]})
