"""The sealer: settled rows of the trail, in the order of their transactions, hashed and signed, one seal a second at most.

A row is settled when no transaction that began before its own is still running: no row with an earlier place can come any more
(as in the feed). One sealer works at a time, whoever holds the lock; a seal commits whole or not at all.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import asyncpg
from asyncpg import Connection

from xinglin.base.clock import wall_us
from xinglin.base.crypto.digests import SUITES
from xinglin.base.crypto.merkle import Path, digest_of, grown, leaf_of, root_of, root_of_frontier
from xinglin.base.crypto.signatures import Signer
from xinglin.base.errors import Unavailable
from xinglin.store.ground import Ground
from xinglin.store.ledger.heads import Head, entry, first_chain, ledger_of, next_chain
from xinglin.store.ledger.rows import SELECTED, hashes_of, leaf, packed_numbers, told
from xinglin.store.pool import Row

LOCK = 7307
ROWS_MAX = 10_000
"""Most rows of one seal."""
EVERY_S = 1.0
_WAIT_S = 5.0
SETTLED = "pg_snapshot_xmin(pg_current_snapshot())::text::bigint + (SELECT xact_offset FROM xinglin.installation)"
_NEXT = f"""SELECT {SELECTED} FROM xinglin.audit WHERE xact >= $1 AND (xact > $1 OR n > $2) AND xact < {SETTLED}
ORDER BY xact, n LIMIT {ROWS_MAX}"""
_LAST = "SELECT n, at, suite, size, xact, last, frontier, chain, key FROM xinglin.seal ORDER BY n DESC LIMIT 1"
_INSERT = """INSERT INTO xinglin.seal (n, at, suite, size, xact, last, rows, leaves, root, frontier, tree, chain, key, signature)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"""
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Last:
    """Where the ledger ends: what the next seal goes on from."""

    number: int
    at: int
    suite: str
    size: int
    xact: int
    row: int
    frontier: Path
    chain: bytes
    key: str


@dataclass(frozen=True, slots=True)
class Seal:
    """One seal before it is written."""

    head: Head
    xact: int
    row: int
    numbers: Sequence[int]
    leaves: Sequence[bytes]
    root: bytes
    frontier: Path

    @property
    def values(self) -> tuple[Any, ...]:
        """The columns of `xinglin.seal`."""
        head = self.head
        tree = (self.root, b"".join(self.frontier), head.tree, head.chain, head.key, head.signature)
        return (
            head.number, head.at, head.suite, head.rows, self.xact, self.row, packed_numbers(self.numbers), b"".join(self.leaves), *tree
        )  # fmt: skip


async def keep_sealing(ground: Ground, signer: Signer, stopping: asyncio.Event, now_us: Callable[[], int] = wall_us) -> None:
    """Seal what there is every second until `stopping`, and once more then. A database that is away is waited for."""
    while True:
        wait_s = EVERY_S
        try:
            while await seal_next(ground, signer, now_us()) == ROWS_MAX:
                pass
        except (Unavailable, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as away:
            _LOG.warning("the audit trail is sealed later: %s", away)
            wait_s = _WAIT_S
        if stopping.is_set():
            return
        try:
            async with asyncio.timeout(wait_s):
                await stopping.wait()
        except TimeoutError:
            continue


async def seal_next(ground: Ground, signer: Signer, now_us: int) -> int:
    """Seal the next settled rows; how many. 0 also when another process is sealing. A new signing key seals even when there are none."""
    async with ground.side.connection() as connection, connection.transaction():
        if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", LOCK):
            return 0
        ledger = await ledger_of(connection)
        last = await _last(connection) or beginning(ledger, SUITES[ground.settings.cipher])
        rows = [told(ground, row) for row in await connection.fetch(_NEXT, last.xact, last.row)]
        if rows or last.key not in ("", signer.key_id):
            seal = made(ledger, last, rows, signer, now_us)
            await connection.execute(_INSERT, *seal.values)
            if last.key != signer.key_id:
                known = "INSERT INTO xinglin.seal_key (key, public) VALUES ($1, $2) ON CONFLICT DO NOTHING"
                await connection.execute(known, signer.key_id, signer.public)
        return len(rows)


async def _last(connection: Connection) -> Last | None:
    row = await connection.fetchrow(_LAST)
    return None if row is None else last_of(row)


def last_of(row: Row) -> Last:
    """Where the ledger ended with a row of `xinglin.seal`."""
    frontier = tuple(hashes_of(row["frontier"]))
    return Last(row["n"], row["at"], row["suite"], row["size"], row["xact"], row["last"], frontier, row["chain"], row["key"])


def beginning(ledger: str, suite: str) -> Last:
    """Where a ledger begins."""
    return Last(0, 0, suite, 0, -1, 0, (), first_chain(digest_of(suite), ledger), "")


def made(ledger: str, last: Last, rows: Sequence[Sequence[Any]], signer: Signer, now_us: int) -> Seal:
    """The seal of rows (as `rows.told` gives them) that goes on from `last`. A ledger keeps the hash it began with."""
    digest, at = digest_of(last.suite), max(now_us, last.at)  # a clock may step back, a ledger may not
    leaves = [leaf(digest, row) for row in rows]
    root, number, size = root_of(digest, leaves), last.number + 1, last.size + len(rows)
    text = entry(number, at, len(rows), size, root)
    frontier = grown(digest, last.frontier, last.number, leaf_of(digest, text))
    tree = root_of_frontier(digest, frontier)
    unsigned = Head(ledger, last.suite, number, size, at, tree, next_chain(digest, last.chain, text, tree), signer.key_id, b"")
    head = replace(unsigned, signature=signer.sign(unsigned.statement))
    xact, row = (rows[-1][-1], rows[-1][0]) if rows else (last.xact, last.row)
    return Seal(head, xact, row, [one[0] for one in rows], leaves, root, frontier)
