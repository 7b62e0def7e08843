"""Proofs: the head of the ledger for others to keep, that it grew from an earlier one, and that one row is in it."""

from __future__ import annotations

import msgspec
from asyncpg import Connection

from xinglin.base.clock import instant
from xinglin.base.crypto.merkle import consistency, digest_of, includes, inclusion, leaf_of
from xinglin.base.crypto.signatures import Signer
from xinglin.base.errors import Conflict, Malformed, NotFound
from xinglin.store.ground import Ground
from xinglin.store.ledger.heads import Exported, entry, exported, head_of, ledger_of, unhex
from xinglin.store.ledger.rows import SELECTED, hashes_of, leaf, numbers_of, told


class RowProof(msgspec.Struct, frozen=True, kw_only=True):
    """That a row is in the ledger: from its leaf up to the root of its seal, and from the seal up to a signed head. Hashes in hexadecimal.

    `place`, `count`: where it is among how many rows of its seal; `seal_entry`: what stands in the tree for the seal.
    """

    row: int
    at: str
    leaf: str
    seal: int
    sealed_at_us: int
    place: int
    count: int
    size: int
    within: tuple[str, ...]
    root: str
    above: tuple[str, ...]
    head: Exported


async def export_head(ground: Ground, signer: Signer, since: int = 0) -> Exported:
    """The newest head, with the proof that it grew from the one of `since` seals. Raises `NotFound` before the first seal, `Malformed`."""
    async with ground.side.connection() as connection:
        row = await connection.fetchrow("SELECT * FROM xinglin.seal ORDER BY n DESC LIMIT 1")
        if row is None:
            raise NotFound("Nothing is sealed yet.")
        head = head_of(row, await ledger_of(connection))
        public = await _public(connection, head.key, signer)
        if not since or since == head.number:
            return exported(head, public, since)
        if not 0 < since < head.number:
            raise Malformed("There is no head of {since} seals: the ledger has {seals}.", since=since, seals=head.number)
        entries = await tree_leaves(connection, head.suite, head.number)
        return exported(head, public, since, consistency(digest_of(head.suite), entries, since))


async def prove_row(ground: Ground, signer: Signer, n: int) -> RowProof:
    """The proof that a row is in the ledger as it is now. Raises `NotFound` (no such row, or not sealed yet), `Conflict` (changed)."""
    async with ground.side.connection() as connection:
        row = await connection.fetchrow(f"SELECT {SELECTED} FROM xinglin.audit WHERE n = $1", n)
        if row is None:
            raise NotFound("There is no row {row}.", row=n)
        holding = "SELECT * FROM xinglin.seal WHERE (xact, last) >= ($1, $2) ORDER BY xact, last, n LIMIT 1"
        seal = await connection.fetchrow(holding, row["xact"], n)
        numbers = list(numbers_of(seal["rows"])) if seal else []
        if n not in numbers:
            raise NotFound("Row {row} is not sealed yet.", row=n)
        digest, place, leaves = digest_of(seal["suite"]), numbers.index(n), hashes_of(seal["leaves"])
        mine = leaf(digest, told(ground, row))
        newest = await connection.fetchrow("SELECT * FROM xinglin.seal ORDER BY n DESC LIMIT 1")
        head = head_of(newest, await ledger_of(connection))
        above = inclusion(digest, await tree_leaves(connection, head.suite, head.number), seal["n"] - 1)
        public = await _public(connection, head.key, signer)
    proof = RowProof(
        row=n, at=instant(row["at"]), leaf=mine.hex(), seal=seal["n"], sealed_at_us=seal["at"], place=place, count=len(numbers),
        size=seal["size"], within=tuple(part.hex() for part in inclusion(digest, leaves, place)), root=seal["root"].hex(),
        above=tuple(part.hex() for part in above), head=exported(head, public),
    )  # fmt: skip
    if not proves(proof):
        raise Conflict("Row {row} is not what was sealed: verify the ledger.", row=n)
    return proof


def proves(proof: RowProof) -> bool:
    """Whether a proof leads from its leaf to its head, and the head is signed by the key in it."""
    digest, head = digest_of(proof.head.suite), proof.head.head
    within, above = tuple(map(unhex, proof.within)), tuple(map(unhex, proof.above))
    if not includes(digest, unhex(proof.leaf), proof.place, proof.count, within, unhex(proof.root)):
        return False
    text = entry(proof.seal, proof.sealed_at_us, proof.count, proof.size, unhex(proof.root))
    return includes(digest, leaf_of(digest, text), proof.seal - 1, head.number, above, head.tree) and proof.head.genuine


async def tree_leaves(connection: Connection, suite: str, upto: int) -> list[bytes]:
    """The leaves of the tree over all seals, the first `upto` of them."""
    digest = digest_of(suite)
    sql = "SELECT n, at, octet_length(leaves) / 32 AS count, size, root FROM xinglin.seal WHERE n <= $1 ORDER BY n"
    return [leaf_of(digest, entry(*row)) for row in await connection.fetch(sql, upto)]


async def _public(connection: Connection, key: str, signer: Signer) -> str:
    if key == signer.key_id:
        return signer.public
    return await connection.fetchval("SELECT public FROM xinglin.seal_key WHERE key = $1", key) or ""
