"""Residents of the demo region have their say: looks they can read about, an objection, a permission and a refusal."""

from __future__ import annotations

from datetime import timedelta

from xinglin.access.policy import require
from xinglin.capabilities.consent import actions, queries
from xinglin.capabilities.consent.model import Choice
from xinglin.kit.stage import Stage
from xinglin.kit.unit import Unit
from xinglin.store import AuditRow
from xinglin.store.ledger.looking import acts_on

LOOKED_AT = "张桂兰"
LOOKS = (
    ("village-doctor", "10.58.3.21", ("Patient", "Observation", "MedicationRequest")),
    ("cardiologist", "10.58.1.40", ("Patient", "Condition", "AllergyIntolerance")),
    ("public-health", "10.58.2.15", ("Patient", "Observation")),
    ("insurer", "10.58.2.60", ("Encounter",)),
)
"""Persona, their machine within the health network, and what of the record they read: the last is the one objected to."""
OBJECTION = "我最近没有报销过，医保经办人员为什么查我的就诊记录？请核实。"
PERMIT_DAYS = 90


async def show(stage: Stage) -> None:
    """Looks and what follows; what is there already stays as it is."""
    if LOOKED_AT in stage.residents:
        await _looks(stage, stage.residents[LOOKED_AT])
    if {"王秀英", "刘丽"} <= stage.residents.keys():
        until = (stage.now + timedelta(days=PERMIT_DAYS)).date().isoformat()
        doctor = (await stage.unit_of("cardiologist")).actor.person
        await _lay_down(stage, "liu-li", Choice(permit=True, who=doctor, until=until))
        unit = await stage.unit_of("wang-xiuying")
        (refused, *_) = await queries.candidates(unit, "杏溪县中医医院")
        await _lay_down(stage, "wang-xiuying", Choice(permit=False, who=refused.reference))


async def _looks(stage: Stage, patient: str) -> None:
    resident = await stage.unit_of("zhang-guilan")
    subject = (await queries.subjects(resident))[0]
    if await queries.objections_about(resident, subject):
        return
    for persona, address, types in LOOKS:
        await _look(await stage.unit_of(persona), patient, types, address)
    await stage.store.trail.flush()
    about = (await stage.unit_of(LOOKS[-1][0])).actor.id
    act = next(one for one in await acts_on(stage.store.ground, subject.number, limit=50) if one.actor == about)
    await actions.object_to(resident, subject, act.n, OBJECTION)


async def _look(unit: Unit, patient: str, types: tuple[str, ...], address: str) -> None:
    """Read, and leave the row that a read leaves."""
    for type_ in types:
        require(unit.actor, "search", type_)
        query = f"_id={patient}" if type_ == "Patient" else f"patient=Patient/{patient}"
        unit.store.seen.clear()
        await unit.store.find(type_, query, 50)
        seen = tuple(sorted(unit.store.seen))
        ground = ", ".join(sorted({unit.store.scope.ground_of(number) for number in seen} - {""})) or None
        unit.store.store.note(AuditRow(unit.actor.id, unit.actor.role, "search-type", type_, None, query, 200, address, None, seen, ground))


async def _lay_down(stage: Stage, persona: str, choice: Choice) -> None:
    unit = await stage.unit_of(persona)
    own = next(one for one in await queries.subjects(unit) if one.own)
    if not await unit.store.find("Consent", f"patient=Patient/{own.id}", 1):
        await actions.give(unit, own, choice)
