"""Keeping change feed and audit trail in order when a dump is restored into another cluster, whose transaction numbers start elsewhere.

Consumers read the feed by transaction number. A cluster that counts below the feed's newest number would write rows that
all consumers believe they have seen; so from then on an offset is added to what it counts (`xact_offset`, and the
columns' default). One that counts above is in order as it is. Places of consumers, and of the ledger's sealer, stay what they are.
"""

from __future__ import annotations

from asyncpg import Connection


async def rebase(connection: Connection) -> bool:
    """Put new transaction numbers above those written when the cluster counts below them (a dump was restored); whether it had to."""
    async with connection.transaction():
        offset, newest, next_ = await connection.fetchrow(
            "SELECT xact_offset, greatest((SELECT max(xact) FROM xinglin.feed), (SELECT max(xact) FROM xinglin.audit),"
            " (SELECT max(xact) FROM xinglin.seal)), pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
            " FROM xinglin.installation FOR UPDATE"
        )
        if newest is None or newest < next_ + offset:
            return False
        await connection.execute("UPDATE xinglin.installation SET xact_offset = $1", newest + 1)
        for table in ("feed", "audit"):
            await connection.execute(
                f"ALTER TABLE xinglin.{table} ALTER xact SET DEFAULT pg_current_xact_id()::text::bigint + {int(newest) + 1}"
            )
        return True
