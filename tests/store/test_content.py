"""What is kept is sealed: it opens with its own keys, at its own place, byte for byte, and shows nothing to who reads the files."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import asyncpg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import KEYS
from tests.store.asking import found
from xinglin.base.crypto import Keys
from xinglin.base.errors import Unavailable
from xinglin.base.ids import new_id
from xinglin.base.settings import Settings
from xinglin.fhir.codec import Resource
from xinglin.store import Amend, AuditRow, Create, Records, Scope, Store, Update, content, learning, open_store, prepare
from xinglin.store.applying import AUDIT_BOUND
from xinglin.store.bulk import Loader
from xinglin.store.content import Contents, shipped
from xinglin.store.layout import TYPE_NUMBER

TELLING = {
    "resourceType": "Patient",
    "identifier": [{"system": "urn:secret-system", "value": "511702198001019999"}],
    "name": [{"family": "欧阳", "given": ["Quetzalcoatl"], "text": "欧阳锋 Quetzalcoatl"}],
    "telecom": [{"system": "phone", "value": "15400001234"}],
    "address": [{"line": ["Xanadu Lane 77"], "city": "杏林镇"}],
    "birthDate": "1980-01-01",
}


@pytest.mark.parametrize(
    "keys",
    [
        Keys(KEYS.data, 1, bytes(range(1, 33)), KEYS.token),
        Keys({1: b"fedcba9876543210"}, 1, KEYS.index, KEYS.token),
        Keys({2: b"fedcba9876543210"}, 2, KEYS.index, KEYS.token),
    ],
    ids=["index", "data", "number"],
)
async def test_another_installations_keys_are_refused_at_the_start(database: str, keys: Keys):
    async def start() -> None:
        await prepare(Settings(), database, keys)
        await open_store(Settings(), database, keys)

    with pytest.raises(Unavailable) as told:
        await start()
    assert "key" in str(told.value)
    await prepare(Settings(), database, KEYS)


async def test_a_new_key_seals_what_is_new_and_the_old_one_still_opens(module_records: Records, database: str):
    await module_records.write([Update({"resourceType": "Patient", "gender": "male"}, "sealed-1")])
    turned = Keys({**KEYS.data, 2: b"fedcba9876543210"}, 2, KEYS.index, KEYS.token)
    await prepare(Settings(), database, turned)
    store = await open_store(Settings(), database, turned)
    try:
        records = store.records(Scope.everyone())
        await records.write([Update({"resourceType": "Patient", "gender": "female"}, "sealed-2")])
        assert [(await records.read("Patient", f"sealed-{n}")).resource()["gender"] for n in (1, 2)] == ["male", "female"]
    finally:
        await store.close()
    with pytest.raises(Unavailable):
        await module_records.read("Patient", "sealed-2")
    assert (await module_records.read("Patient", "sealed-1")).version == 1
    connection = await asyncpg.connect(database)
    await connection.execute("DELETE FROM record.patient WHERE content IS NOT NULL AND get_byte(content, 0) = 2")
    await connection.execute("DELETE FROM xinglin.data_key WHERE n = 2")
    await connection.close()


async def test_a_content_moved_to_another_row_does_not_open(module_store: Store, module_records: Records):
    await module_records.write([Update({"resourceType": "Patient", "active": True}, f"moved-{n}") for n in range(3)])
    await module_records.write([Update({"resourceType": "Patient", "active": False}, "moved-2")])
    keys = [module_store.ground.hashes.id(f"moved-{n}") for n in range(3)]
    async with module_store.ground.pool.connection() as connection:
        await connection.execute(
            "UPDATE record.patient a SET content = b.content FROM record.patient b WHERE a.id = $1 AND b.id = $2", keys[0], keys[1]
        )
        await connection.execute(
            "UPDATE record.patient a SET content = h.content FROM history.patient h WHERE a.id = $1 AND h.id = $1", keys[2]
        )
    for n in (0, 2):
        with pytest.raises(Unavailable):
            await module_records.read("Patient", f"moved-{n}")
    assert (await module_records.read("Patient", "moved-1")).version == 1
    assert (await module_records.vread("Patient", "moved-2", 1)).resource()["active"] is True
    async with module_store.ground.pool.connection() as connection:
        await connection.execute("DELETE FROM record.patient WHERE id = ANY($1)", keys)


@settings(max_examples=60, deadline=None)
@given(
    type_=st.sampled_from(["Patient", "Observation", "Binary", "Basic"]),
    tail=st.binary(max_size=3000),
    id_=st.uuids(),
    version=st.integers(1, 2**31 - 1),
    tick=st.integers(0, 4_000_000_000_000_000),
    put=st.booleans(),
    cipher=st.sampled_from(["sm4", "aes"]),
)
def test_contents_come_back_byte_for_byte(type_: str, tail: bytes, id_: Any, version: int, tick: int, put: bool, cipher: str):
    contents = Contents(KEYS, cipher)
    for number, dictionary in shipped():
        if number == TYPE_NUMBER["Patient"]:
            contents.add_dictionary(number, 1, dictionary)
    number = TYPE_NUMBER[type_]
    for plain in (tail, content.head_of(number, id_, version, tick) + tail, content.head_of(number, id_, version, tick)):
        packed = contents.pack(number, id_, version, tick, plain, put=put)
        if plain:
            assert contents.unpack(number, id_, version, tick, packed) == plain
        assert content.method_of(packed) == ("PUT" if put else "POST")
        for other in ((number, id_, version + 1), (number + 1, id_, version)):
            with pytest.raises(Unavailable):
                contents.unpack(*other, tick, packed)
        for place in (0, 2, len(packed) // 2, len(packed) - 1):
            broken = packed[:place] + bytes((packed[place] ^ 1,)) + packed[place + 1 :]
            with pytest.raises(Unavailable):
                contents.unpack(number, id_, version, tick, broken)


async def test_no_name_and_no_number_stands_in_the_files(module_store: Store, module_records: Records):
    written = [Update(TELLING, "quetzal-id"), Create({**TELLING, "resourceType": "Patient"})]
    await module_records.write(written)
    await module_records.write(
        [Update({**TELLING, "active": True}, "quetzal-id")], [AuditRow("d-1", "doctor", "update", "Patient", "x", None, 200, None, None)]
    )
    await module_records.write(
        [
            Create(
                {
                    "resourceType": "Observation",
                    "status": "final",
                    "code": {"text": "Rumpelstiltskin disease"},
                    "subject": {"reference": "Patient/quetzal-id", "display": "Quetzalcoatl"},
                    "valueString": "Rumpelstiltskin",
                }
            )
        ]
    )
    assert await found(module_records, "Patient?name=quetzalcoatl&identifier=511702198001019999&phone=15400001234")
    async with module_store.ground.pool.connection() as connection:
        await connection.execute("CHECKPOINT")
        folder = await connection.fetchval("SELECT setting FROM pg_settings WHERE name = 'data_directory'")
        paths = [
            row[0]
            for row in await connection.fetch(
                "SELECT pg_relation_filepath(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
                " WHERE relkind IN ('r', 'i', 't') AND nspname IN ('record', 'history', 'xinglin', 'pg_toast')"
            )
        ]
        files = [
            await connection.fetchval("SELECT pg_read_binary_file($1, 0, 100000000, true)", f"{folder}/{path}") for path in paths if path
        ]
    held = b"\n".join(file or b"" for file in files)
    assert len(held) > 100_000
    for secret in (
        "511702198001019999",
        "欧阳",
        "Quetzalcoatl",
        "quetzalcoatl",
        "15400001234",
        "Xanadu",
        "xanadu",
        "杏林镇",
        "Rumpelstiltskin",
        "urn:secret-system",
        "quetzal-id",
    ):
        assert secret.encode() not in held, secret


def alike(n: int, salt: str) -> Resource:
    """Resources that share much, though not what the shipped dictionary knows."""
    chance = random.Random(f"{salt}{n}")
    notes = [
        f"{salt} ward {chance.randrange(9)}, seen by nurse {chance.randrange(40)}, asked to return in {chance.randrange(30)} days"
        for _ in range(6)
    ]
    return {
        "resourceType": "Basic",
        "id": new_id(),
        "code": {"text": chance.choice(notes)},
        "extension": [{"url": f"urn:{salt}", "valueString": note} for note in notes],
    }


async def test_a_dictionary_learnt_by_one_process_is_used_by_another(
    module_store: Store, module_records: Records, monkeypatch: pytest.MonkeyPatch, database: str
):
    monkeypatch.setattr(learning, "_ROWS_MIN", 500)
    other = await open_store(Settings(database_url=database), database, KEYS)
    reader = other.records(Scope.everyone())
    try:
        await Loader(module_store.ground).load([alike(n, "first") for n in range(700)])
        async with module_store.ground.side.connection() as connection:
            await connection.execute("ANALYZE record.basic")
        assert "Basic" in await learning.learn_from_record(module_store.ground)
        number = TYPE_NUMBER["Basic"]
        assert module_store.ground.contents.newest(number) == 1
        assert other.ground.contents.newest(number) == 0
        made = [o.stored for o in await module_records.write([Update(alike(n, "first"), f"learnt-{n}") for n in range(4)]) if o.stored]
        assert await reader.read("Basic", "learnt-0") == made[0]
        assert other.ground.contents.newest(number) == 1
        await reader.write([Update(alike(9, "first"), "learnt-there")])
        assert (await module_records.read("Basic", "learnt-there")).version == 1
        for ask in _asks(reader):
            other.ground.contents._presses.pop((number, 1))
            await ask()
    finally:
        await other.close()


def _asks(reader: Records) -> list[Callable[[], Any]]:
    """Every way a process may come upon a dictionary it does not know."""
    return [
        lambda: reader.vread("Basic", "learnt-1", 1),
        lambda: reader.history("Basic", "learnt-1"),
        lambda: reader.write([Amend("Basic", "learnt-3", lambda one: {**one, "language": "en"})]),
        lambda: reader.history("Basic"),
        reader.history,
        lambda: reader.find("Basic", "_id=learnt-2"),
        lambda: asyncio.gather(*(reader.read("Basic", f"learnt-{n}") for n in range(4))),
    ]


async def test_what_is_packed_by_a_dictionary_is_never_written_before_the_dictionary(
    module_store: Store, module_records: Records, database: str, monkeypatch: pytest.MonkeyPatch
):
    """A process may die while it learns: what was written meanwhile must open."""
    number = TYPE_NUMBER["Basic"]
    learning_now, go_on = asyncio.Event(), asyncio.Event()
    keep = learning.add_dictionary

    async def kept(*words: Any) -> None:
        await keep(*words)
        learning_now.set()
        await go_on.wait()
        raise ConnectionAbortedError

    monkeypatch.setattr(learning, "add_dictionary", kept)
    before = module_store.ground.contents.newest(number)
    loader = Loader(module_store.ground)
    loader.samples["Basic"] = [
        content.tail_of(b'{"lastUpdated":"2026-01-01T00:00:00.000Z"' + str(alike(n, "second")).encode()) for n in range(1300)
    ]
    task = asyncio.create_task(loader.load([alike(1, "second")]))
    await asyncio.wait_for(learning_now.wait(), 20)
    await module_records.write([Update(alike(n, "second"), f"amid-{n}") for n in range(3)])
    go_on.set()
    with pytest.raises(ConnectionAbortedError):
        await task
    assert module_store.ground.contents.newest(number) == before
    fresh = await open_store(Settings(database_url=database), database, KEYS)
    try:
        assert (await fresh.records(Scope.everyone()).read("Basic", "amid-2")).version == 1
    finally:
        await fresh.close()


async def test_what_was_asked_is_sealed_in_the_audit_trail(module_store: Store):
    module_store.note(AuditRow("a", "doctor", "search-type", "Patient", None, "name=张桂兰", 200, None, "sealed-query"))
    await module_store.trail.flush()
    async with module_store.ground.pool.connection() as connection:
        sealed = await connection.fetchval("SELECT query FROM xinglin.audit WHERE request = 'sealed-query'")
    assert "张桂兰".encode() not in sealed
    assert module_store.ground.contents.open_loose(sealed, AUDIT_BOUND).decode() == "name=张桂兰"
