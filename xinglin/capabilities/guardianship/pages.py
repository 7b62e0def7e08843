"""The desk's pages about who acts for whom, and the resident's page of their family."""

from __future__ import annotations

from collections.abc import Mapping

from xinglin.base.clock import tick_of
from xinglin.base.errors import Malformed, NotFound
from xinglin.base.text import mask_number
from xinglin.capabilities.guardianship import actions, queries, rules
from xinglin.capabilities.guardianship.model import ACCEPTED, KINDS, PROOFS, STATES, Guardianship, Ward
from xinglin.capabilities.guardianship.queries import Acting
from xinglin.kit.i18n import Phrase, t
from xinglin.kit.pages import Download, Moved, Request, Shown
from xinglin.kit.unit import Unit

ENDINGS: Mapping[str, str] = {ending_of: ending for _, ending_of, ending in rules.MEDIA}
_WORDS = {"kinds": KINDS, "proofs": PROOFS, "states": STATES, "mask": mask_number}
_ACCEPTED = [(kind, [one for one in PROOFS if one.code in ACCEPTED[kind.code]]) for kind in KINDS]

# --- at the desk ---


async def show_people(unit: Unit, request: Request) -> Shown:
    """Whom is it about: by exact ID number or by name (`q`)."""
    typed = request.query.get("q", "").strip()
    found = await queries.people(unit, typed, request.timezone) if typed else []
    return Shown("guardianship/people.html", {"typed": typed, "found": found})


async def show_guardians(unit: Unit, request: Request) -> Shown:
    """Who acts for someone, and for whom they act."""
    ward = await queries.ward(unit.store, request.path["id"])
    patient = (await unit.store.read("Patient", ward.id)).resource()
    acting = await queries.guardians(unit, unit.store, ward.id)
    acts_for = await queries.wards(unit, unit.store, patient)
    return Shown("guardianship/guardians.html", _about(unit, request, ward) | {"acting": acting, "acts_for": acts_for})


def _about(unit: Unit, request: Request, ward: Ward) -> dict[str, object]:
    adult, today = rules.adult_from(ward), unit.now.astimezone(request.timezone).date()
    base = f"/person/{ward.id}/guardians"
    return {"whom": ward, "adult": adult, "minor": adult is not None and adult > today, "base": base, **_WORDS}


async def show_form(unit: Unit, request: Request) -> Shown:
    """The form of a new entry; with `renew` of another end of one there is."""
    ward, one = await _asked(unit, request, request.query)
    typed = {} if one is None else _typed_of(one)
    return await _form(unit, request, ward, one, typed, {})


async def _asked(unit: Unit, request: Request, told: Mapping[str, str]) -> tuple[Ward, Guardianship | None]:
    ward = await queries.ward(unit.store, request.path["id"])
    key = told.get("renew", "")
    return ward, await queries.guardianship(unit.store, ward.id, key) if key else None


def _typed_of(one: Guardianship) -> dict[str, str]:
    kind = one.kind.code if one.kind else ""
    return {"kind": kind, "name": one.name, "number": one.number, "phone": one.phone}


async def _form(
    unit: Unit, request: Request, ward: Ward, one: Guardianship | None, typed: Mapping[str, str], faults: Mapping[str, Phrase]
) -> Shown:
    today = unit.now.astimezone(request.timezone).date()
    told = {
        "typed": typed, "faults": faults, "renewed": one, "accepted": _ACCEPTED,
        "longest": rules.years_after(today, rules.AUTHORITY_YEARS_MAX), "most_mb": rules.FILE_BYTES_MAX // (1024 * 1024),
    }  # fmt: skip
    return Shown("guardianship/form.html", _about(unit, request, ward) | told, 422 if faults else 200)


async def appoint(unit: Unit, request: Request) -> Moved | Shown:
    """Enters a guardian, or renews one."""
    ward, one = await _asked(unit, request, request.form)
    form = dict(request.form)
    if one is not None:
        form |= {"number": one.number, "kind": one.kind.code if one.kind else form.get("kind", "")}
    standing = [acting.one for acting in await queries.guardians(unit, unit.store, ward.id)]
    wanted, faults = rules.settle(form, ward, standing, unit.now, request.timezone, one)
    paper = rules.paper_of(request.files.get("file"))
    if isinstance(paper, Phrase):
        faults["file"] = paper
    if wanted is not None and await _known_otherwise(unit, wanted):
        faults["name"] = t("The register knows this ID number under another name.")
    if wanted is None or isinstance(paper, Phrase) or faults:
        return await _form(unit, request, ward, one, form, faults)
    if one is None:
        key = await actions.appoint(unit, ward, wanted, paper)
    else:
        key = one.id
        await actions.renew(unit, ward, one, wanted, paper)
    return Moved(f"/person/{ward.id}/guardians/{key}")


async def _known_otherwise(unit: Unit, wanted: rules.Wanted) -> bool:
    names = await queries.names_with(queries.everyone(unit).apart(), wanted.id.number)
    return bool(names) and wanted.name.replace(" ", "") not in names


async def show_one(unit: Unit, request: Request) -> Shown:
    """One entry with its proof and every version of it."""
    return await _one(unit, request)


async def _one(unit: Unit, request: Request, refused: Phrase | None = None) -> Shown:
    ward = await queries.ward(unit.store, request.path["id"])
    one = await queries.guardianship(unit.store, ward.id, request.path["key"])
    told = {
        "one": one, "state": one.state(tick_of(unit.now)), "versions": await queries.versions(unit.store, one.id),
        "error": refused, "typed": request.form.get("reason", ""), "may_open": _sees_documents(unit, ward),
    }  # fmt: skip
    return Shown("guardianship/one.html", _about(unit, request, ward) | told, 422 if refused else 200)


def _sees_documents(unit: Unit, ward: Ward) -> bool:
    return unit.store.scope.sees("DocumentReference", ward.number, restricted=False)


async def end(unit: Unit, request: Request) -> Moved | Shown:
    """Ends an entry, with a reason."""
    ward = await queries.ward(unit.store, request.path["id"])
    one = await queries.guardianship(unit.store, ward.id, request.path["key"])
    try:
        await actions.end_at_desk(unit, ward, one, request.form.get("reason", ""), request.timezone)
    except Malformed as refused:
        return await _one(unit, request, Phrase(refused.text, tuple(refused.places.items())))
    return Moved(f"/person/{ward.id}/guardians")


async def open_proof(unit: Unit, request: Request) -> Download:
    """The file of a proof, for a desk that has the ward before it."""
    ward = await queries.ward(unit.store, request.path["id"])
    return await _proof(unit, await queries.guardianship(unit.store, ward.id, request.path["key"]))


async def _proof(unit: Unit, one: Guardianship) -> Download:
    file = await queries.proof_file(unit, one)
    return Download(f"proof-{one.id[:8]}.{ENDINGS.get(file.media, 'bin')}", file.media, file.content)


# --- residents ---


async def show_family(unit: Unit, _request: Request) -> Shown:
    """Whom I act for, and who acts for me until when."""
    records = queries.everyone(unit)
    own = await _own(unit)
    patient = (await records.read("Patient", own)).resource()
    acting, acts_for = await queries.guardians(unit, records, own), await queries.wards(unit, records, patient)
    now_us = tick_of(unit.now)
    mine = [(one, rules.is_own_agency(unit.actor, one.one, now_us)) for one in acting]
    told = {"mine": mine, "acts_for": acts_for, "here": unit.actor.patient, "own": own, "no_longer": _ended(acts_for)}
    return Shown("guardianship/family.html", told | _WORDS)


def _ended(ones: list[Acting]) -> int:
    return sum(1 for one in ones if one.state == "ended")


async def _own(unit: Unit) -> str:
    """The id of the resident's own entry in the register. Raises `NotFound` before they have one."""
    if not unit.actor.person.startswith("Patient/"):
        raise NotFound("Your account is not yet linked to your record. Ask at the registration desk.")
    return unit.actor.person.removeprefix("Patient/")


async def show_ending(unit: Unit, request: Request) -> Shown:
    """Asks once more before an authority ends."""
    one = await queries.guardianship(queries.everyone(unit), await _own(unit), request.path["key"])
    rules.require_own_agency(unit.actor, one, tick_of(unit.now))
    return Shown("guardianship/ending.html", {"one": one})


async def end_own(unit: Unit, request: Request) -> Moved:
    """Ends an authority the resident gave."""
    records = queries.everyone(unit)
    ward = await queries.ward(records, await _own(unit))
    one = await queries.guardianship(records, ward.id, request.path["key"])
    reason = request.form.get("reason", "").strip()[: rules.REASON_MAX] or rules.OWN_WISH
    await actions.end_own(unit, ward, one, request.timezone, reason)
    return Moved("/family")


async def open_own_proof(unit: Unit, request: Request) -> Download:
    """The file of a proof, for the ward and who acts for them: read as far as the resident may see."""
    stored = await unit.store.read("RelatedPerson", request.path["key"])
    one = Guardianship.of(stored.resource())
    if one is None:
        raise NotFound("There is no such entry for this person.")
    return await _proof(unit, one)
