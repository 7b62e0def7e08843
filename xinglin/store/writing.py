"""The write path: from asked changes to settled steps, and many small writes in one commit.

A set of changes is atomic. Sets without conditions wait in one queue; what waits together is written in one database
transaction, so that many acknowledged writes share one flush to disk. If such a joint transaction fails, each set is
written again alone, so nobody pays for another's fault. Sets with conditions run alone, under a lock of their condition.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import unquote

import asyncpg
from asyncpg import Connection

from xinglin.base.clock import wall_us
from xinglin.base.errors import Conflict, Malformed, NotFound, Stale, TooMany, Unavailable
from xinglin.base.ids import new_id
from xinglin.fhir.codec import Resource
from xinglin.fhir.search.grammar import read_search
from xinglin.fhir.search.model import Search
from xinglin.store.applying import Step, about, apply, refuse_twice, write_audit
from xinglin.store.changes import Amend, AmendWhere, AuditRow, Change, Create, Delete, DeleteWhere, Outcome, Update, UpdateWhere
from xinglin.store.ground import Ground
from xinglin.store.interning import Wants
from xinglin.store.links import conditional, rewritten
from xinglin.store.pool import NoConnection
from xinglin.store.rows import draft
from xinglin.store.searching import Scope, matching_ids

_JOINT_STEPS_MAX = 512
_JOINT_SETS_MAX = 64
_TRIES = 4
_AT_ONCE = 1
DELETED_AT_ONCE_MAX = 1000


@dataclass(slots=True)
class _Waiting:
    steps: list[Step]
    audit: tuple[AuditRow, ...]
    done: asyncio.Future[list[Outcome]]


@dataclass(slots=True)
class _Plan:
    """Settled steps beside the change each came from; `outcome` where a change needs no step."""

    steps: list[list[Step]] = field(default_factory=list[list[Step]])
    outcomes: list[Outcome | None] = field(default_factory=list[Outcome | None])


class Writing:
    """One process's write path."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._queue: list[_Waiting] = []
        self._running = 0
        self._held = 0
        self.written: Counter[str] = Counter()
        """How many resources of each type this process has written."""
        self._tasks: set[asyncio.Task[None]] = set()

    async def write(self, changes: Sequence[Change], scope: Scope, audit: Sequence[AuditRow] = ()) -> list[Outcome]:
        """All changes or none, durable on return. Raises `TooMany` when too much is waiting already."""
        if self._held >= self._ground.settings.writes_at_once_max:
            raise TooMany("Too many writes at once; try again in a moment.", retry_after_s=1)
        self._held += 1
        try:
            if any(_conditional(change) for change in changes) or conditional(_resources(changes)):
                return await self._alone(changes, scope, tuple(audit))
            steps = _unconditional(changes)
            for step in steps:
                step.scope = scope
            refuse_twice(steps)
            await self._draft(steps)
            return await self._queued(steps, _named(audit, [step.id for step in steps]))
        finally:
            self._held -= 1

    async def close(self) -> None:
        """Wait until everything taken is written."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _draft(self, steps: Sequence[Step]) -> None:
        """Take new resources apart before any lock is held."""
        wants = Wants()
        for step in steps:
            if step.resource is not None:
                step.made = draft(step.resource, step.id, self._ground.hashes, wants)
        await self._ground.interning.provide(wants)

    # --- joint transactions ---

    async def _queued(self, steps: list[Step], audit: tuple[AuditRow, ...]) -> list[Outcome]:
        waiting = _Waiting(steps, audit, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        if self._running < _AT_ONCE:
            self._running += 1
            task = asyncio.create_task(self._run())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(waiting.done)

    async def _run(self) -> None:
        try:
            while self._queue:
                await self._joint(self._next())
        finally:
            self._running -= 1

    def _next(self) -> list[_Waiting]:
        """As many waiting sets as may share a transaction: no resource twice, not too many steps."""
        taken: list[_Waiting] = []
        keys: set[tuple[int, str]] = set()
        size = 0
        while self._queue and len(taken) < _JOINT_SETS_MAX:
            waiting = self._queue[0]
            mine = {step.key for step in waiting.steps}
            if taken and (size + len(mine) > _JOINT_STEPS_MAX or keys & mine):
                break
            taken.append(self._queue.pop(0))
            keys |= mine
            size += len(mine)
        return taken

    async def _joint(self, sets: list[_Waiting]) -> None:
        steps = [step for waiting in sets for step in waiting.steps]
        audit = tuple(row for waiting in sets for row in waiting.audit)
        (outcomes,) = await asyncio.gather(self._commit(steps, audit), return_exceptions=True)
        if isinstance(outcomes, BaseException):  # whatever a change raised: who waits must hear it
            await self._failed(sets, outcomes)
            return
        start = 0
        for waiting in sets:
            if not waiting.done.done():
                waiting.done.set_result(outcomes[start : start + len(waiting.steps)])
            start += len(waiting.steps)

    async def _failed(self, sets: list[_Waiting], failed: BaseException) -> None:
        """Write each set alone, unless the connection is at fault: then nobody knows what was done, and again might be twice."""
        if len(sets) > 1 and not isinstance(failed, NoConnection):
            for waiting in sets:
                await self._joint([waiting])
            return
        for waiting in sets:
            if not waiting.done.done():
                waiting.done.set_exception(failed)

    async def _commit(self, steps: list[Step], audit: tuple[AuditRow, ...]) -> list[Outcome]:
        done = await self._transaction(lambda connection: apply(self._ground, connection, steps, audit))
        self.written.update(step.type for step in steps)
        return done

    async def _transaction(self, work: Callable[[Connection], Awaitable[list[Outcome]]]) -> list[Outcome]:
        """Run `work` in a transaction; a deadlock or a race for the same new id is run again."""
        for left in reversed(range(_TRIES)):
            try:
                async with self._ground.pool.connection() as connection, connection.transaction():
                    return await work(connection)
            except (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.UniqueViolationError):
                if not left:
                    raise Unavailable("Others keep writing the same records; try again in a moment.", retry_after_s=1) from None
        raise AssertionError("unreachable")

    # --- sets with conditions ---

    async def _alone(self, changes: Sequence[Change], scope: Scope, audit: tuple[AuditRow, ...]) -> list[Outcome]:
        """Deletions first, for the conditions of the rest count them done (R4 http, transaction processing rules)."""
        places = range(len(changes))
        deleting = [place for place in places if isinstance(changes[place], (Delete, DeleteWhere))]
        phases = [phase for phase in (deleting, [place for place in places if place not in set(deleting)]) if phase]

        async def work(connection: Connection) -> list[Outcome]:
            await self._lock(connection, [search for change in changes if (search := _conditional(change))])
            outcomes: dict[int, Outcome] = {}
            seen: list[Step] = []
            changed: dict[int, Outcome] = {}
            for phase in phases:
                plan = await self._settle(connection, changes, phase, scope)
                steps = [step for group in plan.steps for step in group]
                for step in steps:
                    step.scope = scope
                seen += steps
                refuse_twice(seen)
                await self._draft(steps)
                outcomes_now = await apply(self._ground, connection, steps)
                done = iter(outcomes_now)
                changed.update((id(step), told) for step, told in zip(steps, outcomes_now, strict=True))
                for place, group, told in zip(phase, plan.steps, plan.outcomes, strict=True):
                    outcomes[place] = _joined([next(done) for _ in group], told)
            ordered = [outcomes[place] for place in places]
            rows = _named(audit, [outcome.stored.id if outcome.stored else None for outcome in ordered])
            await write_audit(self._ground, connection, wall_us(), about(rows, seen, changed))
            return ordered

        done = await self._transaction(work)
        self.written.update(outcome.stored.type for outcome in done if outcome.stored)
        return done

    async def _settle(self, connection: Connection, changes: Sequence[Change], phase: Sequence[int], scope: Scope) -> _Plan:
        """Answer the conditions of a phase inside the transaction, then exchange the links."""
        plan, targets, begun = _Plan(), dict[str, str](), set[int]()
        for place in phase:
            change = changes[place]
            steps, outcome = await self._settle_one(connection, change, place, scope)
            if (search := _conditional(change)) and steps and steps[0].begins:
                if (mark := self._mark(search)) in begun:
                    raise Conflict("Two changes would each make the {type} of the same condition.", type=search.type, change=place)
                begun.add(mark)
            plan.steps.append(steps)
            plan.outcomes.append(outcome)
            url = getattr(change, "full_url", None)
            if url:
                step = steps[0] if steps else None
                there = outcome.stored if outcome else None
                targets[url] = f"{step.type}/{step.id}" if step else f"{there.type}/{there.id}" if there else url
        for group in plan.steps:
            for step in group:
                for reference in sorted(conditional([step.resource]) - targets.keys()) if step.resource else ():
                    targets[reference] = await self._one_match(connection, reference, step.change, scope)
        for group in plan.steps:
            for step in group:
                _relink(step, targets)
        return plan

    async def _lock(self, connection: Connection, searches: list[Search]) -> None:
        """Conditions on the same criteria wait for each other, so that two cannot both find nothing and both create."""
        for mark in sorted({self._mark(search) for search in searches}):
            await connection.execute("SELECT pg_advisory_xact_lock($1)", mark)

    def _mark(self, search: Search) -> int:
        return self._ground.hashes.of(f"condition {search.type} {sorted(search.asked)}")

    async def _settle_one(self, connection: Connection, change: Change, place: int, scope: Scope) -> tuple[list[Step], Outcome | None]:
        search = _conditional(change)
        if search is None:
            return _unconditional([change], place), None
        limit = DELETED_AT_ONCE_MAX + 1 if isinstance(change, DeleteWhere) and change.many else 2
        found = await matching_ids(self._ground, connection, search, scope, limit)
        if len(found) > 1 and not (isinstance(change, DeleteWhere) and change.many):
            raise Stale("More than one {type} matches the condition; narrow it.", type=search.type, change=place)
        if len(found) > DELETED_AT_ONCE_MAX:
            raise Stale("More than {most} {type} match the condition; narrow it.", most=DELETED_AT_ONCE_MAX, type=search.type, change=place)
        if isinstance(change, Create):
            if found:
                return [], Outcome(found[0], "unchanged")
            return [Step(search.type, change.id or new_id(), change.resource, fresh=change.id is None, only_new=True, change=place)], None
        if isinstance(change, UpdateWhere):
            return _update_where(change, found[0].id if found else None, place), None
        if isinstance(change, AmendWhere):
            if not found:
                raise NotFound("No {type} matches the condition.", type=search.type, change=place)
            return [Step(search.type, found[0].id, amend=change.change, put=True, if_match=change.if_match, change=place)], None
        return [Step(search.type, stored.id, delete=True, change=place) for stored in found], None if found else Outcome(None, "absent")

    async def _one_match(self, connection: Connection, reference: str, place: int, scope: Scope) -> str:
        type_, _, query = reference.partition("?")
        pairs = [(unquote(name), unquote(value)) for name, _, value in (part.partition("=") for part in query.split("&") if part)]
        search = read_search(type_, pairs, strict=True)
        found = await matching_ids(self._ground, connection, search, scope, 2)
        if len(found) != 1:
            told = "The reference {reference} matches {count} resources; it must match one."
            raise Stale(told, reference=reference, count="no" if not found else "several", change=place)
        return f"{type_}/{found[0].id}"


def _conditional(change: Change) -> Search | None:
    if isinstance(change, Create):
        return change.if_none_exist
    return change.where if isinstance(change, (UpdateWhere, AmendWhere, DeleteWhere)) else None


def _resources(changes: Sequence[Change]) -> list[Resource]:
    return [change.resource for change in changes if isinstance(change, (Create, Update, UpdateWhere))]


def _unconditional(changes: Sequence[Change], first: int = 0) -> list[Step]:
    """Steps of changes that name their resource, with the links among them exchanged."""
    steps: list[Step] = []
    targets: dict[str, str] = {}
    for change in changes:
        if isinstance(change, Create):
            step = Step(change.resource["resourceType"], change.id or new_id(), change.resource, fresh=change.id is None, only_new=True)
        elif isinstance(change, Update):
            step = Step(
                change.resource["resourceType"],
                change.id,
                change.resource,
                put=True,
                if_match=change.if_match,
                only_new=change.if_none_match,
            )
        elif isinstance(change, Amend):
            step = Step(change.type, change.id, amend=change.change, put=True, if_match=change.if_match)
        else:
            assert isinstance(change, Delete)
            step = Step(change.type, change.id, delete=True, if_match=change.if_match)
        step.change = first + len(steps)
        steps.append(step)
        url = getattr(change, "full_url", None)
        if url:
            targets[url] = f"{step.type}/{step.id}"
    if targets:
        for step in steps:
            _relink(step, targets)
    return steps


def _relink(step: Step, targets: dict[str, str]) -> None:
    if step.resource is not None and targets:
        step.resource = rewritten(step.resource, targets)
    elif (amend := step.amend) is not None and targets:
        step.amend = lambda resource: rewritten(amend(resource), targets)


def _update_where(change: UpdateWhere, found: str | None, place: int) -> list[Step]:
    """R4 http, conditional update: no match and no id: create; no match and an id: create there; one match: update it."""
    type_, given = change.resource["resourceType"], change.resource.get("id")
    if found is None:
        if change.if_match is not None:
            raise Stale(
                "No {type} matches the condition, so there is no version {asked} of it.", type=type_, asked=change.if_match, change=place
            )
        fresh = given is None
        return [Step(type_, given or new_id(), change.resource, fresh=fresh, put=not fresh, only_new=not fresh, change=place)]
    if given is not None and given != found:
        raise Malformed("The resource says id {given}, but the condition matches {found}.", given=given, found=found, change=place)
    return [Step(type_, found, change.resource, put=True, if_match=change.if_match, change=place)]


def _named(audit: Sequence[AuditRow], ids: Sequence[str | None]) -> tuple[AuditRow, ...]:
    """Rows of new resources with the id these were given; rows and changes stand in the same order."""
    if len(audit) != len(ids):
        return tuple(audit)
    return tuple(replace(row, id=id_) if row.id is None else row for row, id_ in zip(audit, ids, strict=True))


def _joined(outcomes: list[Outcome], told: Outcome | None) -> Outcome:
    return told or outcomes[0]
