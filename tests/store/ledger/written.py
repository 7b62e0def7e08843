"""Acts to seal, and the ways in which someone with the database in hand would change them."""

from __future__ import annotations

import asyncio
from typing import Any

from xinglin.base.crypto.signatures import Signer, signer
from xinglin.store import AuditRow, Store
from xinglin.store.ledger.sealing import seal_next

SIGNER: Signer = signer(b"s" * 32)
T0 = 1_790_000_000_000_000
SECOND = 1_000_000
DAY = 24 * 3600 * SECOND


def look(n: int, **more: Any) -> AuditRow:
    """Doctor `n % 3` reads a Patient."""
    row: dict[str, Any] = {"actor": f"d-{n % 3}", "role": "doctor", "interaction": "read", "type": "Patient", "id": f"p-{n}"}
    row |= {"query": None, "status": 200, "address": "10.0.0.1", "request": f"r-{n}", "patients": (n,), "ground": "treats"}
    return AuditRow(**(row | more))


async def noted(store: Store, *rows: AuditRow, at: int = T0) -> None:
    """Write rows down as the doors do, a second apart."""
    for number, row in enumerate(rows):
        store.trail.note(at + number * SECOND, row)
    await store.trail.flush()


async def sealed(store: Store, *batches: list[AuditRow], at: int = T0, by: Signer = SIGNER) -> None:
    """Note and seal, batch by batch, a minute apart."""
    for number, rows in enumerate(batches):
        await noted(store, *rows, at=at + number * 60 * SECOND)
        for _ in range(200):  # a transaction of another test's database holds the horizon back for a moment
            if done := await seal_next(store.ground, by, at + (number * 60 + 30) * SECOND):
                break
            await asyncio.sleep(0.01)
        assert done == len(rows)


async def sql(store: Store, statement: str, *values: object) -> Any:
    """Do something behind the platform's back; the first value of the answer."""
    async with store.ground.side.connection() as connection:
        return await connection.fetchval(statement, *values)
