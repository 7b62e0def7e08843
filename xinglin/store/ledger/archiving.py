"""Archiving: rows older than the law asks for go into files, whole seals at a time; the seals stay, and the chain with them.

A file is written, brought to the disk, read again and verified; only then, in one transaction, the trail notes it and its rows go.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from asyncpg import Connection

from xinglin.base.clock import instant
from xinglin.base.crypto.merkle import digest_of
from xinglin.base.crypto.signatures import Signer
from xinglin.base.errors import Conflict, Malformed, NotFound
from xinglin.store.applying import write_audit
from xinglin.store.changes import AuditRow
from xinglin.store.ground import Ground
from xinglin.store.ledger.archive_file import SUFFIX, Beginning, Ending, Line, row_line, seal_line, verify_file, writing
from xinglin.store.ledger.archived import ARCHIVE, Archived, archived_in
from xinglin.store.ledger.faults import Report
from xinglin.store.ledger.heads import ledger_of
from xinglin.store.ledger.proving import export_head
from xinglin.store.ledger.rows import QUERY, SELECTED, hashes_of, leaf, numbers_of, told
from xinglin.store.ledger.sealing import Last, beginning, last_of

DAY_US = 24 * 3600 * 1_000_000
ROWS_PER_FILE = 500_000


async def archive(ground: Ground, signer: Signer, before_us: int, folder: Path, now_us: int, actor: str) -> list[Archived]:
    """Archive every whole seal made before a moment into files of a folder; what was archived, file by file.

    Raises `Malformed` when the moment is too recent, `NotFound` when nothing is that old, `Conflict` when the ledger is not sound there.
    """
    youngest = now_us - ground.settings.audit_days_min * DAY_US
    if before_us > youngest:
        text = "The trail stays in the database for {days} days: name a day not after {day}."
        raise Malformed(text, days=ground.settings.audit_days_min, day=instant(youngest)[:10])
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    connection = await ground.pool.open(statement_timeout="0", idle_in_transaction_session_timeout="0")
    try:
        done: list[Archived] = []
        while seals := await _next(connection, before_us):
            done.append(await _one(ground, connection, signer, seals, folder, now_us, actor))
    finally:
        await connection.close(timeout=5)
    if not done:
        raise NotFound("There is nothing to archive: no seal that is not archived is older.")
    return done


async def _next(connection: Connection, before_us: int) -> list[int]:
    """The numbers of the seals of the next file."""
    first = max((part.seals.stop for part in await archived_in(connection)), default=1)
    rows = await connection.fetch(
        "SELECT n, octet_length(leaves) / 32 AS count FROM xinglin.seal WHERE n >= $1 AND at < $2 ORDER BY n LIMIT 100000", first, before_us
    )
    taken: list[int] = []
    size = 0
    for row in rows:
        if taken and size + row["count"] > ROWS_PER_FILE:
            break
        taken.append(row["n"])
        size += row["count"]
    return taken


async def _one(
    ground: Ground, connection: Connection, signer: Signer, seals: Sequence[int], folder: Path, now_us: int, actor: str
) -> Archived:
    name = f"audit-{seals[0]:08}-{seals[-1]:08}"
    path = folder / f"{name}{SUFFIX}"
    if path.exists():
        raise Conflict("{file} is there already; move it away, or choose another folder.", file=str(path))
    draft = folder / f"{name}.new"
    try:
        await _write(ground, connection, signer, seals, draft)
        report = Report()
        found = verify_file(draft, {}, report)
        if not report.sound:
            raise Conflict("The archive cannot be made: {fault}", fault=str(report.faults[0]))
        _settle(draft, path)
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()
    made = Archived(path.name, found.seals, found.chain, found.digest, found.rows)
    await _remove(ground, connection, made, now_us, actor)
    return made


def _settle(draft: Path, path: Path) -> None:
    """Bring the file and its name onto the disk."""
    for place in (draft, None):
        if place is None:
            draft.rename(path)
        handle = os.open(place or path.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


async def _write(ground: Ground, connection: Connection, signer: Signer, seals: Sequence[int], draft: Path) -> None:
    head = await export_head(ground, signer, seals[-1])
    publics = {row["key"]: row["public"] for row in await connection.fetch("SELECT key, public FROM xinglin.seal_key")}
    ledger = await ledger_of(connection)
    former = await connection.fetchrow("SELECT * FROM xinglin.seal WHERE n = $1", seals[0] - 1)
    before = last_of(former) if former else beginning(ledger, head.suite)
    with writing(draft) as put:
        put(_beginning(ledger, before, seals))
        for n in seals:
            await _write_seal(ground, connection, n, put)
        put(Ending(head=head, publics=publics))


async def _write_seal(ground: Ground, connection: Connection, n: int, put: Callable[[Line], None]) -> None:
    seal = await connection.fetchrow("SELECT * FROM xinglin.seal WHERE n = $1", n)
    put(seal_line(seal))
    numbers, digest = list(numbers_of(seal["rows"])), digest_of(seal["suite"])
    found = {row["n"]: row for row in await connection.fetch(f"SELECT {SELECTED} FROM xinglin.audit WHERE n = ANY($1)", numbers)}
    leaves = dict(zip(numbers, hashes_of(seal["leaves"]), strict=False))
    for number in numbers:
        row = found.get(number)
        heard = told(ground, row) if row else ()
        if row is None or leaf(digest, heard) != leaves.get(number):
            raise Conflict("Row {row} is not what was sealed: verify the ledger before anything is archived.", row=number)
        put(row_line(heard, row[QUERY]))


def _beginning(ledger: str, before: Last, seals: Sequence[int]) -> Beginning:
    return Beginning(
        ledger=ledger, suite=before.suite, first=seals[0], last=seals[-1], size=before.size, at=before.at, xact=before.xact, row=before.row,
        frontier=before.frontier, chain=before.chain,
    )  # fmt: skip


async def _remove(ground: Ground, connection: Connection, made: Archived, now_us: int, actor: str) -> None:
    """Note the archive in the trail, and take its rows out of the table; rows that tell of archives stay."""
    about = (ARCHIVE, "AuditEvent", f"{made.seals.start}-{made.seals.stop - 1}")
    row = AuditRow(actor, "system", *about, None, 200, None, made.name, (), made.digest)
    async with connection.transaction():
        await write_audit(ground, connection, now_us, [row])
        for n in made.seals:
            packed = await connection.fetchval("SELECT rows FROM xinglin.seal WHERE n = $1", n)
            await connection.execute("DELETE FROM xinglin.audit WHERE n = ANY($1) AND interaction <> $2", list(numbers_of(packed)), ARCHIVE)
