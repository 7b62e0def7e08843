"""What is held is counted without opening anything: rows, sensitive rows, seals, keys, relations, and a head to go on from."""

from __future__ import annotations

from tests.store.ledger.written import SIGNER, look, sealed, sql
from xinglin.store import Delete, Records, Store, Update, inventory
from xinglin.store.ledger.verifying import verify
from xinglin.store.relations import Relation, Source, follow_now


async def test_rows_are_counted_by_kind_and_how_many_are_most_sensitive(store: Store, records: Records):
    def observation(id_: str, code: str) -> Update:
        coded = {"coding": [{"system": "http://loinc.org", "code": code}]}
        subject = {"reference": "Patient/p"}
        return Update({"resourceType": "Observation", "id": id_, "status": "final", "code": coded, "subject": subject}, id_)

    await records.write([Update({"resourceType": "Patient", "id": "p"}, "p"), observation("a", "8480-6"), observation("hiv", "56888-1")])
    await records.write([observation("b", "8480-6")])
    await records.write([Delete("Observation", "b")])
    held = {one.type: one for one in await inventory.holdings(store.ground)}
    assert (held["Observation"].rows, held["Observation"].restricted, held["Observation"].exact) == (2, 1, True)
    assert held["Patient"].restricted == 0
    assert all(one.bytes > 0 for one in held.values())
    assert 0 < sum(one.bytes for one in held.values()) < await inventory.bytes_of(store.ground)


async def test_a_row_written_past_the_platform_is_seen_not_to_be_sealed(store: Store, records: Records):
    await records.write([Update({"resourceType": "Patient", "id": id_}, id_) for id_ in ("p", "q")])
    assert await inventory.sealed_sample(store.ground) == inventory.Sealed(2, 2)
    await sql(store, "UPDATE record.patient SET content = convert_to('{}', 'UTF8') WHERE tick = (SELECT max(tick) FROM record.patient)")
    assert await inventory.sealed_sample(store.ground) == inventory.Sealed(2, 1)


async def test_keys_and_relations_are_told(store: Store, records: Records):
    await records.write([Update({"resourceType": "Patient", "id": "p"}, "p")])
    (key,) = await inventory.keys_seen(store.ground)
    assert (key.number, key.current, key.retired) == (1, True, None)
    now, later = [Relation("Practitioner/a", "p", "encounter", 0, 100)], Relation("Practitioner/b", "p", "encounter", 50, 100)
    await follow_now(store, Source("Encounter", "e"), [*now, later])
    assert await inventory.relations_now(store.ground, 10) == {"encounter": (1, 1)}
    assert await inventory.relations_now(store.ground, 60) == {"encounter": (2, 1)}
    assert await inventory.relations_now(store.ground, 200) == {}


async def test_a_verification_goes_on_from_the_ledgers_own_head(store: Store):
    assert await inventory.head_at(store.ground, 1) is None
    assert await inventory.trail_began(store.ground) is None
    await sealed(store, [look(1), look(2)], [look(3)], [look(4)])
    head = await inventory.head_at(store.ground, 1)
    assert head is not None
    assert head.genuine
    report = await verify(store.ground, SIGNER, since=head)
    assert (report.sound, report.seals, report.rows) == (True, 2, 2)
    await sql(store, "UPDATE xinglin.audit SET status = 500 WHERE n = (SELECT max(n) FROM xinglin.audit)")
    assert not (await verify(store.ground, SIGNER, since=head)).sound
