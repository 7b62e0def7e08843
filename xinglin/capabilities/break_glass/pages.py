"""The pages of emergency access: look a person up, say why, go to the record; and what one has opened."""

from __future__ import annotations

from xinglin.access.breakglass import HOURS, REASON_CHARS_MAX
from xinglin.base.errors import Malformed, NotFound, TooMany
from xinglin.capabilities.break_glass import actions, queries, rules
from xinglin.capabilities.break_glass.model import OWN, REASONS
from xinglin.kit.i18n import Phrase
from xinglin.kit.pages import Moved, Request, Shown
from xinglin.kit.unit import Unit


async def show_desk(unit: Unit, request: Request) -> Shown:
    """The look-up, and one's own emergency looks."""
    return await _desk(unit, request)


async def _desk(unit: Unit, request: Request, refused: NotFound | Malformed | TooMany | None = None) -> Shown:
    told = Phrase(refused.text, tuple(refused.places.items())) if refused else None
    values = {"mine": await queries.mine(unit), "typed": request.form, "error": told, "hours": HOURS}
    return Shown("break_glass/desk.html", values, refused.status if refused else 200)


async def look_up(unit: Unit, request: Request) -> Moved | Shown:
    """Finds the person, or says why not with what was typed still there."""
    try:
        key = await actions.look_up(unit, rules.lookup_of(request.form), request.address)
    except (NotFound, Malformed, TooMany) as refused:
        return await _desk(unit, request, refused)
    return Moved(f"/emergency-access/{key}")


async def show_found(unit: Unit, request: Request) -> Shown:
    """The masked person and the question why. Raises `StepUp`, before anything is typed."""
    await actions.require_proof(unit)
    return await _found(unit, request)


async def _found(unit: Unit, request: Request, refused: Malformed | None = None) -> Shown:
    patient = await queries.found(unit, request.path["key"])
    told = Phrase(refused.text, tuple(refused.places.items())) if refused else None
    values = {
        "key": request.path["key"],
        "person": queries.masked(patient, unit.now, request.timezone),
        "sees": f"/person/{patient['id']}" if await queries.sees(unit, patient["id"]) else "",
        "reasons": REASONS,
        "own": OWN,
        "typed": request.form,
        "error": told,
        "hours": HOURS,
        "reason_max": REASON_CHARS_MAX,
    }
    return Shown("break_glass/found.html", values, 400 if refused else 200)


async def open_record(unit: Unit, request: Request) -> Moved | Shown:
    """Opens the record and goes there."""
    await actions.require_proof(unit)
    patient = await queries.found(unit, request.path["key"])
    try:
        reason = rules.reason_of(request.form, request.language)
        await actions.open_record(unit, patient, reason, request.address)
    except Malformed as refused:
        return await _found(unit, request, refused)
    return Moved(f"/person/{patient['id']}")
