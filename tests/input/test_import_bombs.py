"""A file to import that is made to overwhelm its reader: each such line is refused by its number, and the lines around it are taken."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from tests.store.labour import done
from tests.store.test_exporting import held
from xinglin.store import Records, Store

MIB = 1024 * 1024
EXTENSION = '{"url":"urn:x","extension":['


def deep(levels: int) -> bytes:
    text = f'{EXTENSION * levels}{{"url":"urn:x","valueString":"x"}}{"]}" * levels}'
    return f'{{"resourceType":"Patient","id":"deep","extension":[{text}]}}'.encode()


def patient(id_: str) -> bytes:
    return json.dumps({"resourceType": "Patient", "id": id_}).encode()


BOMBS = {
    "nested 300 deep": deep(300),
    "nested 450 deep": deep(450),
    "nested 900 deep": deep(900),
    "nested 100,000 deep": deep(100_000),
    "open 100,000 deep": b"[" * 100_000,
    "100,000 unknown keys": b'{"resourceType":"Patient",' + b",".join(b'"k%d":1' % number for number in range(100_000)) + b"}",
    "a number of a million digits": b'{"resourceType":"Patient","multipleBirthInteger":' + b"1" * MIB + b"}",
    "five million values": b'{"resourceType":"Patient","x":[' + b"1," * 5_000_000 + b"1]}",
    "no UTF-8": b'{"resourceType":"Patient","id":"\xff\xfe"}',
    "a line of 65 MB": b" " * (65 * MIB),
}


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
async def test_a_line_that_is_a_bomb_is_refused_and_the_lines_around_it_are_taken(store: Store, records: Records, packed: bool) -> None:
    folder = Path(store.ground.settings.home_path) / "import"
    folder.mkdir(exist_ok=True)
    lines = [part for number, bomb in enumerate(BOMBS.values()) for part in (patient(f"p{number}"), bomb)]
    content = b"\n".join([*lines, patient("last"), b""])
    name = "bombs.ndjson.gz" if packed else "bombs.ndjson"
    (folder / name).write_bytes(gzip.compress(content, 1) if packed else content)
    job, result = await done(store, "import", {"files": [name]})
    told = [issue["diagnostics"] for outcome in held(store, job, result, "error") for issue in outcome["issue"]]
    refused = {line.partition(":")[0] for line in told}
    assert refused == {f"{name} line {2 * number + 2}" for number in range(len(BOMBS))}
    assert {one["id"] for one in await records.find("Patient", count=100)} == {*(f"p{number}" for number in range(len(BOMBS))), "last"}
    assert len("".join(told)) < MIB


async def test_a_document_that_unpacks_without_end_is_read_no_further_than_its_limit(store: Store, records: Records) -> None:
    folder = Path(store.ground.settings.home_path) / "import"
    folder.mkdir(exist_ok=True)
    (folder / "a.json.gz").write_bytes(b"".join([gzip.compress(bytes(32 * MIB), 1)] * 16))
    (folder / "b.ndjson").write_bytes(patient("behind"))
    job, result = await done(store, "import", {"files": ["a.json.gz", "b.ndjson"]})
    told = [issue["diagnostics"] for outcome in held(store, job, result, "error") for issue in outcome["issue"]]
    assert len(told) == 1
    assert "a.json.gz line 1: A JSON document may have" in told[0]
    assert [one["id"] for one in await records.find("Patient")] == ["behind"]
