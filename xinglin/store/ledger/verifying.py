"""Verification: everything computed again from the rows, and every row, seal or head that is not what was sealed named.

One look at the whole (a snapshot), on a connection of its own; the platform serves meanwhile. What was archived is known by
the archive rows of the trail itself, which are sealed like any other.
"""

from __future__ import annotations

from array import array
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager

from asyncpg import Connection

from xinglin.base.crypto.digests import SUITES
from xinglin.base.crypto.merkle import Digest
from xinglin.base.crypto.signatures import Signer
from xinglin.base.errors import Malformed
from xinglin.store.ground import Ground
from xinglin.store.ledger.archived import Archived, Covered, archived_in
from xinglin.store.ledger.faults import Fault, Report
from xinglin.store.ledger.heads import Exported, ledger_of
from xinglin.store.ledger.naming import Suspect, named
from xinglin.store.ledger.rows import SELECTED, leaf, told
from xinglin.store.ledger.walking import Walk, Walked
from xinglin.store.pool import Row

ROWS_AT_ONCE = 5_000
SEALS_AT_ONCE = 16
LATE_S_MAX = 3600
"""A row that says it happened so long before the seal before its own was made is noted."""
_SEALS = f"SELECT * FROM xinglin.seal WHERE n > $1 ORDER BY n LIMIT {SEALS_AT_ONCE}"
_ROWS = f"SELECT {SELECTED} FROM xinglin.audit WHERE n = ANY($1)"
_UPTO = "(xact < $1 OR (xact = $1 AND n <= $2))"
_BEHIND = "(xact > $3 OR (xact = $3 AND n > $4))"
DAY_US = 24 * 3600 * 1_000_000
Told = Callable[[int], None]


async def verify(
    ground: Ground,
    signer: Signer,
    *,
    since: Exported | None = None,
    evidence: Sequence[Exported] = (),
    archives: Sequence[Archived] = (),
    progress: Told | None = None,
) -> Report:
    """Verify the ledger, or what came after the head `since`. `signer`: the installation's own; `archives`: those verified already.

    `progress` hears how many rows were done, again and again. Raises `Malformed` when `since` is no head of this ledger.
    """
    async with _snapshot(ground) as connection:
        first = await connection.fetchrow("SELECT * FROM xinglin.seal ORDER BY n LIMIT 1")
        suite = first["suite"] if first else SUITES[ground.settings.cipher]
        publics = {row["key"]: row["public"] for row in await connection.fetch("SELECT key, public FROM xinglin.seal_key")}
        report = Report()
        kept = [*evidence, *([since] if since else ())]
        walk = Walk(await ledger_of(connection), suite, publics | {signer.key_id: signer.public}, kept, report)
        if since is not None:
            await _begin(connection, walk, since)
        checking = _Checking(ground, connection, walk, report, await archived_in(connection), archives)
        await checking.run(progress)
        walk.finish(signer.key_id)
        await checking.unsealed()
    return report


@asynccontextmanager
async def _snapshot(ground: Ground) -> AsyncGenerator[Connection]:
    connection = await ground.pool.open(statement_timeout="0", idle_in_transaction_session_timeout="0")
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            yield connection
    finally:
        await connection.close(timeout=5)


async def _begin(connection: Connection, walk: Walk, since: Exported) -> None:
    row = await connection.fetchrow("SELECT * FROM xinglin.seal WHERE n = $1", since.seals)
    if row is None or (row["tree"], row["chain"]) != (since.head.tree, since.head.chain):
        raise Malformed("The ledger does not go on from this head: verify the whole, with this head as evidence.")
    walk.begin_at(row)


class _Checking:
    """One verification of the rows behind the seals."""

    def __init__(
        self, ground: Ground, connection: Connection, walk: Walk, report: Report, covered: Sequence[Covered], archives: Sequence[Archived]
    ) -> None:
        self._ground, self._connection, self._walk, self._report = ground, connection, walk, report
        self._covered = covered
        self._archives = archives
        self._digest: Digest = walk.digest
        self._began = walk.standing.place
        self._numbers = array("q")
        self._found = 0
        self._suspects: list[Suspect] = []

    async def run(self, progress: Told | None) -> None:
        """Seal by seal; then rows that no seal knows."""
        batch: list[Walked] = []
        while seals := await self._connection.fetch(_SEALS, self._walk.standing.number):
            for seal in seals:
                walked = self._walk.take(seal)
                self._archived_same(seal)
                batch.append(walked)
                self._numbers.extend(walked.numbers)
                if sum(len(one.numbers) for one in batch) >= ROWS_AT_ONCE:
                    await self._rows(batch)
                    batch.clear()
                    if progress is not None:
                        progress(self._report.rows)
        await self._rows(batch)
        for fault in await named(self._connection, self._digest, self._suspects):
            self._report.add(fault)
        await self._inserted()

    async def _rows(self, batch: Sequence[Walked]) -> None:
        wanted = {n: (mark, seal) for seal in batch for n, mark in zip(seal.numbers, seal.leaves, strict=False)}
        rows = await self._connection.fetch(_ROWS, list(wanted))
        self._found += len(rows)
        for row in rows:
            mark, seal = wanted.pop(row["n"])
            heard = told(self._ground, row)
            if leaf(self._digest, heard) != mark:
                self._suspects.append(Suspect(row["n"], seal.number, heard, mark))
            elif row["at"] < seal.before - LATE_S_MAX * 1_000_000:
                self._report.notes.append(f"Row {row['n']}, seal {seal.number}, tells of a time long before it was written.")
        self._report.rows += len(rows)
        for n, (_, seal) in wanted.items():
            self._missing(n, seal)

    def _missing(self, n: int, seal: Walked) -> None:
        covered = next((part for part in self._covered if seal.number in part.seals), None)
        if covered is None:
            self._report.add(Fault("removed", "it was sealed, and is not there any more", seal.number, n, seal.at))
            return
        if covered.at - seal.at < self._ground.settings.audit_days_min * DAY_US:
            self._report.add(Fault("removed", "it was archived before its time", seal.number, n, seal.at))
        self._report.archived += 1
        if not any(seal.number in archive.seals for archive in self._archives):
            self._report.unchecked += 1

    def _archived_same(self, seal: Row) -> None:
        """Where an archive ends, ledger and archive must be at the same point of the chain."""
        for archive in self._archives:
            if seal["n"] == archive.seals.stop - 1 and seal["chain"] != archive.chain:
                self._report.add(Fault("archive", f"the archive {archive.name} is of another past", seal["n"], at=seal["at"]))

    async def _inserted(self) -> None:
        """Rows whose place is behind us and which no seal knows: counted first, and looked for only when there are some."""
        bounds = (*self._walk.standing.place, *self._began)
        where = f"{_UPTO} AND {_BEHIND}"
        if await self._connection.fetchval(f"SELECT count(*) FROM xinglin.audit WHERE {where}", *bounds) == self._found:
            return
        known = set(self._numbers)
        async for row in self._connection.cursor(f"SELECT n, at FROM xinglin.audit WHERE {where} ORDER BY n", *bounds, prefetch=5000):
            if row["n"] not in known:
                text = "it was put in afterwards: seals of its time and later do not know it"
                self._report.add(Fault("inserted", text, 0, row["n"], row["at"]))

    async def unsealed(self) -> None:
        """What waits for its seal; a row of a transaction that has not been is a forgery."""
        place = self._walk.standing.place
        behind = "SELECT count(*) FROM xinglin.audit WHERE xact > $1 OR (xact = $1 AND n > $2)"
        self._report.unsealed = await self._connection.fetchval(behind, *place)
        future = "SELECT n, at FROM xinglin.audit WHERE xact >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint + $1 LIMIT 100"
        offset = await self._connection.fetchval("SELECT xact_offset FROM xinglin.installation")
        for row in await self._connection.fetch(future, offset):
            self._report.add(Fault("inserted", "its transaction is one that has not been yet", 0, row["n"], row["at"]))
