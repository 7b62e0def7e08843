"""Looking a person up by an exact number, and opening their record: the resident, their telephone and the security officer are told."""

from __future__ import annotations

import logging

from xinglin.access.accounts import Sessions
from xinglin.access.accounts.attempts import Attempts, Limit
from xinglin.access.breakglass import Glass, break_glass
from xinglin.base.clock import tick_of
from xinglin.base.errors import NotFound, Unavailable
from xinglin.base.ids import new_id
from xinglin.capabilities.break_glass import queries, rules
from xinglin.capabilities.break_glass.model import FoundPaper
from xinglin.fhir.codec import Resource
from xinglin.kit.gateways.sms import sms_of
from xinglin.kit.i18n import Phrase, in_language, t
from xinglin.kit.notices import notices_of, notify
from xinglin.kit.unit import Unit
from xinglin.store import AuditRow
from xinglin.store.papers import Paper

LOOKUPS = Limit(10, 60)
"""Look-ups of one account: enough for a mass accident's reception, too few to go through a list."""
FOUND_MINUTES = 15
STEP_UP_MINUTES = 15
"""So long a proof of oneself holds here: minutes count in an emergency."""
_MESSAGE = (
    "Xinglin: your health record was opened in an emergency just now. It will be checked. Sign in to see who looked, or to object.",
    "【杏林】您的健康档案刚刚被紧急调阅，事后将逐一审核。登录后可在“谁看过我的档案”中查看；如有异议可在线提出。",
)
_LOG = logging.getLogger(__name__)


async def look_up(unit: Unit, wanted: rules.Lookup, address: str) -> str:
    """Find exactly one person; the key of what was found. Raises `NotFound`, `TooMany` after `LOOKUPS`. Each try is written down."""
    store, now_us = unit.store.store, tick_of(unit.now)
    await Attempts(store.ground).take(f"emergency look-up {unit.actor.id}", LOOKUPS, now_us)
    people = await queries.meant(unit, wanted)
    if len(people) != 1:
        store.note(_row(unit, None, (), 404, address))
        if people:
            raise NotFound("Several people have this number. Type the full name too.")
        raise NotFound("Nobody has exactly this number, or this telephone and name.")
    patient = people[0]["id"]
    number = (await queries.everyone(store).read("Patient", patient)).patient
    store.note(_row(unit, patient, (number,), 200, address))
    key = new_id()
    await queries.found_of(store).add(key, FoundPaper(patient, unit.actor.id), ends=now_us + FOUND_MINUTES * rules.MINUTE_US)
    return key


def _row(unit: Unit, patient: str | None, numbers: tuple[int, ...], status: int, address: str) -> AuditRow:
    return AuditRow(unit.actor.id, unit.actor.role, "emergency-lookup", "Patient", patient, None, status, address or None, None, numbers)


async def require_proof(unit: Unit) -> None:
    """Raise `StepUp` unless who is signed in showed lately that it is still them."""
    await Sessions(unit.store.store.ground).require_fresh(unit.actor, unit.now, STEP_UP_MINUTES)


async def open_record(unit: Unit, patient: Resource, reason: str, address: str) -> Paper[Glass]:
    """Open the record for four hours and tell everybody concerned. Raises `Forbidden`, `Malformed`."""
    store = unit.store.store
    paper = await break_glass(store, unit.actor, patient["id"], reason, unit.now, address or None)
    unit.stale()
    title = t("{name} opened your record in an emergency", name=unit.actor.name)
    text = t("Reason: {reason}. It will be checked.", reason=paper.value.reason)
    await tell_family(unit, patient["id"], title, text)
    papers = notices_of(store)
    title, href = t("An emergency look waits to be checked"), f"/security/emergency/{paper.key}"
    await notify(papers, "role:security_admin", title, href, unit.now, "break-glass")
    await _tell_by_sms(unit, patient)
    return paper


async def tell_family(unit: Unit, patient: str, title: Phrase, text: Phrase | str) -> None:
    """A notice to a resident and to those who are their guardians now."""
    papers = notices_of(unit.store.store)
    for person in (patient, *await queries.guardians(unit, patient)):
        await notify(papers, f"Patient/{person}", title, f"/who-looked?of={patient}", unit.now, "break-glass", text=text)


async def _tell_by_sms(unit: Unit, patient: Resource) -> None:
    """A short message to the resident. The gateway's failure holds up no emergency: the notice is there all the same."""
    phones = (one.get("value") for one in patient.get("telecom", ()) if one.get("system") == "phone")
    phone = next((one for one in phones if one), None)
    if phone is None:
        return
    ground = unit.store.store.ground
    text = in_language(ground.settings.language, _MESSAGE)
    try:
        await sms_of(ground.settings, ground).send(phone, text)
    except Unavailable as down:
        _LOG.warning("a resident was not told by SMS of an emergency look: %s", down)
