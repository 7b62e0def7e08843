"""What the last verification of the ledger found, kept for those who look after it."""

from __future__ import annotations

import msgspec

from xinglin.base.errors import Conflict
from xinglin.store.ground import Ground
from xinglin.store.papers import Papers

_KEY = "last"


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of one verification. `at`: microseconds since 1970; `faults`: the first of them in words, `count` all of them.

    `head`: the file of the last head found sound, which the next verification holds the ledger against.
    """

    at: int
    seals: int
    rows: int
    count: int
    faults: tuple[str, ...] = ()
    partial: bool = False
    head: str = ""


async def last_verified(ground: Ground) -> Verified | None:
    """The last verification, None before the first."""
    paper = await _papers(ground).look(_KEY, 0)
    return paper.value if paper else None


async def keep_verified(ground: Ground, outcome: Verified) -> None:
    """Remember a verification; one that ended at the same moment wins or loses, either is true."""
    papers = _papers(ground)
    former = await papers.look(_KEY, 0)
    try:
        if former is None:
            await papers.add(_KEY, outcome)
        else:
            await papers.put(former, outcome)
    except Conflict:
        return


def _papers(ground: Ground) -> Papers[Verified]:
    return Papers(ground, "ledger verification", Verified)
