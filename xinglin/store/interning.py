"""Dense numbers for what rows repeat: patients, concepts (sets of codings) and sets of present parameters; and traits seen of parameters.

A number is given once, committed at once on a connection of its own, and never reused; so a process may remember it for
ever. Concepts, presence sets and traits share one count (`xinglin.given`) and are given under one lock: they commit in their order,
and `catch_up` needs one look at the count to know whether another process gave a number this one has not read.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from asyncpg import Connection

from xinglin.store.hashes import Hashes
from xinglin.store.pool import Pool

_REMEMBERED_MAX = 100_000
_GIVER_LOCK = 7306

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(slots=True)
class Wants:
    """What a batch of rows needs numbers for; filled by `rows.draft`."""

    persons: set[UUID] = field(default_factory=set[UUID])
    concepts: dict[int, tuple[int, ...]] = field(default_factory=dict[int, tuple[int, ...]])
    presences: set[tuple[int, str]] = field(default_factory=set[tuple[int, str]])
    traits: set[tuple[int, str, str]] = field(default_factory=set[tuple[int, str, str]])


class Remembered(OrderedDict[K, V]):
    """A mapping that forgets its oldest entries beyond a limit."""

    def remember(self, key: K, value: V) -> None:
        """Keep a value."""
        self[key] = value
        if len(self) > _REMEMBERED_MAX:
            self.popitem(last=False)


class Interning:
    """The numbers this process knows, and the way to get those it does not."""

    def __init__(self, pool: Pool, hashes: Hashes) -> None:
        self._pool = pool
        self._hashes = hashes
        self.persons: Remembered[UUID, int] = Remembered()
        self.concepts: dict[int, int] = {}
        self.presences: dict[tuple[int, str], int] = {}
        self._traits: defaultdict[tuple[int, str], set[str]] = defaultdict(set)
        self._restricted: defaultdict[int, list[int]] = defaultdict(list)
        self._presence_marks: dict[int, bool] = {}
        self._form_concepts: defaultdict[int, set[int]] = defaultdict(set)
        self._seen = 0

    # --- writing ---

    async def provide(self, wants: Wants) -> None:
        """Know a number for everything wanted, giving new ones where there are none."""
        for id_ in wants.persons & self.persons.keys():  # so that those that come now do not push them out
            self.persons.move_to_end(id_)
        persons = [id_ for id_ in wants.persons if id_ not in self.persons]
        concepts = [(key, forms) for key, forms in wants.concepts.items() if key not in self.concepts]
        presences = [pair for pair in wants.presences if pair not in self.presences]
        traits = [(t, p, trait) for t, p, trait in wants.traits if trait not in self._traits[t, p]]
        if not (persons or concepts or presences or traits):
            return
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _GIVER_LOCK)
            known = await self._give_persons(connection, persons)
            if concepts or presences or traits:
                await self.catch_up(connection)
                await self._give(connection, concepts, presences, traits)
        for id_, n in known:  # only now: a number is remembered when it is committed
            self.persons.remember(id_, n)
        if concepts or presences or traits:
            async with self._pool.connection() as connection:
                await self.catch_up(connection)

    async def know_persons(self, connection: Connection, ids: Iterable[UUID]) -> None:
        """Read the numbers patients have already: who only needs these need not wait for those who give new ones."""
        unknown = [id_ for id_ in ids if id_ not in self.persons]
        for row in await connection.fetch("SELECT id, n FROM xinglin.person WHERE id = ANY($1)", unknown) if unknown else ():
            self.persons.remember(row["id"], row["n"])

    async def _give_persons(self, connection: Connection, ids: list[UUID]) -> list[tuple[UUID, int]]:
        if not ids:
            return []
        await connection.execute(
            "INSERT INTO xinglin.person (id) SELECT x FROM unnest($1::uuid[]) x"
            " WHERE NOT EXISTS (SELECT FROM xinglin.person p WHERE p.id = x)",
            sorted(ids),
        )
        rows = await connection.fetch("SELECT id, n FROM xinglin.person WHERE id = ANY($1)", ids)
        return [(row["id"], row["n"]) for row in rows]

    async def _give(
        self,
        connection: Connection,
        concepts: list[tuple[int, tuple[int, ...]]],
        presences: list[tuple[int, str]],
        traits: list[tuple[int, str, str]],
    ) -> None:
        """Insert what is still unknown after catching up, under the giver's lock."""
        fresh = [(key, forms) for key, forms in concepts if key not in self.concepts]
        sets = [pair for pair in presences if pair not in self.presences]
        seen = [(t, p, trait) for t, p, trait in traits if trait not in self._traits[t, p]]
        count = len(fresh) + len(sets) + len(seen)
        if not count:
            return
        last = await connection.fetchval("UPDATE xinglin.given SET n = n + $1 RETURNING n", count)
        numbers = iter(range(last - count + 1, last + 1))
        await connection.executemany("INSERT INTO xinglin.concept VALUES ($1, $2, $3)", [(next(numbers), *one) for one in fresh])
        await connection.executemany("INSERT INTO xinglin.presence VALUES ($1, $2, $3)", [(next(numbers), *one) for one in sets])
        await connection.executemany("INSERT INTO xinglin.trait VALUES ($1, $2, $3, $4)", [(next(numbers), *one) for one in seen])

    # --- reading ---

    async def catch_up(self, connection: Connection) -> None:
        """Read the concepts, presence sets and traits committed since the last look; one small query when there are none."""
        last = await connection.fetchval("SELECT n FROM xinglin.given")
        if last <= self._seen:
            return
        for n, key, forms in await connection.fetch("SELECT n, key, forms FROM xinglin.concept WHERE n > $1", self._seen):
            self.concepts[key] = n
            for form in forms:
                self._form_concepts[form].add(n)
        for n, type_, params in await connection.fetch("SELECT n, type, params FROM xinglin.presence WHERE n > $1", self._seen):
            self.presences[type_, params] = n
            self._presence_marks[n] = marked = params.endswith("!")
            if marked:
                self._restricted[type_].append(n)
        for type_, param, trait in await connection.fetch("SELECT type, param, trait FROM xinglin.trait WHERE n > $1", self._seen):
            self._traits[type_, param].add(trait)
        self._seen = max(self._seen, last)  # no further: of what was given since, the first table may not have shown all

    async def person(self, connection: Connection, id_: UUID) -> int:
        """The number of a patient, 0 when none was ever given."""
        n = self.persons.get(id_)
        if n is None:
            n = await connection.fetchval("SELECT n FROM xinglin.person WHERE id = $1", id_)
            if n is None:
                return 0
            self.persons.remember(id_, n)
        return n

    def concepts_with(self, forms: Iterable[int]) -> list[int]:
        """The concepts that hold any of these coding forms (hashed). Call `catch_up` first."""
        return sorted(set[int]().union(*(self._form_concepts.get(form, set[int]()) for form in forms)))

    def presences_with(self, type_number: int, param: str, *, present: bool) -> list[int]:
        """The presence sets of a type that hold (or lack) a parameter. Call `catch_up` first."""
        return [n for (type_, params), n in self.presences.items() if type_ == type_number and (param in params.split()) is present]

    def restricted(self, type_number: int) -> list[int]:
        """The presence sets of a type's rows that are labelled most sensitive. Call `catch_up` first."""
        return self._restricted.get(type_number, [])

    def marked(self, presence: int) -> bool | None:
        """Whether a presence set says that its row is labelled most sensitive; None for a set not read yet."""
        return self._presence_marks.get(presence)

    async def is_restricted(self, connection: Connection, presence: int) -> bool:
        """The same, reading what is not known yet."""
        if presence not in self._presence_marks:
            await self.catch_up(connection)
        return self._presence_marks[presence]

    def traits(self, type_number: int, param: str) -> set[str]:
        """What was seen of a parameter: `many`, `unit:system|code`. Call `catch_up` first."""
        return self._traits.get((type_number, param), set())
