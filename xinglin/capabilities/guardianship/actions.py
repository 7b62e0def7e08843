"""The deeds: entering who acts for whom, renewing it, ending it, and telling everybody concerned.

The entry, its DocumentReference and its Binary are one transaction of the platform. A registrar may write the first (the policy says so)
and not the others, a resident none of them: so each deed asks the policy, or a rule of its own, before the platform carries it out, and
leaves rows in the trail in the name of who did it.
"""

from __future__ import annotations

from collections.abc import Iterable
from zoneinfo import ZoneInfo

from xinglin.access.policy import require
from xinglin.base.clock import tick_of
from xinglin.base.errors import Forbidden, Invalid
from xinglin.base.ids import new_id
from xinglin.capabilities.guardianship import queries, rules
from xinglin.capabilities.guardianship.model import Guardianship, Ward
from xinglin.capabilities.guardianship.rules import Ids, Paper, Wanted
from xinglin.fhir.codec import Resource
from xinglin.fhir.validation import validate
from xinglin.kit.i18n import Phrase, t
from xinglin.kit.notices import notices_of, notify
from xinglin.kit.unit import Unit
from xinglin.store import Amend, AuditRow, Change, Create

FAMILY = "/family"


async def appoint(unit: Unit, ward: Ward, wanted: Wanted, paper: Paper) -> str:
    """Enter a guardian with the proof; the id of the entry. Raises `Forbidden` for another role, and for who enters themselves."""
    require(unit.actor, "create", "RelatedPerson")
    await _require_not_oneself(unit, ward, wanted.id.number)
    ids, by = Ids(new_id(), new_id(), new_id()), rules.by_of(unit.actor)
    made = rules.related_of(ward, wanted, ids, by, unit.now)
    await _carry_out(unit, ward, [Create(_valid(made), id=ids.related), *_kept(unit, ward, wanted, paper, ids)])
    await _tell(unit, ward, _seen(made), t("{name} now acts for {ward}", name=wanted.name, ward=ward.name), wanted.ends.date().isoformat())
    return ids.related


async def renew(unit: Unit, ward: Ward, one: Guardianship, wanted: Wanted, paper: Paper) -> None:
    """A new end on a new proof; the versions before stay. Raises like `appoint`, and `Stale` when somebody changed it meanwhile."""
    require(unit.actor, "update", "RelatedPerson")
    await _require_not_oneself(unit, ward, wanted.id.number)
    ids, by = Ids(one.id, new_id(), new_id()), rules.by_of(unit.actor)

    def change(resource: Resource) -> Resource:
        return _valid(rules.renewed_of(resource, ward, wanted, ids, by))

    await _carry_out(unit, ward, [Amend("RelatedPerson", one.id, change, one.version), *_kept(unit, ward, wanted, paper, ids)])
    await _tell(unit, ward, one, t("{name} goes on acting for {ward}", name=wanted.name, ward=ward.name), wanted.ends.date().isoformat())


async def end_at_desk(unit: Unit, ward: Ward, one: Guardianship, reason: str, zone: ZoneInfo) -> None:
    """End it from this moment. Raises `Forbidden` for another role, `Invalid` when it has ended."""
    require(unit.actor, "update", "RelatedPerson")
    await _end(unit, ward, one, rules.reason_of(reason), zone)


async def end_own(unit: Unit, ward: Ward, one: Guardianship, zone: ZoneInfo, reason: str) -> None:
    """A resident ends the authority they gave. Raises `Forbidden` for anything else, whatever the policy says of their role."""
    rules.require_own_agency(unit.actor, one, tick_of(unit.now))
    await _end(unit, ward, one, reason, zone, own=True)


async def _end(unit: Unit, ward: Ward, one: Guardianship, reason: str, zone: ZoneInfo, *, own: bool = False) -> None:
    def change(resource: Resource) -> Resource:
        now_there = Guardianship.of(resource)
        if own and now_there is not None:  # what is there at the moment of writing decides
            rules.require_own_agency(unit.actor, now_there, tick_of(unit.now))
        return _valid(rules.ended(resource, rules.by_of(unit.actor), reason, unit.now, zone))

    await _carry_out(unit, ward, [Amend("RelatedPerson", one.id, change)])
    await _tell(unit, ward, one, t("{name} no longer acts for {ward}", name=one.name, ward=ward.name), "", reason)


def _kept(unit: Unit, ward: Ward, wanted: Wanted, paper: Paper, ids: Ids) -> list[Change]:
    document = rules.document_of(ward, wanted, paper, ids, rules.by_of(unit.actor), unit.now)
    binary = rules.binary_of(ward, paper, ids)
    return [Create(_valid(document), id=ids.document), Create(_valid(binary), id=ids.binary)]


async def _require_not_oneself(unit: Unit, ward: Ward, number: str) -> None:
    own = await queries.numbers_of_staff(unit)
    if number in own or own & ward.numbers:
        raise Forbidden("Nobody enters a guardianship of their own. Ask a colleague to do it.")


async def _carry_out(unit: Unit, ward: Ward, changes: list[Change]) -> None:
    """The platform's write, after the deed has been found lawful; rows in the name of who did it."""
    ground = unit.store.scope.ground_of(ward.number)
    rows = [_row(unit, change, ward) for change in changes]
    await queries.everyone(unit, ground).write(changes, rows)
    unit.stale()


def _row(unit: Unit, change: Change, ward: Ward) -> AuditRow:
    assert isinstance(change, Create | Amend), "nothing else is done here"
    type_ = change.resource["resourceType"] if isinstance(change, Create) else change.type
    deed = "create" if isinstance(change, Create) else "update"
    return AuditRow(unit.actor.id, unit.actor.role, deed, type_, change.id, None, 200, None, None, (ward.number,))


def _valid(made: Resource) -> Resource:
    issues = tuple(one for one in validate(made) if one.severity in ("error", "fatal"))
    if issues:
        raise Invalid("This entry cannot be kept like this.", issues=issues)
    return made


def _seen(made: Resource) -> Guardianship:
    view = Guardianship.of(made)
    assert view is not None, "it was made to act for somebody"
    return view


# --- telling ---


async def _tell(unit: Unit, ward: Ward, one: Guardianship, title: Phrase, until: str, reason: str = "") -> None:
    """The ward, the guardian and the others who act for the ward hear of it."""
    records = queries.everyone(unit).apart()
    others = [acting.one for acting in await queries.guardians(unit, records, ward.id) if acting.state != "ended"]
    told = await queries.patients_with(records, _identifiers([one, *others]))
    text = t("Until {day}. Something wrong? Go to the registration desk.", day=until) if until else t("Reason: {reason}.", reason=reason)
    for to in dict.fromkeys((f"Patient/{ward.id}", *told)):
        await notify(notices_of(unit.store.store), to, title, FAMILY, unit.now, "guardianship", text=text)


def _identifiers(ones: Iterable[Guardianship]) -> list[tuple[str, str]]:
    return list(dict.fromkeys(pair for one in ones for pair in one.identifiers))
