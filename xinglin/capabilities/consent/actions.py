"""The resident's deeds: objecting to a look and what follows, laying down a consent and taking it back."""

from __future__ import annotations

from dataclasses import replace

from xinglin.access.accounts import Register
from xinglin.access.policy import require
from xinglin.base.clock import instant, tick_of
from xinglin.base.errors import Conflict, Invalid, Malformed
from xinglin.base.ids import new_id
from xinglin.capabilities.consent import queries, rules
from xinglin.capabilities.consent.model import Choice, Objection, Step, Subject
from xinglin.fhir.codec import Resource
from xinglin.fhir.validation import validate
from xinglin.kit.i18n import Phrase, t
from xinglin.kit.notices import notices_of, notify
from xinglin.kit.unit import Unit
from xinglin.store import Amend, AuditRow, Create
from xinglin.store.papers import Paper

PRIVACY_POST = "privacy"
"""The post (urn:xinglin:post) of who looks after residents' data in an institution."""


async def object_to(unit: Unit, subject: Subject, act_number: int, words: str) -> Paper[Objection]:
    """Open a case about a look. Raises `NotFound`, `Malformed` without words, `Conflict` when there is an open case about it."""
    act = await queries.act_about(unit, subject, act_number)
    store, told = unit.store.store, rules.checked_words(words)
    if act.actor == unit.actor.id:
        raise Invalid("This was you yourself.")
    who = (await queries.people_of(store, [act.actor], unit.now))[act.actor]
    step = Step("object", unit.actor.name, unit.actor.role, told, tick_of(unit.now))
    case = Objection(
        subject.id, subject.number, unit.actor.id, act.n, act.at, act.actor, who.name, who.place, rules.named_ground(act), "open", (step,)
    )
    try:
        paper = await queries.objections_of(store).add(new_id(), case, _handles(case), alone=[f"act {act.n} of {subject.id}"])
    except Conflict:
        raise Conflict("You have objected to this look already.") from None
    _note(unit, case, "objection", "")
    await notify(
        notices_of(store), "role:security_admin", t("A resident objects to a look at their record"), f"/security/objection/{paper.key}",
        unit.now, "objection",
    )  # fmt: skip
    await _tell_privacy_officers(unit, act.actor)
    return paper


async def _tell_privacy_officers(unit: Unit, account: str) -> None:
    """Tell who looks after residents' data where the look came from; nobody else there learns of it."""
    store = unit.store.store
    looked = await Register(store.ground).look(account, unit.now)
    units = [one for hat in looked.hats for one in hat.units if one.startswith("Organization/")] if looked else []
    for place in dict.fromkeys(units):
        for role in await unit.store.find("PractitionerRole", f"organization={place}&role={PRIVACY_POST}", 20):
            to = role.get("practitioner", {}).get("reference", "")
            if to:
                title = t("A resident objects to a look by someone of your institution. The security centre asks you to look into it.")
                await notify(notices_of(store), to, title, "", unit.now, "objection")


async def reply(unit: Unit, subject: Subject, key: str, words: str) -> Paper[Objection]:
    """The resident is not content with an answer: the case is open again."""
    paper = await queries.objection(unit, subject, key)
    moved = await _move(unit, paper, "reply", words)
    title, to = t("A resident has replied in a case about a look"), f"/security/objection/{key}"
    await notify(notices_of(unit.store.store), "role:security_admin", title, to, unit.now, "objection")
    return moved


async def answer(unit: Unit, key: str, move: str, words: str) -> Paper[Objection]:
    """The security administrator answers, upholds or dismisses; who objected is told. Raises `NotFound`, `Conflict`, `Malformed`."""
    paper = await queries.objections_of(unit.store.store).get(key, tick_of(unit.now))
    moved = await _move(unit, paper, move, words)
    title = t("Your objection to a look at a record was answered")
    href = f"/my-objection/{key}?of={paper.value.patient}"
    await notify(notices_of(unit.store.store), paper.value.account, title, href, unit.now, "objection")
    return moved


async def _move(unit: Unit, paper: Paper[Objection], move: str, words: str) -> Paper[Objection]:
    value = rules.moved(paper.value, move, words, unit.actor.name, unit.actor.role, tick_of(unit.now))
    # the handle that keeps a second case about the same look away stays
    handles = (*_handles(value), f"act {value.act} of {value.patient}")
    moved = await queries.objections_of(unit.store.store).put(paper, value, handles)
    _note(unit, value, f"objection-{move}", "")
    return moved


def _handles(case: Objection) -> tuple[str, ...]:
    waiting = ("open",) if case.state in ("open", "answered") else ()
    return (*waiting, f"patient {case.patient}", f"account {case.account}", f"about {case.about}")


def _note(unit: Unit, case: Objection, deed: str, told: str) -> None:
    row = AuditRow(unit.actor.id, unit.actor.role, deed, None, None, told or f"act {case.act}", 200, None, None, (case.number,))
    unit.store.store.note(row)


# --- consent ---


async def with_name(unit: Unit, choice: Choice) -> Choice:
    """The choice with the name of whom it is about as the directory has it. Raises `Malformed` when there is nobody."""
    if not choice.who:
        return replace(choice, who_name="")
    name = await queries.name_at(unit, choice.who)
    if not name:
        raise Malformed("Choose a person or an institution from the list.")
    return replace(choice, who_name=name)


async def give(unit: Unit, subject: Subject, choice: Choice) -> str:
    """Lay down a consent; its id. A registrar enters one signed on paper. Raises `Forbidden`, `Malformed`."""
    require(unit.actor, "create", "Consent")
    on_paper = unit.actor.role != "resident"
    if on_paper and not choice.paper:
        raise Malformed("Say where the signed paper is kept.")
    named = await with_name(unit, choice)
    made = rules.consent_of(named, subject, (unit.actor.person, unit.actor.name), instant(tick_of(unit.now)), on_paper=on_paper)
    _require_valid(made)
    (outcome,) = await unit.store.write([Create(made)], [_row(unit, "create", None, subject)])
    unit.stale()
    if on_paper:
        await _tell(unit, subject, t("A permission you signed was entered"))
    assert outcome.stored is not None, "a created consent is there"
    return outcome.stored.id


async def withdraw(unit: Unit, subject: Subject, id_: str) -> None:
    """Take a consent back; every version of it stays. Raises `NotFound`, `Invalid` when it was withdrawn already."""
    require(unit.actor, "update", "Consent")
    await queries.consent(unit, subject, id_)
    await unit.store.write([Amend("Consent", id_, rules.withdrawn)], [_row(unit, "update", id_, subject)])
    unit.stale()
    if unit.actor.role != "resident":
        await _tell(unit, subject, t("A permission of yours was withdrawn at the desk"))


async def _tell(unit: Unit, subject: Subject, title: Phrase) -> None:
    await notify(notices_of(unit.store.store), f"Patient/{subject.id}", title, "/my-consent", unit.now, "consent")


def _row(unit: Unit, deed: str, id_: str | None, subject: Subject) -> AuditRow:
    ground = unit.store.scope.ground_of(subject.number) or None
    return AuditRow(unit.actor.id, unit.actor.role, deed, "Consent", id_, None, 200, None, None, (subject.number,), ground)


def _require_valid(made: Resource) -> None:
    issues = tuple(one for one in validate(made) if one.severity in ("error", "fatal"))
    if issues:
        raise Invalid("This permission cannot be kept like this.", issues=issues)
