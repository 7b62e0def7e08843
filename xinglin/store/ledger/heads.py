"""Tree heads: what a seal says of the whole ledger in a few bytes, signed; and the form in which they leave the house.

A head names the ledger, how many seals and rows it has, when, the root of the Merkle tree over all seals, and the chain hash.
Whoever keeps a head can tell later whether the ledger is still the one it was (docs/explanation/audit.md).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import msgspec
from asyncpg import Connection

from xinglin.base.clock import instant
from xinglin.base.crypto.merkle import Digest, consistent, digest_of
from xinglin.base.crypto.signatures import key_id_of, verify_signature
from xinglin.base.errors import Malformed
from xinglin.store.pool import Row

KIND = "xinglin audit tree head 1"
WITNESSED = "xinglin audit witness 1"
_encode = msgspec.msgpack.Encoder().encode


@dataclass(frozen=True, slots=True)
class Head:
    """A signed tree head. `number`: seals in the tree; `rows`: rows in all of them; `at`: microseconds since 1970; `key`: the signer's."""

    ledger: str
    suite: str
    number: int
    rows: int
    at: int
    tree: bytes
    chain: bytes
    key: str
    signature: bytes

    @property
    def statement(self) -> bytes:
        """What is signed."""
        return _encode((KIND, self.ledger, self.suite, self.number, self.rows, self.at, self.tree, self.chain))


class Witness(msgspec.Struct, frozen=True, kw_only=True):
    """A witness's word: it saw this head, and the ledger had only grown since the one it saw before. Signature in hexadecimal."""

    name: str
    at: str
    public: str
    signature: str


class Exported(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A head as a JSON file; hashes and signatures in hexadecimal. `consistency`: the proof that it grew from the tree of `since` seals."""

    kind: str = KIND
    ledger: str
    suite: str
    seals: int
    rows: int
    at: str
    at_us: int
    tree: str
    chain: str
    key: str
    public: str
    signature: str
    since: int = 0
    consistency: tuple[str, ...] = ()
    witnesses: tuple[Witness, ...] = ()

    @property
    def head(self) -> Head:
        """The head of the file. Raises `Malformed`."""
        tree, chain, signature = (unhex(text) for text in (self.tree, self.chain, self.signature))
        return Head(self.ledger, self.suite, self.seals, self.rows, self.at_us, tree, chain, self.key, signature)

    @property
    def genuine(self) -> bool:
        """Whether the signature is that of the public key in the file. Whose key that is, the file cannot tell."""
        return _named(self.public, self.key) and verify_signature(self.public, self.head.statement, self.head.signature)


def exported(head: Head, public: str, since: int = 0, proof: tuple[bytes, ...] = ()) -> Exported:
    """A head to give to others."""
    return Exported(
        ledger=head.ledger, suite=head.suite, seals=head.number, rows=head.rows, at=instant(head.at), at_us=head.at, tree=head.tree.hex(),
        chain=head.chain.hex(), key=head.key, public=public, signature=head.signature.hex(), since=since,
        consistency=tuple(part.hex() for part in proof),
    )  # fmt: skip


def write_head(file: Exported) -> bytes:
    """The JSON text of a head file."""
    return msgspec.json.format(msgspec.json.encode(file), indent=2) + b"\n"


def read_head(text: bytes) -> Exported:
    """A head file. Raises `Malformed`."""
    try:
        file = msgspec.json.decode(text, type=Exported)
    except msgspec.DecodeError as broken:
        raise Malformed("This is no file of a tree head: {why}.", why=str(broken)) from broken
    if file.kind != KIND or file.suite not in ("sm3", "sha256"):
        raise Malformed("This is no file of a tree head that can be read here.")
    return file


def grew(former: Exported, later: Exported) -> bool:
    """Whether a later head's own proof shows that its ledger grew from the former's."""
    if later.ledger != former.ledger or later.suite != former.suite or former.seals not in (later.since, later.seals):
        return False
    digest, proof = digest_of(later.suite), tuple(unhex(part) for part in later.consistency)
    if later.seals == former.seals:
        return later.head.tree == former.head.tree and later.head.chain == former.head.chain
    return consistent(digest, former.seals, former.head.tree, later.seals, later.head.tree, proof)


def witness_statement(head: Head, name: str, at: str) -> bytes:
    """What a witness signs."""
    return _encode((WITNESSED, head.statement, head.signature, name, at))


def vouched(file: Exported, witness: Witness) -> bool:
    """Whether a witness's signature under a head is that of the key it names."""
    return verify_signature(witness.public, witness_statement(file.head, witness.name, witness.at), unhex(witness.signature))


# --- how the tree is made ---


def entry(number: int, at: int, count: int, size: int, root: bytes) -> bytes:
    """What stands in the tree for a seal: its number, its time, its rows, the rows up to and with it, the root of its batch."""
    return _encode((number, at, count, size, root))


def next_chain(digest: Digest, chain: bytes, text: bytes, tree: bytes) -> bytes:
    """The chain hash after one more entry."""
    return digest(b"\x02" + chain + tree + text)


def first_chain(digest: Digest, ledger: str) -> bytes:
    """Where the chain of a ledger begins."""
    return digest(b"\x02" + ledger.encode())


def ledger_name(key_mark: bytes) -> str:
    """The name of an installation's ledger: 32 hexadecimal digits, the same wherever its database is restored."""
    return hashlib.sha256(b"xinglin audit ledger" + key_mark).hexdigest()[:32]


async def ledger_of(connection: Connection) -> str:
    """The name of this database's ledger."""
    return ledger_name(await connection.fetchval("SELECT key_mark FROM xinglin.installation"))


def head_of(row: Row, ledger: str) -> Head:
    """The head a row of `xinglin.seal` holds."""
    return Head(
        ledger, row["suite"], row["n"], row["size"], row["at"], row["tree"], row["chain"], row["key"], row["signature"]
    )  # fmt: skip


def _named(public: str, key: str) -> bool:
    try:
        return key_id_of(public) == key
    except ValueError:
        return False


def unhex(text: str) -> bytes:
    """Bytes of hexadecimal text. Raises `Malformed`."""
    try:
        return bytes.fromhex(text)
    except ValueError as broken:
        raise Malformed("This is no file of a tree head: {why}.", why="a hash is not hexadecimal") from broken
