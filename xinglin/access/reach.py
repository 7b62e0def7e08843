"""Reach: whose records an actor may see, as a scope for the store. From the role, the care relationships, and the residents' consent.

Relations follow stored resources through the change feed (`relationships.py` says how). The worker keeps them up; each API process looks
for news at most every `FRESH_S`, and at once after a write of its own that makes relations: so what a process wrote holds for its next
request, and what another wrote within a quarter of a second.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from xinglin.access.actor import Actor
from xinglin.access.consent import Rule, Verdict, is_rule, rule_of, verdict
from xinglin.access.policy import REGISTRATION
from xinglin.access.relationships import KINDS, RELATING, TREATING, identity, relations_of
from xinglin.base.clock import tick_of, utc_now
from xinglin.store import Scope, Store
from xinglin.store.feed import Batch, Follower, Overtaken
from xinglin.store.jobs import PASSING
from xinglin.store.relations import ANYONE, FOREVER_US, Held, Relation, Source, care_version, follow, held_by
from xinglin.store.searching.scope import NOBODY, Patients

FRESH_S = 0.2
KEPT_US = 60_000_000
"""A scope is made again after so long: who an actor is (identifiers, the village rooms of a township) changes without a relation."""
CONSUMER = "access"
BATCH = 500
_SCOPES_MAX = 2_000
_LOOKS_MAX = 40
_AGAIN_S = 0.005
_LOG = logging.getLogger(__name__)
VILLAGE = "village"
_RANK = {kind: rank for rank, kind in enumerate(KINDS)}


@dataclass(frozen=True, slots=True)
class Whose:
    """What a role reaches: `related`, `everyone` or `nobody`; and of these the most sensitive as `treating`, `all` or `none`.

    `lawful`: consent does not change it. `open_types`, `begins`: see `Scope`. `speaks`: it gives consent for itself and its wards alone.
    """

    reach: str
    sensitive: str = "treating"
    lawful: bool = False
    open_types: frozenset[str] = frozenset()
    begins: frozenset[str] = frozenset()
    speaks: bool = False


WHOSE: Mapping[str, Whose] = {
    "doctor": Whose("related"),
    "nurse": Whose("related"),
    "pharmacist": Whose("related"),
    "registrar": Whose("related", open_types=frozenset({"Coverage", "Patient", "RelatedPerson"}), begins=REGISTRATION),
    "public_health": Whose("everyone", "none", lawful=True),
    "dispatcher": Whose("related", open_types=frozenset({"Patient"}), begins=frozenset({"Encounter", "Task"})),
    "insurer": Whose("everyone", "none", lawful=True),
    "regulator": Whose("nobody"),
    "resident": Whose("related", speaks=True),
    "system_admin": Whose("nobody"),
    "security_admin": Whose("nobody"),
    "audit_admin": Whose("nobody"),
    "reader": Whose("everyone", "none"),
    "system": Whose("everyone", "all", lawful=True),
}


@dataclass(slots=True)
class _Kept:
    """A scope as it was made: at which care version, and until when it holds by the clock."""

    scope: Scope
    version: int
    until_us: int


class Reach:
    """One process's knowledge of who reaches whom."""

    def __init__(self, store: Store, now: Callable[[], datetime] = utc_now) -> None:
        self._store, self._now = store, now
        self._follower = Follower(store, CONSUMER, RELATING)
        self._started = False
        self._kept: OrderedDict[Actor, _Kept] = OrderedDict()
        self._version = 0
        self._looked = (-FRESH_S * 2, -1)
        self._turn = asyncio.Lock()

    async def scope(self, actor: Actor) -> Scope:
        """Whose records an actor may see now. Raises `Unavailable` when the database does not answer."""
        if not actor.patient and (lawful := _LAWFUL.get(actor.role)):
            return lawful
        whose = WHOSE.get(actor.role, Whose("nobody"))
        await self._freshen()
        now_us = tick_of(self._now())
        kept = self._kept.get(actor)
        if kept is None or kept.version != self._version or now_us >= kept.until_us:
            kept = self._kept[actor] = await self._made(actor, whose, now_us)
            self._kept.move_to_end(actor)
            if len(self._kept) > _SCOPES_MAX:
                self._kept.popitem(last=False)
        return kept.scope

    def stale(self) -> None:
        """Look for news before the next scope: relations were changed by an act."""
        self._looked = (-FRESH_S * 2, -1)

    async def keep_up(self, stopping: asyncio.Event, pause_s: float = FRESH_S) -> None:
        """Follow the feed until `stopping`: the worker's part."""
        while not stopping.is_set():
            wait_s = pause_s
            try:
                if await self._look():
                    continue
            except PASSING as passing:
                _LOG.warning("relations wait for the database: %s", passing)
                wait_s = 2.0
            try:
                async with asyncio.timeout(wait_s):
                    await stopping.wait()
            except TimeoutError:
                continue

    async def catch_up(self) -> None:
        """Follow the feed to its end."""
        while await self._look():
            pass

    # --- news ---

    async def _freshen(self) -> None:
        if self._is_fresh():
            return
        async with self._turn:
            before = self._looked[1]
            for left in reversed(range(_LOOKS_MAX)):  # another process may take the same news first: then we look again
                if self._is_fresh():
                    return
                hidden = self._writes() != before and await self._follower.waits()
                await self._look()
                if left and hidden:  # what we wrote may not have been there to take
                    self._looked = (self._looked[0], before)
                    await asyncio.sleep(_AGAIN_S)

    def _is_fresh(self) -> bool:
        at, writes = self._looked
        return asyncio.get_running_loop().time() - at < FRESH_S and writes == self._writes()

    def _writes(self) -> int:
        written = self._store.writing.written
        return sum(written[type_] for type_ in RELATING if type_ in written)

    async def _look(self) -> bool:
        """Take the next changes of the feed into the relations; whether there may be more."""
        looked = (asyncio.get_running_loop().time(), self._writes())
        if not self._started:
            await self._follower.start(from_the_beginning=True)
            self._started = True
        batch = await self._follower.take(BATCH)
        try:
            if batch.upto > self._follower.place:
                await self._take(batch)
        except Overtaken:
            return True
        async with self._store.ground.side.connection() as connection:
            self._version = await care_version(connection)
        self._looked = looked
        return batch.more

    async def _take(self, batch: Batch) -> None:
        now_us = tick_of(self._now())
        latest: dict[tuple[str, str], list[Relation]] = {}
        for change in batch.changes:
            stored = change.stored
            made = relations_of(stored.resource()) if stored.content else ()
            latest[stored.type, stored.id] = [relation for relation in made if relation.ends > now_us]
        async with self._follower.step(batch.upto) as inside, inside.ground.pool.connection() as connection:
            await follow(inside, connection, [(Source(*key), relations) for key, relations in latest.items()])

    # --- scopes ---

    async def _made(self, actor: Actor, whose: Whose, now_us: int) -> _Kept:
        version = self._version
        if whose.reach == "nobody":
            return _Kept(scope_from(whose, (), frozenset(), {}), version, FOREVER_US)
        ground = self._store.ground
        holders = await self._holders(actor)
        async with ground.side.connection() as connection:
            held = await held_by(ground, connection, holders, now_us)
            for_all = await held_by(ground, connection, (ANYONE,), now_us)
            own = await self._own(actor)
            context = await ground.interning.person(connection, ground.hashes.id(actor.patient)) if actor.patient else None
        edges = (edge for one in (*held, *for_all) for edge in (one.starts, one.ends) if edge > now_us)
        until = min((now_us + KEPT_US, *edges))
        now_held = [one for one in held if one.starts <= now_us]
        rules = _rules(now_held, [one for one in for_all if one.starts <= now_us], actor.purpose)
        scope = scope_from(whose, now_held, own, {} if whose.lawful else rules)
        return _Kept(scope if context is None else confined(scope, context), version, until)

    async def _holders(self, actor: Actor) -> list[str]:
        """The texts by which relations name this actor: account, person, units, the village rooms below a township, proven identity."""
        holders = [f"account {actor.id}", *((actor.person,) if actor.person else ()), *actor.units]
        everything = self._store.records(Scope.everyone())
        if actor.role == "resident" and actor.person.startswith("Patient/"):
            for one in await everything.find("Patient", f"_id={actor.person.partition('/')[2]}", 1):
                named = (i for i in one.get("identifier", ()) if i.get("system") and i.get("value"))
                holders += [identity(i["system"], i["value"]) for i in named]
            return holders
        for unit in actor.units:
            if unit.startswith("Organization/"):
                below = await everything.find("Organization", f"partof={unit}&type={VILLAGE}", 500)
                holders += [f"Organization/{one['id']}" for one in below]
        return holders

    async def _own(self, actor: Actor) -> frozenset[int]:
        if not actor.person.startswith("Patient/"):
            return frozenset()
        ground = self._store.ground
        async with ground.pool.connection() as connection:
            return frozenset({await ground.interning.person(connection, ground.hashes.id(actor.person.partition("/")[2]))} - {0})


def _rules(held: Iterable[Held], for_all: Iterable[Held], purpose: str) -> dict[int, Verdict]:
    found: defaultdict[int, list[Rule]] = defaultdict(list)
    for named, ones in ((True, held), (False, for_all)):
        for one in ones:
            if is_rule(one.kind) and (rule := rule_of(one, named=named, purpose=purpose)):
                found[one.patient].append(rule)
    return {patient: verdict(rules) for patient, rules in found.items()}


def scope_from(whose: Whose, held: Iterable[Held], own: frozenset[int], verdicts: Mapping[int, Verdict]) -> Scope:
    """The scope of a role with these relations that hold now, these records of its own, and what patients' consent says."""
    if whose.reach == "nobody":
        return Scope(NOBODY, NOBODY)
    kinds: defaultdict[int, set[str]] = defaultdict(set)
    for patient in own:
        kinds[patient].add("self")
    for one in held:
        if not is_rule(one.kind):
            kinds[one.patient].add(one.kind)
    permitted = {patient for patient, told in verdicts.items() if told.whole and told.named}
    for patient in permitted:
        kinds[patient].add("permit")
    beyond_consent = {patient for patient, ones in kinds.items() if ones & {"self", "guardian", "break-glass"}}
    refused = {patient for patient, told in verdicts.items() if told.whole is False} - beyond_consent
    treated = {patient for patient, ones in kinds.items() if ones & TREATING}
    treated |= {patient for patient, told in verdicts.items() if told.sensitive and patient in permitted}
    treated -= {patient for patient, told in verdicts.items() if told.sensitive is False} - beyond_consent
    related = set(kinds)
    withheld, by_type = _of_types(verdicts, related - refused, refused, beyond_consent)
    everyone = whose.reach == "everyone"
    if everyone and refused:
        withheld["*"] = Patients(refused)
    return Scope(
        patients=None if everyone else Patients(related - refused),
        treated=None if whose.sensitive == "all" else NOBODY if whose.sensitive == "none" else Patients(treated - refused),
        withheld=withheld,
        by_type={} if everyone else by_type,
        open_types=whose.open_types,
        begins=whose.begins,
        speaks_for=Patients(patient for patient, ones in kinds.items() if ones & {"self", "guardian"}) if whose.speaks else None,
        grounds={patient: min(ones, key=lambda kind: _RANK.get(kind, len(_RANK))) for patient, ones in kinds.items()},
        ground="role",
    )


def _of_types(
    verdicts: Mapping[int, Verdict], related: set[int], refused: set[int], beyond: set[int]
) -> tuple[dict[str, Patients], dict[str, Patients]]:
    """(of a type, who refuses; of a type, who may be seen because it alone is permitted)."""
    no: defaultdict[str, set[int]] = defaultdict(set)
    yes: defaultdict[str, set[int]] = defaultdict(set)
    for patient, told in verdicts.items():
        for type_, permit in told.types.items():
            if not permit and patient not in beyond and patient not in refused:
                no[type_].add(patient)
            if permit and (patient in refused or patient not in related):
                yes[type_].add(patient)
    return {type_: Patients(ones) for type_, ones in no.items()}, {type_: Patients(related | ones) for type_, ones in yes.items()}


def confined(scope: Scope, patient: int) -> Scope:
    """The scope cut down to one patient: what an application launched for them may see."""
    only = Patients({patient} if scope.patients is None or patient in scope.patients else ())
    treated = only if scope.treated is None else Patients({patient} & scope.treated.numbers)
    return Scope(only, treated, scope.withheld, speaks_for=scope.speaks_for, grounds=scope.grounds, ground=scope.ground)


_LAWFUL = {
    role: Scope(None, None if whose.sensitive == "all" else NOBODY, open_types=whose.open_types, begins=whose.begins, ground="role")
    for role, whose in WHOSE.items()
    if whose.lawful
}
