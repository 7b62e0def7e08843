"""An archive of the trail: NDJSON, zstd-compressed; the rows of whole seals with their seals, and a head that vouches for them.

First line: which ledger, and where it stood before. Then each seal, followed by its rows. Last line: a signed head with the proof that
the tree grew from the last seal here. Queries stay sealed as they were. Bytes are base64.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import zstandard

from xinglin.base.crypto.merkle import consistent, digest_of
from xinglin.base.errors import Malformed
from xinglin.store.ledger.archived import Archived
from xinglin.store.ledger.faults import Fault, Report
from xinglin.store.ledger.heads import Exported, unhex
from xinglin.store.ledger.rows import leaf
from xinglin.store.ledger.walking import Standing, Walk
from xinglin.store.pool import Row

SUFFIX = ".ndjson.zst"
LINE_BYTES_MAX = 64 * 1024 * 1024


class Beginning(msgspec.Struct, frozen=True, kw_only=True, tag_field="line", tag="archive"):
    """Where the ledger stood before the first seal of the file."""

    ledger: str
    suite: str
    first: int
    last: int
    size: int
    at: int
    xact: int
    row: int
    frontier: tuple[bytes, ...]
    chain: bytes


class SealLine(msgspec.Struct, frozen=True, kw_only=True, tag_field="line", tag="seal"):
    """One row of `xinglin.seal`."""

    n: int
    at: int
    suite: str
    size: int
    xact: int
    last: int
    rows: bytes
    leaves: bytes
    root: bytes
    frontier: bytes
    tree: bytes
    chain: bytes
    key: str
    signature: bytes


class RowLine(msgspec.Struct, frozen=True, kw_only=True, tag_field="line", tag="row"):
    """One row of `xinglin.audit`. `query` is sealed; `mark` is its keyed hash, which is what the leaf holds."""

    n: int
    at: int
    actor: str
    role: str
    interaction: str
    type: str | None
    id: str | None
    mark: bytes | None
    status: int
    address: str | None
    request: str | None
    patient: int | None
    patients: list[int] | None
    ground: str | None
    xact: int
    query: bytes | None = None

    @property
    def told(self) -> tuple[Any, ...]:
        """The row as `rows.told` gives it."""
        return msgspec.structs.astuple(self)[:-1]


class Ending(msgspec.Struct, frozen=True, kw_only=True, tag_field="line", tag="end"):
    """The head that vouches for the file, and the public keys its seals are signed with."""

    head: Exported
    publics: dict[str, str]


Line = Beginning | SealLine | RowLine | Ending
_decode = msgspec.json.Decoder(Line).decode


@contextmanager
def writing(path: Path) -> Generator[Callable[[Line], None]]:
    """Write an archive, line by line."""
    with path.open("wb") as raw, zstandard.ZstdCompressor(level=9, write_checksum=True).stream_writer(raw) as packed:

        def put(line: Line) -> None:
            packed.write(msgspec.json.encode(line) + b"\n")

        yield put


def read(path: Path) -> Iterator[Line]:
    """The lines of an archive. Raises `Malformed` when it is none, or is damaged."""
    try:
        with path.open("rb") as raw, zstandard.ZstdDecompressor().stream_reader(raw) as plain:
            for text in io.BufferedReader(plain, 1024 * 1024):
                if len(text) > LINE_BYTES_MAX or not text.endswith(b"\n"):
                    raise Malformed("{file} is no archive of an audit trail: a line is cut off.", file=path.name)
                yield _decode(text)
    except (msgspec.DecodeError, zstandard.ZstdError) as broken:
        raise Malformed("{file} is no archive of an audit trail, or is damaged: {why}.", file=path.name, why=str(broken)) from broken
    except OSError as unread:
        raise Malformed("{file} cannot be read: {why}.", file=str(path), why=str(unread)) from unread


def file_digest(path: Path, suite: str) -> str:
    """The digest of a file, in hexadecimal."""
    with path.open("rb") as raw:
        return hashlib.file_digest(raw, lambda: hashlib.new(suite)).hexdigest()


def verify_file(path: Path, publics: Mapping[str, str], report: Report) -> Archived:
    """Verify an archive by itself: rows, seals, chain, tree, signatures, and the head at its end. Raises `Malformed`.

    `publics`: keys that are trusted, by name; without any, those in the file are used, and only the file's own word is proved.
    """
    lines = read(path)
    first = next(lines, None)
    if not isinstance(first, Beginning):
        raise Malformed("{file} is no archive of an audit trail: it does not begin as one.", file=path.name)
    known, count = publics or _publics_in(path), 0
    walk = Walk(first.ledger, first.suite, known, (), report)
    frontier, place = first.frontier, (first.xact, first.row)
    walk.standing = Standing(first.first - 1, first.size, place, first.at, frontier, first.chain)
    wanted: dict[int, bytes] = {}
    seal, ending = 0, None
    for line in lines:
        match line:
            case SealLine():
                _missing(path, report, seal, wanted)
                walked = walk.take(msgspec.structs.asdict(line))
                seal, wanted = walked.number, dict(zip(walked.numbers, walked.leaves, strict=False))
            case RowLine():
                count += 1
                _row(path, report, walk, seal, wanted, line)
            case Ending():
                ending = line
            case Beginning():
                raise Malformed("{file} is no archive of an audit trail: it begins twice.", file=path.name)
    _missing(path, report, seal, wanted)
    _ends(path, report, walk, ending, first.last)
    return Archived(path.name, range(first.first, first.last + 1), walk.standing.chain, file_digest(path, first.suite), count)


def _publics_in(path: Path) -> dict[str, str]:
    return next((line.publics for line in read(path) if isinstance(line, Ending)), dict[str, str]())


def _row(path: Path, report: Report, walk: Walk, seal: int, wanted: dict[int, bytes], line: RowLine) -> None:
    mark = wanted.pop(line.n, None)
    if mark is None:
        report.add(Fault("inserted", f"{path.name}: its seal does not know it", seal, line.n, line.at))
    elif leaf(walk.digest, line.told) != mark:
        report.add(Fault("changed", f"{path.name}: it is not what was sealed", seal, line.n, line.at))
    else:
        report.rows += 1


def _missing(path: Path, report: Report, seal: int, wanted: Mapping[int, bytes]) -> None:
    for n in wanted:
        report.add(Fault("removed", f"{path.name}: it was sealed, and is not there any more", seal, n))


def _ends(path: Path, report: Report, walk: Walk, ending: Ending | None, last: int) -> None:
    """The file must end with the seal it promises, and its head must have grown from there."""
    standing = walk.standing
    if ending is None or standing.number != last:
        report.add(Fault("archive", f"{path.name} is cut off"))
        return
    head = ending.head
    proof = tuple(unhex(part) for part in head.consistency)
    tree = report.head.tree if report.head else b""
    same = standing.number == head.seals and tree == head.head.tree
    if not head.genuine or head.ledger != walk.ledger:
        report.add(Fault("archive", f"{path.name}: the head at its end is forged"))
    elif not same and not consistent(digest_of(walk.suite), standing.number, tree, head.seals, head.head.tree, proof):
        report.add(Fault("archive", f"{path.name}: the head at its end did not grow from its seals"))


def seal_line(row: Row) -> SealLine:
    """A row of `xinglin.seal` as a line."""
    return SealLine(**{name: row[name] for name in SealLine.__struct_fields__})


def row_line(told: Sequence[Any], query: bytes | None) -> RowLine:
    """A row of the trail as a line: as it is hashed, and with its sealed query."""
    values: dict[str, Any] = dict(zip(RowLine.__struct_fields__, (*told, query), strict=True))
    return RowLine(**values)
