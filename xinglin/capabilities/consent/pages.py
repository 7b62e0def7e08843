"""The pages of the resident's say, and the desk's page for what was signed on paper."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from urllib.parse import urlencode

from xinglin.access.policy import allowed
from xinglin.base.errors import Conflict, Invalid, Malformed, NotFound
from xinglin.capabilities.consent import actions, queries, rules
from xinglin.capabilities.consent.model import DEEDS, FINAL, GROUNDS, KIND_GROUPS, PURPOSES, STATES, Subject
from xinglin.kit.i18n import Phrase
from xinglin.kit.pages import Moved, Request, Shown
from xinglin.kit.unit import Unit
from xinglin.kit.workspaces import ROLE_TITLES

_WORDS = {"grounds": GROUNDS, "deeds": DEEDS, "states": STATES, "roles": ROLE_TITLES}


async def _mine(unit: Unit, request: Request) -> tuple[Subject, dict[str, object]]:
    """Whose record the page is about, of those the resident may ask about, and what every page of them shows. Raises `NotFound`."""
    family = await queries.subjects(unit)
    asked = request.query.get("of") or request.form.get("of") or family[0].id
    subject = next((one for one in family if one.id == asked), None)
    if subject is None:
        raise NotFound("There is no such record among yours.")
    return subject, {"subject": subject, "family": family, "base": "/my-consent", "desk": False, **_WORDS}


async def _before_me(unit: Unit, request: Request) -> tuple[Subject, dict[str, object]]:
    subject = await queries.subject_at_desk(unit, request.path["id"])
    base = f"/person/{subject.id}/consent"
    return subject, {"subject": subject, "family": [subject], "base": base, "desk": True, **_WORDS}


async def _about(unit: Unit, request: Request) -> tuple[Subject, dict[str, object]]:
    return await (_before_me if "id" in request.path else _mine)(unit, request)


# --- who looked ---


async def show_looks(unit: Unit, request: Request) -> Shown:
    """Who looked at the record, by day, newest first; `who`, `place` and `refused` filter, `before` pages."""
    subject, values = await _mine(unit, request)
    asked = request.query
    before = int(asked["before"]) if asked.get("before", "").isdigit() else None
    wanted = queries.Wanted(asked.get("who", ""), asked.get("place", ""), bool(asked.get("refused")), before)
    found = await queries.looks(unit, subject, wanted, request.timezone)
    days = [(day, list(ones)) for day, ones in groupby(found.entries, key=lambda one: one.day)]
    kept = {"of": subject.id, "who": wanted.account, "place": wanted.place, "refused": "1" if wanted.refused else ""}
    more = _address("/who-looked", **kept, before=str(found.next)) if found.next else None
    filtered = bool(wanted.account or wanted.place or wanted.refused)
    told = {"looks": found, "days": days, "wanted": wanted, "more": more, "filtered": filtered, "later": before is not None}
    return Shown("consent/looks.html", values | told)


async def show_objection_form(unit: Unit, request: Request) -> Shown:
    """The form for an objection to one look."""
    return await _objection_form(unit, request)


async def _objection_form(unit: Unit, request: Request, refused: Phrase | None = None) -> Shown:
    subject, values = await _mine(unit, request)
    act = await queries.act_about(unit, subject, _number(request))
    who = (await queries.people_of(unit.store.store, [act.actor], unit.now))[act.actor]
    told = {"act": act, "at": rules.instant(act.at), "who": who, "what": rules.what_of(act), "grounds": rules.grounds_of(act)}
    typed = {"error": refused, "typed": request.form.get("words", "")}
    return Shown("consent/objecting.html", values | told | typed, 422 if refused else 200)


async def object_to(unit: Unit, request: Request) -> Moved | Shown:
    """Opens a case about a look."""
    subject, _ = await _mine(unit, request)
    try:
        paper = await actions.object_to(unit, subject, _number(request), request.form.get("words", ""))
    except (Malformed, Conflict, Invalid) as refused:
        return await _objection_form(unit, request, _said(refused))
    return Moved(_address(f"/my-objection/{paper.key}", of=subject.id))


def _number(request: Request) -> int:
    if not request.path["n"].isdigit():
        raise NotFound("There is no such look at this record.")
    return int(request.path["n"])


async def show_objections(unit: Unit, request: Request) -> Shown:
    """The cases about looks at the record."""
    subject, values = await _mine(unit, request)
    return Shown("consent/objections.html", values | {"cases": await queries.objections_about(unit, subject), "instant": rules.instant})


async def show_objection(unit: Unit, request: Request) -> Shown:
    """One case with everything said in it."""
    return await _objection(unit, request)


async def _objection(unit: Unit, request: Request, refused: Phrase | None = None) -> Shown:
    subject, values = await _mine(unit, request)
    paper = await queries.objection(unit, subject, request.path["key"])
    told = {"case": paper.value, "key": paper.key, "final": paper.value.state in FINAL, "instant": rules.instant}
    moves = rules.moves_for(paper.value, unit.actor.role)
    typed = {"error": refused, "typed": request.form.get("words", ""), "moves": moves}
    return Shown("consent/objection.html", values | told | typed, 422 if refused else 200)


async def reply(unit: Unit, request: Request) -> Moved | Shown:
    """The resident's reply to an answer."""
    subject, _ = await _mine(unit, request)
    try:
        await actions.reply(unit, subject, request.path["key"], request.form.get("words", ""))
    except (Malformed, Conflict) as refused:
        return await _objection(unit, request, _said(refused))
    return Moved(_address(f"/my-objection/{request.path['key']}", of=subject.id))


# --- who may see it ---


async def show_relationships(unit: Unit, request: Request) -> Shown:
    """Who may see the record now, why, since when and until when."""
    subject, values = await _mine(unit, request)
    found = await queries.relationships(unit, subject)
    return Shown("consent/relationships.html", values | {"relationships": found})


# --- consent ---


async def show_consents(unit: Unit, request: Request) -> Shown:
    """The consents of a resident, and what holds without any."""
    subject, values = await _about(unit, request)
    given = await queries.consents(unit, subject, request.timezone)
    told = [(one, rules.explained(one.choice) if one.choice else ()) for one in given]
    may = allowed(unit.actor.role, "create", "Consent")
    return Shown("consent/consents.html", values | {"given": told, "may": may, "ground": unit.store.scope.ground_of(subject.number)})


async def show_consent(unit: Unit, request: Request) -> Shown:
    """One consent with its history."""
    subject, values = await _about(unit, request)
    found = await queries.consent(unit, subject, request.path["key"])
    given = rules.given_of(found, unit.now.astimezone(request.timezone).date())
    history = await queries.versions(unit, given.id, request.timezone)
    told = rules.explained(given.choice) if given.choice else ()
    more = {"history": history, "may": allowed(unit.actor.role, "update", "Consent"), "holds": queries.holds(found)}
    return Shown("consent/consent.html", values | {"given": given, "told": told} | more)


async def show_form(unit: Unit, request: Request) -> Shown:
    """The form of a consent; `q` finds whom it is about."""
    return await _form(unit, request, request.query)


async def _form(unit: Unit, request: Request, typed: Mapping[str, str], refused: Phrase | None = None) -> Shown:
    _, values = await _about(unit, request)
    found = await queries.candidates(unit, typed.get("q", ""))
    who = typed.get("who", "")
    if who and all(one.reference != who for one in found):
        name = await queries.name_at(unit, who)
        found = [queries.Candidate(who, name, ""), *found] if name else found
    told = {"found": found, "typed": typed, "kinds": KIND_GROUPS, "purposes": PURPOSES, "error": refused}
    return Shown("consent/form.html", values | told, 422 if refused else 200)


async def show_review(unit: Unit, request: Request) -> Shown:
    """What would change, in sentences, before it is laid down."""
    if request.query.get("find"):
        return await _form(unit, request, request.query)
    _, values = await _about(unit, request)
    try:
        choice = rules.choice_of(request.query, unit.now.astimezone(request.timezone).date())
        choice = await actions.with_name(unit, choice)
        if values["desk"] and not choice.paper:
            raise Malformed("Say where the signed paper is kept.")
    except Malformed as refused:
        return await _form(unit, request, request.query, _said(refused))
    told = {"choice": choice, "told": rules.explained(choice), "stays": rules.unchanged(choice), "typed": dict(request.query)}
    return Shown("consent/review.html", values | told)


async def give(unit: Unit, request: Request) -> Moved | Shown:
    """Lays a consent down."""
    subject, values = await _about(unit, request)
    try:
        choice = rules.choice_of(request.form, unit.now.astimezone(request.timezone).date())
        id_ = await actions.give(unit, subject, choice)
    except Malformed as refused:
        return await _form(unit, request, request.form, _said(refused))
    return Moved(_address(f"{values['base']}/{id_}", of="" if values["desk"] else subject.id))


async def withdraw(unit: Unit, request: Request) -> Moved:
    """Takes a consent back."""
    subject, values = await _about(unit, request)
    await actions.withdraw(unit, subject, request.path["key"])
    return Moved(_address(f"{values['base']}/{request.path['key']}", of="" if values["desk"] else subject.id))


def _said(refused: Malformed | Conflict | Invalid) -> Phrase:
    return Phrase(refused.text, tuple(refused.places.items()))


def _address(path: str, **query: str) -> str:
    told = {name: value for name, value in query.items() if value}
    return f"{path}?{urlencode(told)}" if told else path
