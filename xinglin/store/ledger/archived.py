"""Which seals' rows were moved into archives: told by rows of the trail itself, which stay in it for good."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from asyncpg import Connection

ARCHIVE = "archive"
"""The interaction of the audit row that tells of an archive; its id is `first-last`, numbers of seals; its ground the file's digest."""
_RANGE = re.compile(r"(\d{1,18})-(\d{1,18})\Z")


@dataclass(frozen=True, slots=True)
class Covered:
    """Seals whose rows are said to lie in an archive since `at`."""

    seals: range
    at: int


@dataclass(frozen=True, slots=True)
class Archived:
    """An archive file that was verified: its name, its seals, the chain hash at its end, its digest in hexadecimal, its rows."""

    name: str
    seals: range
    chain: bytes
    digest: str
    rows: int


async def archived_in(connection: Connection) -> Sequence[Covered]:
    """The seals whose rows are said to lie in archives."""
    rows = await connection.fetch("SELECT id, at FROM xinglin.audit WHERE interaction = $1 AND type = 'AuditEvent' ORDER BY n", ARCHIVE)
    found = [(_RANGE.match(row["id"] or ""), row["at"]) for row in rows]
    return [Covered(range(int(one[1]), int(one[2]) + 1), at) for one, at in found if one]
