"""Nothing is rubbed out unseen: whatever is done to the trail or to its seals, verification finds it and names it."""

from __future__ import annotations

import pytest

from tests.store.ledger.written import DAY, SECOND, SIGNER, T0, look, noted, sealed, sql
from xinglin.base.crypto.signatures import Signer, signer
from xinglin.base.errors import Malformed
from xinglin.store import Store
from xinglin.store.ledger.faults import Report
from xinglin.store.ledger.proving import export_head
from xinglin.store.ledger.sealing import seal_next
from xinglin.store.ledger.verifying import verify


@pytest.fixture
async def ledger(store: Store) -> Store:
    """Thirty acts in three seals; the last search asked for a name."""
    searches = [look(n, interaction="search-type", id=None, query=f"name=Li{n}", patients=(n, n + 1)) for n in range(20, 30)]
    await sealed(store, [look(n) for n in range(10)], [look(n, status=403 if n == 15 else 200) for n in range(10, 20)], searches)
    return store


def told(report: Report) -> list[tuple[str, int, int]]:
    """(kind, row, seal) of each fault."""
    return [(fault.kind, fault.row, fault.seal) for fault in report.faults]


async def test_an_untouched_ledger_is_sound(ledger: Store):
    report = await verify(ledger.ground, SIGNER)
    assert (report.sound, report.seals, report.rows, report.unsealed, report.notes) == (True, 3, 30, 0, [])
    assert report.head is not None
    assert (report.head.number, report.head.rows) == (3, 30)


async def test_an_empty_ledger_is_sound(store: Store):
    report = await verify(store.ground, SIGNER)
    assert (report.sound, report.seals, report.rows) == (True, 0, 0)


@pytest.mark.parametrize(
    ("change", "row", "said"),
    [
        ("UPDATE xinglin.audit SET status = 200 WHERE n = 16", 16, "its status was 403, now it is 200"),
        ("UPDATE xinglin.audit SET actor = 'd-9' WHERE n = 3", 3, "its actor was 'd-2', now it is 'd-9'"),
        ("UPDATE xinglin.audit SET ground = NULL WHERE n = 5", 5, "its ground was 'treats', now it is empty"),
        ("UPDATE xinglin.audit SET ground = 'owns' WHERE n = 5", 5, "its ground was 'treats', now it is 'owns'"),
        ("UPDATE xinglin.audit SET at = at + 1 WHERE n = 7", 7, "which column cannot be told"),
        ("UPDATE xinglin.audit SET patients = NULL WHERE n = 25", 25, "it is not what was sealed"),
        ("UPDATE xinglin.audit SET query = NULL WHERE n = 25", 25, "it is not what was sealed"),
        ("UPDATE xinglin.audit SET query = '' WHERE n = 25", 25, "it is not what was sealed"),
        ("UPDATE xinglin.audit SET query = (SELECT query FROM xinglin.audit WHERE n = 26) WHERE n = 25", 25, "it is not what was sealed"),
        ("UPDATE xinglin.audit SET xact = xact - 1 WHERE n = 11", 11, "it is not what was sealed"),
    ],
)
async def test_a_changed_row_is_named(ledger: Store, change: str, row: int, said: str):
    await sql(ledger, change)
    (fault,) = (await verify(ledger.ground, SIGNER)).faults
    assert (fault.kind, fault.row, fault.seal) == ("changed", row, (row - 1) // 10 + 1)
    assert said in str(fault)
    assert f"Row {row} (2026-" in str(fault)


async def test_a_removed_row_is_named(ledger: Store):
    await sql(ledger, "DELETE FROM xinglin.audit WHERE n IN (4, 30)")
    assert told(await verify(ledger.ground, SIGNER)) == [("removed", 4, 1), ("removed", 30, 3)]


async def test_an_inserted_row_is_named(ledger: Store):
    columns = "actor, role, interaction, type, id, query, status, address, request, patient, patients, ground"
    copied = f"INSERT INTO xinglin.audit (at, xact, {columns}) SELECT at, xact, {columns} FROM xinglin.audit WHERE n = 3 RETURNING n"
    n = await sql(ledger, copied)
    assert told(await verify(ledger.ground, SIGNER)) == [("inserted", n, 0)]


async def test_a_row_removed_and_another_put_in_are_both_named(ledger: Store):
    n = await sql(ledger, "UPDATE xinglin.audit SET n = DEFAULT WHERE n = 4 RETURNING n")
    assert sorted(told(await verify(ledger.ground, SIGNER))) == [("inserted", n, 0), ("removed", 4, 1)]


async def test_a_row_of_a_transaction_yet_to_come_is_named(ledger: Store):
    late = "INSERT INTO xinglin.audit (at, xact, actor, role, interaction, status) VALUES (0, 2^50, 'a', 'b', 'c', 200) RETURNING n"
    n = await sql(ledger, late)
    report = await verify(ledger.ground, SIGNER)
    assert told(report) == [("inserted", n, 0)]
    assert "not been yet" in str(report.faults[0])


async def test_rows_put_in_each_others_place_are_named(ledger: Store):
    async with ledger.ground.side.connection() as connection:
        columns = "at, actor, role, interaction, type, id, query, status, address, request, patient, patients, ground, xact"
        await connection.execute(
            f"UPDATE xinglin.audit a SET ({columns}) = (SELECT {columns} FROM xinglin.audit b WHERE b.n = 11 - a.n) WHERE a.n IN (3, 8)"
        )
    report = await verify(ledger.ground, SIGNER)
    assert told(report) == [("reordered", 3, 1), ("reordered", 8, 1)]
    assert "as row 8" in str(report.faults[0])


@pytest.mark.parametrize(
    ("change", "seal", "said"),
    [
        ("UPDATE xinglin.seal SET leaves = substr(leaves, 33) || substr(leaves, 1, 32) WHERE n = 2", 2, "leaves were changed"),
        ("UPDATE xinglin.seal SET leaves = substr(leaves, 33) WHERE n = 2", 2, "list of rows was changed"),
        ("UPDATE xinglin.seal SET rows = substr(rows, 2) WHERE n = 2", 2, "list of rows was changed"),
        ("UPDATE xinglin.seal SET root = sha256(root) WHERE n = 2", 2, "do not make its root"),
        ("UPDATE xinglin.seal SET size = size + 1 WHERE n = 2", 2, "counts 21 rows"),
        ("UPDATE xinglin.seal SET tree = sha256(tree) WHERE n = 2", 2, "does not stand in the tree"),
        ("UPDATE xinglin.seal SET frontier = sha256(frontier) WHERE n = 2", 2, "does not stand in the tree"),
        ("UPDATE xinglin.seal SET chain = sha256(chain) WHERE n = 2", 2, "chain is broken"),
        ("UPDATE xinglin.seal SET at = at + 1 WHERE n = 2", 2, "does not stand in the tree"),
        ("UPDATE xinglin.seal SET at = 1 WHERE n = 2", 2, "behind a later one"),
        ("UPDATE xinglin.seal SET signature = substr(signature, 2) WHERE n = 2", 2, "forged"),
        ("UPDATE xinglin.seal SET key = 'another' WHERE n = 2", 2, "which nobody knows"),
        ("UPDATE xinglin.seal SET suite = 'sha256' WHERE n = 2", 2, "another hash"),
        ("UPDATE xinglin.seal_key SET public = 'x'", 0, ""),
    ],
)
async def test_a_seal_that_was_tampered_with_is_named(ledger: Store, change: str, seal: int, said: str):
    await sql(ledger, change)
    report = await verify(ledger.ground, SIGNER)
    assert report.sound == (seal == 0)
    assert any(fault.seal == seal and said in fault.text for fault in report.faults) == (seal != 0)


async def test_a_missing_seal_is_named(ledger: Store):
    await sql(ledger, "DELETE FROM xinglin.seal WHERE n = 2")
    report = await verify(ledger.ground, SIGNER)
    assert "seals 2 to 2 are missing" in str(report.faults[0])
    assert sum(fault.kind == "inserted" for fault in report.faults) == 10


async def test_a_ledger_sealed_anew_with_another_key_is_not_ours(ledger: Store):
    await rewritten(ledger, "UPDATE xinglin.audit SET actor = 'd-9' WHERE n = 3", signer(b"thief" * 8))
    report = await verify(ledger.ground, SIGNER)
    assert any(fault.kind == "head" and "not with this installation's" in fault.text for fault in report.faults)


async def rewritten(store: Store, change: str, by: Signer) -> None:
    """Change the past and seal everything anew, as the owner of database and key can."""
    await sql(store, change)
    times = await _seal_times(store)
    await sql(store, "DELETE FROM xinglin.seal")
    assert await seal_next(store.ground, by, times[-1]) == 30


async def _seal_times(store: Store) -> list[int]:
    async with store.ground.side.connection() as connection:
        return [row["at"] for row in await connection.fetch("SELECT at FROM xinglin.seal ORDER BY n")]


async def test_a_history_rewritten_with_the_key_is_found_out_by_a_head_kept_elsewhere(ledger: Store):
    kept = await export_head(ledger.ground, SIGNER)
    await rewritten(ledger, "UPDATE xinglin.audit SET actor = 'd-9' WHERE n = 3", SIGNER)
    assert (await verify(ledger.ground, SIGNER)).sound, "by itself nobody can tell"
    (fault,) = (await verify(ledger.ground, SIGNER, evidence=[kept])).faults
    assert fault.kind == "witness"
    assert "cut off" in fault.text
    for n in range(2):
        await sealed(ledger, [look(40 + n)], at=T0 + 3600 * SECOND)
    (fault,) = (await verify(ledger.ground, SIGNER, evidence=[kept])).faults
    assert "rewritten" in fault.text


async def test_seals_cut_off_at_the_end_are_found_out_by_a_head_kept_elsewhere(ledger: Store):
    kept = await export_head(ledger.ground, SIGNER)
    await sql(ledger, "DELETE FROM xinglin.seal WHERE n = 3")
    await sql(ledger, "DELETE FROM xinglin.audit WHERE n > 20")
    assert (await verify(ledger.ground, SIGNER)).sound
    (fault,) = (await verify(ledger.ground, SIGNER, evidence=[kept])).faults
    assert "cut off" in fault.text


async def test_verification_may_begin_at_a_kept_head(ledger: Store):
    kept = await export_head(ledger.ground, SIGNER)
    await sealed(ledger, [look(n) for n in range(5)], at=T0 + DAY)
    report = await verify(ledger.ground, SIGNER, since=kept)
    assert (report.sound, report.seals, report.rows) == (True, 1, 5)
    await sql(ledger, "DELETE FROM xinglin.audit WHERE n IN (4, 33)")
    assert told(await verify(ledger.ground, SIGNER, since=kept)) == [("removed", 33, 4)]


async def test_verification_does_not_begin_at_a_head_of_another_past(ledger: Store):
    kept = await export_head(ledger.ground, SIGNER)
    await sql(ledger, "UPDATE xinglin.seal SET chain = sha256(chain) WHERE n = 3")
    with pytest.raises(Malformed, match="does not go on"):
        await verify(ledger.ground, SIGNER, since=kept)


async def test_what_waits_for_its_seal_is_counted_and_no_fault(ledger: Store):
    await noted(ledger, look(1), look(2))
    report = await verify(ledger.ground, SIGNER)
    assert (report.sound, report.unsealed) == (True, 2)


async def test_after_a_change_of_the_signing_key_the_past_is_still_sound(ledger: Store):
    other = signer(b"o" * 32)
    await seal_next(ledger.ground, other, T0 + DAY)
    await sealed(ledger, [look(1)], at=T0 + DAY, by=other)
    assert (await verify(ledger.ground, other)).sound
    assert not (await verify(ledger.ground, SIGNER)).sound


async def test_a_row_that_tells_of_a_time_long_past_is_pointed_out(ledger: Store):
    await sealed(ledger, [look(1)], at=T0 + DAY)
    await noted(ledger, look(2), at=T0)
    await seal_next(ledger.ground, SIGNER, T0 + DAY + 60 * SECOND)
    report = await verify(ledger.ground, SIGNER)
    assert report.sound
    assert report.notes == ["Row 32, seal 5, tells of a time long before it was written."]


async def test_sealing_queries_anew_under_another_data_key_changes_nothing(ledger: Store):
    async with ledger.ground.side.connection() as connection:
        contents = ledger.ground.contents
        for row in await connection.fetch("SELECT n, query FROM xinglin.audit WHERE query IS NOT NULL"):
            anew = contents.seal_loose(contents.open_loose(row["query"], b"audit query"), b"audit query")
            assert anew != row["query"]
            await connection.execute("UPDATE xinglin.audit SET query = $2 WHERE n = $1", row["n"], anew)
    assert (await verify(ledger.ground, SIGNER)).sound
