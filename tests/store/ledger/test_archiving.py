"""Old rows go into files that prove themselves; the chain goes on over them; nothing goes before its time."""

from __future__ import annotations

from pathlib import Path

import pytest
import zstandard

from tests.store.ledger.written import DAY, SIGNER, T0, look, sealed, sql
from xinglin.base.errors import Conflict, Malformed, NotFound
from xinglin.store import Store
from xinglin.store.ledger import archiving
from xinglin.store.ledger.archive_file import verify_file
from xinglin.store.ledger.archived import Archived
from xinglin.store.ledger.archiving import archive
from xinglin.store.ledger.faults import Report
from xinglin.store.ledger.sealing import seal_next
from xinglin.store.ledger.verifying import verify

NOW = T0 + 200 * DAY
PUBLICS = {SIGNER.key_id: SIGNER.public}


@pytest.fixture
async def ledger(store: Store) -> Store:
    """Two old seals and a young one."""
    await sealed(store, [look(n) for n in range(6)], [look(n, query=f"name=Li{n}", patients=(1, 2)) for n in range(4)])
    await sealed(store, [look(9)], at=NOW - DAY)
    return store


async def archived(store: Store, folder: Path) -> list[Archived]:
    return await archive(store.ground, SIGNER, T0 + DAY, folder, NOW, "auditor")


async def test_old_rows_go_into_a_file_and_the_ledger_stays_sound(ledger: Store, tmp_path: Path):
    (made,) = await archived(ledger, tmp_path / "old")
    assert (made.name, made.rows) == ("audit-00000001-00000002.ndjson.zst", 10)
    assert await sql(ledger, "SELECT array_agg(n ORDER BY n) FROM xinglin.audit") == [11, 12]
    assert await seal_next(ledger.ground, SIGNER, NOW) == 1
    report = await verify(ledger.ground, SIGNER)
    assert (report.sound, report.rows, report.archived, report.unchecked) == (True, 2, 10, 10)
    own = Report()
    files = [verify_file(tmp_path / "old" / made.name, PUBLICS, own)]
    report = await verify(ledger.ground, SIGNER, archives=files)
    assert (own.sound, own.rows, report.sound, report.unchecked) == (True, 10, True, 0)


async def test_rows_stay_for_the_days_the_law_asks_for(ledger: Store, tmp_path: Path):
    with pytest.raises(Malformed, match="180 days: name a day not after"):
        await archive(ledger.ground, SIGNER, NOW - 179 * DAY, tmp_path, NOW, "auditor")
    with pytest.raises(NotFound, match="nothing to archive"):
        await archive(ledger.ground, SIGNER, T0 - DAY, tmp_path, NOW, "auditor")
    assert files_in(tmp_path) == []
    assert await sql(ledger, "SELECT count(*) FROM xinglin.audit") == 11


async def test_rows_removed_under_the_name_of_an_archive_before_their_time_are_found(ledger: Store):
    columns, values = "at, actor, role, interaction, type, id, status", "$1, 'x', 'system', 'archive', 'AuditEvent', '3-3', 200"
    await sql(ledger, f"INSERT INTO xinglin.audit ({columns}) VALUES ({values})", NOW)
    await sql(ledger, "DELETE FROM xinglin.audit WHERE n = 11")
    (fault,) = (await verify(ledger.ground, SIGNER)).faults
    assert "before its time" in str(fault)


async def test_nothing_is_archived_from_a_ledger_that_was_tampered_with(ledger: Store, tmp_path: Path):
    await sql(ledger, "UPDATE xinglin.audit SET status = 500 WHERE n = 3")
    with pytest.raises(Conflict, match="Row 3 is not what was sealed"):
        await archived(ledger, tmp_path)
    assert files_in(tmp_path) == []
    assert await sql(ledger, "SELECT count(*) FROM xinglin.audit") == 11


async def test_an_archive_is_never_written_over(ledger: Store, tmp_path: Path):
    (tmp_path / "audit-00000001-00000002.ndjson.zst").write_text("mine")
    with pytest.raises(Conflict, match="there already"):
        await archived(ledger, tmp_path)
    assert await sql(ledger, "SELECT count(*) FROM xinglin.audit") == 11


async def test_the_next_archive_goes_on_where_the_last_ended(ledger: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(archiving, "ROWS_PER_FILE", 5)
    made = await archived(ledger, tmp_path)
    assert [one.seals for one in made] == [range(1, 2), range(2, 3)]
    later = await archive(ledger.ground, SIGNER, NOW, tmp_path, NOW + 200 * DAY, "auditor")
    assert later[0].seals.start == 3
    assert (await verify(ledger.ground, SIGNER)).sound


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b'"status":200', b'"status":403', "changed"),
        (b'"actor":"d-1"', b'"actor":"d-9"', "changed"),
        (b'"mark":"', b'"mark":"AAAA', "changed"),
        (b'"root":"', b'"root":"AAAA', "seal"),
        (b'"seals":3', b'"seals":4', "archive"),
    ],
)
async def test_a_changed_archive_is_found(ledger: Store, tmp_path: Path, old: bytes, new: bytes, said: str):
    (made,) = await archived(ledger, tmp_path)
    path = tmp_path / made.name
    repack(path, plain(path).replace(old, new, 1))
    report = Report()
    verify_file(path, PUBLICS, report)
    assert report.faults[0].kind == said


async def test_a_row_taken_out_of_an_archive_or_put_in_is_named(ledger: Store, tmp_path: Path):
    (made,) = await archived(ledger, tmp_path)
    path = tmp_path / made.name
    lines = plain(path).splitlines(keepends=True)
    report = Report()
    repack(path, b"".join([*lines[:3], *lines[4:]]))
    verify_file(path, PUBLICS, report)
    assert [(fault.kind, fault.row) for fault in report.faults] == [("removed", 2)]
    report = Report()
    repack(path, b"".join([*lines[:4], lines[3], *lines[4:]]))
    verify_file(path, PUBLICS, report)
    assert [(fault.kind, fault.row) for fault in report.faults] == [("inserted", 2)]


async def test_what_is_no_archive_or_is_cut_off_is_refused(ledger: Store, tmp_path: Path):
    (made,) = await archived(ledger, tmp_path)
    path = tmp_path / made.name
    whole = plain(path)
    repack(path, b"".join(whole.splitlines(keepends=True)[:-1]))
    report = Report()
    verify_file(path, PUBLICS, report)
    assert "cut off" in report.faults[0].text
    for broken in (whole[:-5], b"{}\n", b"", whole + whole):
        repack(path, broken)
        with pytest.raises(Malformed, match="no archive"):
            verify_file(path, PUBLICS, Report())
    path.write_bytes(b"not zstd at all")
    with pytest.raises(Malformed, match="no archive"):
        verify_file(path, PUBLICS, Report())


async def test_an_archive_of_another_past_is_found_by_the_ledger(ledger: Store, tmp_path: Path):
    await archived(ledger, tmp_path)
    other = Archived("x", range(1, 3), b"another", "", 10)
    faults = (await verify(ledger.ground, SIGNER, archives=[other])).faults
    assert [fault.kind for fault in faults] == ["archive"]


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def plain(path: Path) -> bytes:
    with path.open("rb") as raw:
        return zstandard.ZstdDecompressor().stream_reader(raw).read()


def repack(path: Path, text: bytes) -> None:
    path.write_bytes(zstandard.ZstdCompressor().compress(text))
