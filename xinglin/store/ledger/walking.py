"""Walking along the seals: each must follow from the one before it, be what its leaves make it, and carry a signature of a known key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xinglin.base.crypto.merkle import Digest, Path, digest_of, grown, leaf_of, root_of, root_of_frontier
from xinglin.base.crypto.signatures import key_id_of, verify_signature
from xinglin.store.ledger.faults import Fault, Report
from xinglin.store.ledger.heads import Exported, entry, first_chain, head_of, next_chain, vouched
from xinglin.store.ledger.rows import hashes_of, numbers_of
from xinglin.store.pool import Row


@dataclass(slots=True)
class Standing:
    """What must hold before the next seal."""

    number: int
    size: int
    place: tuple[int, int]
    at: int
    frontier: Path
    chain: bytes


@dataclass(frozen=True, slots=True)
class Walked:
    """One seal of the walk: its rows' numbers and their leaves, as far as they could be read. `before`: when the seal before was made."""

    number: int
    at: int
    before: int
    numbers: Sequence[int]
    leaves: Sequence[bytes]


class Walk:
    """One walk over the seals of a ledger. `publics`: the keys heads may be signed with, by name; `evidence`: heads kept elsewhere."""

    def __init__(self, ledger: str, suite: str, publics: Mapping[str, str], evidence: Sequence[Exported], report: Report) -> None:
        self.ledger, self.suite, self.report = ledger, suite, report
        self.digest: Digest = digest_of(suite)
        self._publics = {key: public for key, public in publics.items() if _names(public, key)}
        self._evidence: dict[int, list[Exported]] = {}
        for file in evidence:
            if self._own(file):
                self._evidence.setdefault(file.seals, []).append(file)
        self.standing = Standing(0, 0, (-1, 0), 0, (), first_chain(self.digest, ledger))

    def begin_at(self, row: Row) -> None:
        """Trust everything up to a seal, and go on behind it."""
        self.standing = _standing(row)

    def take(self, row: Row) -> Walked:
        """The next seal: every way in which it is not what it should be is reported once."""
        before, number = self.standing, row["n"]
        if number != before.number + 1:
            self._fault(row, f"seals {before.number + 1} to {number - 1} are missing")
        numbers, leaves = self._contents(row)
        if root_of(self.digest, leaves) != row["root"]:
            self._fault(row, "its leaves were changed: they do not make its root")
        elif number == before.number + 1:
            self._follows(row, before, len(numbers))
        self._signed(row)
        self._witnessed(row)
        self.standing = _standing(row)
        self.report.seals += 1
        self.report.head = head_of(row, self.ledger)
        return Walked(number, row["at"], before.at, numbers, leaves)

    def finish(self, trusted: str) -> None:
        """After the last seal: it must be signed by the installation's own key, and no evidence may speak of more than there is."""
        head = self.report.head
        if head is not None and head.key != trusted:
            text = f"the last head is signed with key {head.key}, not with this installation's"
            self.report.add(Fault("head", text, head.number, at=head.at))
        for number, files in self._evidence.items():
            if number > self.standing.number:
                for file in files:
                    text = f"seals were cut off: {_who(file)} holds a head of {number} seals, there are {self.standing.number}"
                    self.report.add(Fault("witness", text, at=file.at_us))

    def _contents(self, row: Row) -> tuple[Sequence[int], list[bytes]]:
        leaves = hashes_of(row["leaves"])
        try:
            numbers = numbers_of(row["rows"])
        except ValueError:
            numbers = ()
        if len(numbers) != len(leaves):
            self._fault(row, "its list of rows was changed: there is not one leaf for each")
            return (), leaves
        return numbers, leaves

    def _follows(self, row: Row, before: Standing, count: int) -> None:
        text = entry(row["n"], row["at"], count, row["size"], row["root"])
        frontier = grown(self.digest, before.frontier, before.number, leaf_of(self.digest, text))
        tree = root_of_frontier(self.digest, frontier)
        if row["size"] != before.size + count:
            self._fault(row, f"it counts {row['size']} rows; there are {before.size + count} up to it")
        elif b"".join(frontier) != row["frontier"] or tree != row["tree"]:
            self._fault(row, "it does not stand in the tree of all seals: it, or the one before, was changed")
        elif next_chain(self.digest, before.chain, text, tree) != row["chain"]:
            self._fault(row, "the chain is broken here: it, or the one before, was changed")
        if (row["xact"], row["last"]) < before.place or row["at"] < before.at:
            self._fault(row, "it stands behind a later one")

    def _signed(self, row: Row) -> None:
        head, public = head_of(row, self.ledger), self._publics.get(row["key"])
        if row["suite"] != self.suite:
            self._fault(row, "it is made with another hash than the seals before")
        if public is None:
            self._fault(row, f"its head is signed with key {row['key']}, which nobody knows", "head")
        elif not verify_signature(public, head.statement, head.signature):
            self._fault(row, "its head is forged: the signature is not that of its key", "head")

    def _witnessed(self, row: Row) -> None:
        head = head_of(row, self.ledger)
        for file in self._evidence.get(row["n"], ()):
            if file.head.tree != head.tree or file.head.chain != head.chain:
                self._fault(row, f"the past was rewritten: {_who(file)} holds another head of {row['n']} seals", "witness")

    def _own(self, file: Exported) -> bool:
        """Whether a head kept elsewhere is evidence about this ledger: a genuine one of our own making."""
        text = ""
        if file.ledger != self.ledger or file.suite != self.suite:
            text = "a head at hand is that of another ledger"
        elif not file.genuine or self._publics.get(file.key) != file.public:
            text = f"a head of {file.seals} seals at hand is not signed by this installation"
        elif any(not vouched(file, witness) for witness in file.witnesses):
            text = f"a witness's signature under the head of {file.seals} seals is not genuine"
        if text:
            self.report.add(Fault("witness", text, at=file.at_us))
        return not text

    def _fault(self, row: Row, text: str, kind: str = "seal") -> None:
        self.report.add(Fault(kind, text, row["n"], at=row["at"]))


def _standing(row: Row) -> Standing:
    return Standing(row["n"], row["size"], (row["xact"], row["last"]), row["at"], tuple(hashes_of(row["frontier"])), row["chain"])


def _names(public: str, key: str) -> bool:
    try:
        return key_id_of(public) == key
    except ValueError:
        return False


def _who(file: Exported) -> str:
    return ", ".join(witness.name for witness in file.witnesses) or "a kept file"
