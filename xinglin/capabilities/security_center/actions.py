"""The administrators' deeds: judging an emergency, ending a session, verifying the ledger, noting a document; and measuring the facts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from xinglin.access.accounts import Account, Entrance, Register, Sessions
from xinglin.access.accounts.attempts import BY_LOGIN, Attempts
from xinglin.access.accounts.entrance import Origin
from xinglin.access.accounts.rules import PASSWORD_CHARACTERS_MIN, needs_factor, password_due
from xinglin.access.actor import ADMINISTRATORS
from xinglin.access.breakglass import Judgement, judge
from xinglin.access.policy import DIRECTORY, LEDGER, RECORD, allowed
from xinglin.base.clock import tick_of
from xinglin.base.crypto import FileKeys, signer_of
from xinglin.base.errors import Malformed, NotFound, TooMany, Unavailable
from xinglin.base.ids import new_id
from xinglin.capabilities.break_glass import tell_family
from xinglin.capabilities.security_center import queries, rules
from xinglin.capabilities.security_center.model import CONTROLS, Facts, Notes
from xinglin.fhir.codec import Resource
from xinglin.fhir.validation import validate
from xinglin.kit.i18n import t
from xinglin.kit.notices import notices_of, notify
from xinglin.kit.unit import Unit
from xinglin.store import AuditRow, inventory
from xinglin.store.ledger import looking
from xinglin.store.ledger.verified import Verified, keep_verified
from xinglin.store.ledger.verifying import verify

SEALS_VERIFIED = 200
"""A verification from a page goes back over so many seals; the whole is verified by `xinglin audit verify`."""
FAULTS_KEPT = 20


async def judge_emergency(unit: Unit, key: str, state: str, words: str) -> None:
    """Decide a case; the resident and who looked are told. Raises `Malformed`, `Conflict` when it was judged, `NotFound`."""
    wanted: Judgement | None = "justified" if state == "justified" else "unjustified" if state == "unjustified" else None
    if wanted is None:
        raise Malformed("Say whether it was justified, and why.")
    store = unit.store.store
    case = (await judge(store, unit.actor, key, wanted, words, unit.now)).value
    unit.stale()
    good = wanted == "justified"
    to_resident = t("The emergency look at your record was checked: it was justified") if good else t(
        "The emergency look at your record was checked: it was not justified")  # fmt: skip
    to_staff = t("Your emergency look was checked: justified") if good else t("Your emergency look was checked: not justified")
    papers = notices_of(store)
    await tell_family(unit, case.patient, to_resident, case.verdict)
    await notify(papers, case.account, to_staff, "/emergency-access", unit.now, "break-glass", text=case.verdict)


async def end_session(unit: Unit, id_: str, address: str) -> None:
    """End somebody's session. Raises `NotFound` when it has ended already."""
    entrance = Entrance(unit.store.store.ground, unit.store.store.note)
    if not await entrance.end_session(unit.actor, id_, Origin(address or None), unit.now):
        raise NotFound("This session has ended already.")


async def require_proof(unit: Unit) -> None:
    """Raise `StepUp` unless who is signed in showed lately that it is still them."""
    await Sessions(unit.store.store.ground).require_fresh(unit.actor, unit.now, 15)


async def verify_part(unit: Unit) -> Verified:
    """Verify the newest part of the ledger and remember the outcome. Raises `Unavailable` without the key file."""
    store, now_us = unit.store.store, tick_of(unit.now)
    ground, settings = store.ground, store.ground.settings
    if not settings.key_path.exists():
        raise Unavailable("The key file cannot be read here. Verify on the command line.")
    await store.trail.flush()
    signer = signer_of(FileKeys(settings.key_path, settings.cipher).keys(), settings.cipher)
    head = (await looking.state(ground)).head
    since = await inventory.head_at(ground, head.number - SEALS_VERIFIED) if head and head.number > SEALS_VERIFIED else None
    report = await verify(ground, signer, since=since)
    faults = tuple(str(one) for one in report.faults[:FAULTS_KEPT])
    outcome = Verified(at=now_us, seals=report.seals, rows=report.rows, count=report.count, faults=faults, partial=since is not None)
    await keep_verified(ground, outcome)
    store.note(_row(unit, "ledger-verified", f"{report.seals} seals, {report.rows} rows, {report.count} faults"))
    if not report.sound:
        for role in ("audit_admin", "security_admin"):
            title = t("The audit ledger was changed: {count} faults", count=report.count)
            await notify(notices_of(store), f"role:{role}", title, "/security/ledger", unit.now, "ledger")
    return outcome


async def note_control(unit: Unit, id_: str, standing: str, words: str) -> None:
    """Note a document for a control, or why it does not apply. Raises `NotFound`, `Malformed`, `Conflict`."""
    if all(one.id != id_ for one in CONTROLS):
        raise NotFound("There is no such control.")
    papers, now_us = queries.notes_of(unit.store.store), tick_of(unit.now)
    former = await papers.look(id_, now_us)
    value = rules.noted(former.value if former else Notes(), standing, words, unit.actor.name, now_us)
    if former is None:
        await papers.add(id_, value)
    else:
        await papers.put(former, value)
    unit.store.store.note(_row(unit, "control-noted", f"{id_} {standing}"))


def note_export(unit: Unit, count: int) -> None:
    """The trail was taken away as a file: who, how many rows."""
    unit.store.store.note(_row(unit, "export", f"audit trail, {count} rows"))


def _row(unit: Unit, deed: str, told: str) -> AuditRow:
    return AuditRow(unit.actor.id, unit.actor.role, deed, None, None, told, 200, None, None)


# --- the facts ---


async def measure(unit: Unit) -> Facts:
    """Measure everything that evidence is made of, now."""
    store, now_us = unit.store.store, tick_of(unit.now)
    ground, settings = store.ground, store.ground.settings
    await store.trail.flush()
    register = Register(ground)
    staff, personas = await register.staff(unit.now), await register.personas(unit.now)
    keys, state = await inventory.keys_seen(ground), await looking.state(ground)
    held, relations = await inventory.holdings(ground), await inventory.relations_now(ground, now_us)
    today = await looking.count(ground, since=now_us - rules.DAY_US)
    tried, refused = _try_bad_inputs()
    return Facts(
        **_of_accounts(staff, now_us, settings.password_days),
        personas=len(personas),
        demo=bool(settings.demo),
        administrators_reading=tuple(role for role in ADMINISTRATORS if any(allowed(role, "read", one) for one in _MEDICAL)),
        password_days=settings.password_days,
        password_min=PASSWORD_CHARACTERS_MIN,
        lock_after=BY_LOGIN.most,
        lock_minutes=BY_LOGIN.minutes,
        lock_works=await _try_lock(unit),
        idle_minutes=settings.idle_minutes,
        https=settings.public_url.startswith("https://"),
        sealed=await inventory.sealed_sample(ground),
        cipher=settings.cipher,
        keys=tuple(keys),
        key_days=queries.key_days(keys, unit.now),
        restricted=sum(one.restricted for one in held),
        relations=sum(count for count, _ in relations.values()),
        rows=state.rows,
        unsealed=state.unsealed,
        ledger_seals=state.head.number if state.head else 0,
        head_minutes=(now_us - state.head.at) // 60_000_000 if state.head else None,
        verified_days=queries.days_since(state.verified.at if state.verified else None, unit.now),
        verified_sound=bool(state.verified and not state.verified.count),
        kept_days=queries.days_since(await inventory.trail_began(ground), unit.now) or 0,
        audit_days_min=settings.audit_days_min,
        acts_today=looking.COUNTED_MAX if today is None else today,
        ended_papers=await inventory.ended_papers(ground, now_us),
        bad_tried=tried,
        bad_refused=refused,
    )


_MEDICAL = RECORD - DIRECTORY - LEDGER


def _of_accounts(staff: Sequence[Account], now_us: int, password_days: int) -> dict[str, Any]:
    active = [one for one in staff if one.state == "active"]
    in_role = {role: [one for one in active if any(hat.role == role for hat in one.hats)] for role in ADMINISTRATORS}
    people = [one.number.upper() or one.id for ones in in_role.values() for one in ones]
    return {
        "staff": len(active),
        "with_factor": sum(one.has_factor or not needs_factor(one) for one in active),
        "passwords_old": sum(not one.issued and password_due(one, now_us, password_days) for one in active),
        "passwords_issued": sum(one.issued for one in active),
        "passwords_plain": sum(bool(one.password) and not one.password.startswith("$argon2") for one in staff),
        "without_role": sum(not one.hats for one in active),
        "disabled": len(staff) - len(active),
        "administrators": {role: len(ones) for role, ones in in_role.items()},
        "one_person_two": len(people) - len(set(people)),
    }


async def _try_lock(unit: Unit) -> bool:
    """Whether one attempt more than allowed is refused: tried under a name nobody has."""
    attempts, key, now_us = Attempts(unit.store.store.ground), f"probe:{new_id()}", tick_of(unit.now)
    try:
        for _ in range(BY_LOGIN.most):
            await attempts.take(key, BY_LOGIN, now_us)
    except TooMany:
        await attempts.clear(key)
        return False
    try:
        await attempts.take(key, BY_LOGIN, now_us)
    except TooMany:
        return True
    else:
        return False
    finally:
        await attempts.clear(key)


_BAD: tuple[Resource, ...] = (
    {"resourceType": "Patient", "birthDate": "yesterday"},
    {"resourceType": "Observation", "status": "final"},
    {"resourceType": "Patient", "name": [{"family": ["a", "b"]}], "unknown": True},
)


def _try_bad_inputs() -> tuple[int, int]:
    """(tried, refused): resources that must not come in."""
    return len(_BAD), sum(any(issue.severity in ("error", "fatal") for issue in validate(one)) for one in _BAD)
