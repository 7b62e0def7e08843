"""Pages: the administrator's list, the question whether an application is let in, what somebody let in, and starting one."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

from xinglin.access.oauth.asking import Asked, deny
from xinglin.access.oauth.refusal import Refused
from xinglin.base.errors import Forbidden, Invalid, Malformed, NotFound
from xinglin.capabilities.applications import actions, queries, rules
from xinglin.kit.pages import Away, Moved, Request, Shown
from xinglin.kit.person import Person
from xinglin.kit.unit import Unit

QUERY_CHARACTERS_MAX = 16_000
_EMPTY = {"name": "", "auth": "none", "redirects": "", "scopes": "", "launch": "", "home": "", "keys": "", "keys_url": "", "role": ""}
_SUGGESTED = "openid fhirUser launch launch/patient patient/*.rs"


# --- the administrator ---


async def show_list(unit: Unit, _request: Request) -> Shown:
    """Every registered application."""
    return Shown("applications/list.html", {"applications": await queries.registered(unit)})


async def show_form(_unit: Unit, _request: Request) -> Shown:
    """The form for a new one."""
    return _form(_EMPTY | {"scopes": _SUGGESTED}, None)


async def register(unit: Unit, request: Request) -> Shown:
    """Register it and show its id and secret, this once; or the form again with what to mend."""
    try:
        client, secret = await actions.register(unit, request.form)
    except Malformed as wrong:
        return _form(_EMPTY | dict(request.form), wrong)
    return Shown("applications/registered.html", {"client": client, "secret": secret, "name": request.form.get("name", "")})


async def show_one(unit: Unit, request: Request) -> Shown:
    """One application: what it is registered for."""
    found = await queries.one(unit, request.path["client"])
    values = {"found": found, "auth": rules.AUTHS[found.application.auth], "role": rules.ROLES[found.application.role]}
    return Shown("applications/one.html", values | {"wishes": rules.wishes(found.application.scopes)})


async def stop(unit: Unit, request: Request) -> Moved:
    """Stop it: it gets nothing any more, and what it has counts no longer."""
    await actions.set_disabled(unit, request.path["client"], disabled=True)
    return Moved(f"/applications/{request.path['client']}")


async def let_again(unit: Unit, request: Request) -> Moved:
    """Let it ask again."""
    await actions.set_disabled(unit, request.path["client"], disabled=False)
    return Moved(f"/applications/{request.path['client']}")


def _form(values: Mapping[str, str], wrong: Malformed | None) -> Shown:
    told = {"text": wrong.text, "places": wrong.places} if wrong else None
    shown = {"values": values, "wrong": told, "auths": rules.AUTHS, "roles": rules.ROLES}
    return Shown("applications/form.html", shown, 422 if wrong else 200)


# --- the question ---


async def ask(unit: Unit, request: Request) -> Shown | Away:
    """What the application is, what it will see, for whom, how long; allow or deny (OAuth authorization endpoint)."""
    try:
        asked = await actions.read_request(unit, request.query, request.site)
    except Refused as refused:
        return _back(refused)
    return await _question(unit, request, asked, {name: value for name, value in request.query.items() if name not in _OURS})


_OURS = ("resident", "find")
"""What our own page adds to the address while a resident is being chosen."""


async def _question(unit: Unit, request: Request, asked: Asked, query: Mapping[str, str]) -> Shown:
    chosen = await _chosen(unit, request, asked)
    typed = request.query.get("find", "").strip()[:100]
    choosing = asked.wants_patient and chosen is None
    values: dict[str, object] = {
        "application": asked.client.application,
        "wishes": rules.wishes(asked.scopes),
        "about": rules.about(asked.scopes),
        "lasts": rules.lasts(asked.scopes),
        "chosen": chosen,
        "choosing": choosing,
        "may_change": asked.wants_patient and not rules.own_patient(unit.actor),
        "people": await queries.people(unit, typed, request.timezone) if choosing else [],
        "typed": typed,
        "query": query,
        "asked": urlencode(query),
        "here": f"/oauth/authorize?{urlencode(query)}",
    }
    return Shown("applications/question.html", values, leads_to=(asked.redirect,))


async def _chosen(unit: Unit, request: Request, asked: Asked) -> Person | None:
    """Whom it will be about, as far as that is known."""
    launched = asked.launch.patient if asked.launch else ""
    wanted = request.query.get("resident", "") or rules.own_patient(unit.actor)
    patient = launched or (wanted if asked.wants_patient else "")
    return await queries.person(unit, patient, request.timezone) if patient else None


async def answer(unit: Unit, request: Request) -> Away:
    """The person's answer: back to the application with a code, or with their no."""
    query = dict(parse_qsl(request.form.get("asked", "")[:QUERY_CHARACTERS_MAX], keep_blank_values=True))
    try:
        asked = await actions.read_request(unit, query, request.site)
    except Refused as refused:
        return _back(refused)
    if request.form.get("answer") != "allow":
        return Away(deny(asked))
    patient = rules.own_patient(unit.actor) or request.form.get("resident", "") if asked.wants_patient else ""
    if asked.wants_patient and not patient:
        raise Invalid("Choose the resident it is about first.")
    return Away(await actions.allow(unit, asked, patient))


def _back(refused: Refused) -> Away:
    """To the application with its mistake; a mistake about who it is or where it lives is told here and goes nowhere."""
    if not refused.to:
        raise Forbidden("This application is not registered here, or not with the address it wants you sent to.") from refused
    return Away(refused.to)


# --- what somebody let in, and starting one ---


async def show_allowed(unit: Unit, request: Request) -> Shown:
    """The applications the person gave access."""
    return Shown("applications/allowed.html", {"allowed": await queries.allowed(unit, request.timezone)})


async def take_back(unit: Unit, request: Request) -> Moved:
    """End one permission."""
    await actions.take_back(unit, request.path["grant"])
    return Moved("/applications/granted")


async def show_startable(unit: Unit, request: Request) -> Shown:
    """The applications that can be started about a resident (`patient`), perhaps about a visit (`encounter`)."""
    patient, encounter = request.query.get("patient", ""), request.query.get("encounter", "")
    if not patient:
        raise NotFound("Open a resident first, then start an application about them.")
    about = await queries.person(unit, patient, request.timezone)
    found = await queries.startable(unit)
    values = {"about": about, "encounter": encounter, "startable": found}
    return Shown("applications/startable.html", values, leads_to=tuple(one.application.launch for one in found))


async def start(unit: Unit, request: Request) -> Away:
    """Start one: the browser goes to the application with an opaque launch."""
    form = request.form
    return Away(await actions.start(unit, request.path["client"], form.get("patient", ""), form.get("encounter", ""), request.site))
