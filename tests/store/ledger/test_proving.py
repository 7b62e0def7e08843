"""A head and a proof convince someone who has nothing else of the ledger; nothing false has a proof."""

from __future__ import annotations

import msgspec
import pytest

from tests.store.ledger.written import SIGNER, T0, look, noted, sealed, sql
from xinglin.base.crypto.signatures import signer
from xinglin.base.errors import Conflict, Malformed, NotFound
from xinglin.store import Store
from xinglin.store.ledger.heads import Exported, grew, read_head, write_head
from xinglin.store.ledger.proving import export_head, prove_row, proves
from xinglin.store.ledger.sealing import seal_next
from xinglin.store.ledger.witnessing import witnessed

WITNESS = signer(b"w" * 32)


@pytest.fixture
async def ledger(store: Store) -> Store:
    await sealed(store, *([look(n) for n in range(size)] for size in (1, 4, 7, 2, 5)))
    return store


async def test_a_head_file_says_the_same_after_writing_and_reading(ledger: Store):
    head = await export_head(ledger.ground, SIGNER)
    assert read_head(write_head(head)) == head
    assert (head.seals, head.rows, head.genuine) == (5, 19, True)


@pytest.mark.parametrize("change", [{"rows": 18}, {"seals": 4}, {"tree": "00" * 32}, {"chain": "00" * 32}, {"at_us": T0}, {"ledger": "x"}])
async def test_a_head_that_was_changed_is_not_genuine(ledger: Store, change: dict[str, object]):
    assert not msgspec.structs.replace(await export_head(ledger.ground, SIGNER), **change).genuine


@pytest.mark.parametrize("text", [b"", b"{}", b"[1]", b'{"kind": "another"}'])
def test_what_is_no_head_file_is_refused(text: bytes):
    with pytest.raises(Malformed, match="no file of a tree head"):
        read_head(text)


async def test_nothing_sealed_has_no_head(store: Store):
    with pytest.raises(NotFound, match="Nothing is sealed"):
        await export_head(store.ground, SIGNER)


async def test_each_row_is_proved_to_be_in_the_ledger(ledger: Store):
    for n in range(1, 20):
        proof = await prove_row(ledger.ground, SIGNER, n)
        assert proves(proof)
        assert not proves(msgspec.structs.replace(proof, leaf="00" * 32))
        assert not proves(msgspec.structs.replace(proof, seal=proof.seal % 5 + 1))


async def test_a_changed_row_and_one_not_sealed_have_no_proof(ledger: Store):
    await sql(ledger, "UPDATE xinglin.audit SET status = 403 WHERE n = 7")
    with pytest.raises(Conflict, match="Row 7 is not what was sealed"):
        await prove_row(ledger.ground, SIGNER, 7)
    await noted(ledger, look(1))
    with pytest.raises(NotFound, match="not sealed yet"):
        await prove_row(ledger.ground, SIGNER, 20)
    with pytest.raises(NotFound, match="no row 99"):
        await prove_row(ledger.ground, SIGNER, 99)


async def test_a_witness_signs_what_it_sees_and_what_only_grew(ledger: Store):
    first = witnessed(await export_head(ledger.ground, SIGNER), None, WITNESS, "Jiyuan", T0)
    assert [one.name for one in first.witnesses] == ["Jiyuan"]
    await sealed(ledger, [look(1)], [look(2)], at=T0 + 10**10)
    later = await export_head(ledger.ground, SIGNER, since=first.seals)
    assert grew(first, later)
    assert witnessed(later, first, WITNESS, "Jiyuan", T0).witnesses
    assert witnessed(later, later, WITNESS, "Jiyuan", T0).witnesses


async def test_a_witness_refuses_what_has_no_proof_or_another_past(ledger: Store):
    first = await export_head(ledger.ground, SIGNER)
    await sealed(ledger, [look(1)], at=T0 + 10**10)
    without = await export_head(ledger.ground, SIGNER)
    with pytest.raises(Malformed, match="since 5"):
        witnessed(without, first, WITNESS, "Jiyuan", T0)
    forged = msgspec.structs.replace(without, rows=3)
    with pytest.raises(Conflict, match="not signed"):
        witnessed(forged, first, WITNESS, "Jiyuan", T0)
    await sql(ledger, "UPDATE xinglin.audit SET status = 500 WHERE n = 3")
    await sql(ledger, "DELETE FROM xinglin.seal")
    for n in range(7):
        await noted(ledger, look(n))
        await seal_next(ledger.ground, SIGNER, T0 + n)
    with pytest.raises(Conflict, match="did not only grow"):
        witnessed(await export_head(ledger.ground, SIGNER, since=5), first, WITNESS, "Jiyuan", T0)
    with pytest.raises(Conflict, match="fewer seals"):
        witnessed(first, without, WITNESS, "Jiyuan", T0)


async def test_a_witness_refuses_another_ledger_and_another_key(ledger: Store):
    first = await export_head(ledger.ground, SIGNER)
    other = signer(b"o" * 32)
    await seal_next(ledger.ground, other, T0 + 10**10)
    changed: Exported = await export_head(ledger.ground, other, since=first.seals)
    with pytest.raises(Conflict, match="another key"):
        witnessed(changed, first, WITNESS, "Jiyuan", T0)
    assert witnessed(changed, first, WITNESS, "Jiyuan", T0, new_key=True).witnesses
    with pytest.raises(Conflict, match="another ledger"):
        witnessed(first, msgspec.structs.replace(first, ledger="x"), WITNESS, "Jiyuan", T0)
