"""Breaking the glass: a look at a record without a care relationship, in an emergency. It works at once, for a limited time, and is judged.

The reason is kept, the resident and the security administrator are told (by who calls `break_glass`), and the case stands in the review
queue until a security administrator has judged it. What it opens, an ordinary relation opens: one of kind `break-glass`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from xinglin.access.actor import Actor
from xinglin.base.clock import tick_of
from xinglin.base.errors import Conflict, Forbidden, Malformed
from xinglin.base.ids import new_id
from xinglin.store import AuditRow, Scope, Store
from xinglin.store.papers import Paper, Papers
from xinglin.store.relations import Relation, Source, follow_now

HOURS = 4
"""How long the record stays open."""
REASON_CHARS_MIN, REASON_CHARS_MAX = 6, 2000
MAY_BREAK = frozenset({"doctor", "nurse", "dispatcher"})
Judgement = Literal["open", "justified", "unjustified"]


class Glass(msgspec.Struct, frozen=True):
    """One case. `patient`: a Patient id; `number`: that patient's in the trail; times in microseconds since 1970."""

    account: str
    role: str
    name: str
    units: tuple[str, ...]
    patient: str
    number: int
    reason: str
    began: int
    ends: int
    state: Judgement = "open"
    judge: str = ""
    judged: int = 0
    verdict: str = ""


def cases(store: Store) -> Papers[Glass]:
    """The cases, judged ones too."""
    return Papers(store.ground, "glass", Glass)


async def break_glass(store: Store, actor: Actor, patient: str, reason: str, now: datetime, address: str | None = None) -> Paper[Glass]:
    """Open a patient's whole record to an actor for `HOURS`. Raises `Forbidden` for a role that may not, `Malformed` without a reason.

    Call `Reach.stale` after it, so that the next look of this process sees what it opened. Raises `NotFound` for no patient.
    """
    if actor.role not in MAY_BREAK:
        raise Forbidden("Only who treats patients may open a record in an emergency.")
    told = " ".join(reason.split())
    if not REASON_CHARS_MIN <= len(told) <= REASON_CHARS_MAX:
        raise Malformed("Say why, in {least} to {most} characters: the resident and the security officer will read it.",
                        least=REASON_CHARS_MIN, most=REASON_CHARS_MAX)  # fmt: skip
    number = await _number_of(store, patient)
    began = tick_of(now)
    case, ends = new_id(), began + HOURS * 3600 * 1_000_000
    glass = Glass(actor.id, actor.role, actor.name, actor.units, patient, number, told, began, ends)
    row = AuditRow(actor.id, actor.role, "break-glass", "Patient", patient, told, 200, address, case, (number,), "break-glass")
    paper = await cases(store).add(case, glass, handles=("open", f"patient {patient}", f"account {actor.id}"))
    store.note(row)
    await follow_now(store, Source("AuditEvent", case), [Relation(f"account {actor.id}", patient, "break-glass", began, ends)])
    return paper


async def judge(store: Store, actor: Actor, case: str, state: Judgement, verdict: str, now: datetime) -> Paper[Glass]:
    """Decide a case. An unjustified one is closed at once. Raises `Forbidden`, `Conflict` for one that is judged already, `NotFound`."""
    if actor.role != "security_admin":
        raise Forbidden("Only the security administrator judges this.")
    if state not in ("justified", "unjustified") or not verdict.strip():
        raise Malformed("Say whether it was justified, and why.")
    papers, now_us = cases(store), tick_of(now)
    paper = await papers.get(case, now_us)
    if paper.value.state != "open":
        raise Conflict("This case has been judged already.")
    value = msgspec.structs.replace(paper.value, state=state, judge=actor.name, judged=now_us, verdict=verdict.strip()[:REASON_CHARS_MAX])
    handles = (f"patient {value.patient}", f"account {value.account}")
    judged = await papers.put(paper, value, handles=handles)
    store.note(AuditRow(actor.id, actor.role, f"judge-{state}", "Patient", value.patient, verdict[:500], 200, None, case, (value.number,)))
    if state == "unjustified":
        await follow_now(store, Source("AuditEvent", case), [])
    return judged


async def _number_of(store: Store, patient: str) -> int:
    return (await store.records(Scope.everyone()).read("Patient", patient)).patient
