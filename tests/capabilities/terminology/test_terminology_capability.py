"""The terminology operations over what is stored, as a client of the FHIR door would call them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid5

import pytest

from xinglin.base.clock import tick_of
from xinglin.base.errors import Invalid, NotFound
from xinglin.capabilities.terminology import Following
from xinglin.capabilities.terminology.capability import CAPABILITY
from xinglin.fhir.codec import encode
from xinglin.kit.capability import Call
from xinglin.kit.unit import Unit
from xinglin.store import Records
from xinglin.store.changes import Stored

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
DX = "urn:test:dx"
OPERATIONS = {operation.name: operation for operation in CAPABILITY.operations}


def row_of(id: str) -> UUID:
    return UUID(id) if len(id) == 36 else uuid5(UUID(int=0), id)


@dataclass
class Shelf:
    """A store with the two ways of reading that following needs: all present versions, and what was written since."""

    versions: list[Stored] = field(default_factory=list)
    reads: int = 0
    store: Any = field(default_factory=lambda: SimpleNamespace(terminology=None, ground=SimpleNamespace(hashes=SimpleNamespace(id=row_of))))

    def write(self, type: str, id: str, resource: dict | None, at: datetime = NOON) -> None:
        version = 1 + sum(row_of(one.id) == row_of(id) for one in self.versions)
        content = b"" if resource is None else encode({"resourceType": type, "id": id, "status": "active"} | resource)
        self.versions.append(
            Stored(type, id if content else str(row_of(id)), version, tick_of(at), content, "PUT" if content else "DELETE")
        )

    async def search(self, asked: Any) -> Any:
        self.reads += 1
        heads = {row_of(one.id): one for one in self.versions if one.type == asked.type}
        found = [one for one in heads.values() if one.content]
        start = int(asked.cursor or 0)
        return SimpleNamespace(matches=found[start : start + 2], next=str(start + 2) if len(found) > start + 2 else None)

    async def history(self, type: str, *, since: int, count: int, cursor: str | None) -> Any:
        found = [one for one in reversed(self.versions) if one.type == type and one.tick >= since]
        start = int(cursor or 0)
        return SimpleNamespace(entries=found[start : start + 2], next=str(start + 2) if len(found) > start + 2 else None)


@pytest.fixture
def shelf() -> Shelf:
    shelf = Shelf()
    shelf.write("CodeSystem", "dx", system("I10"), NOON - timedelta(days=1))
    return shelf


def system(*codes: str, url: str = DX) -> dict:
    return {"url": url, "name": "Dx", "content": "complete", "concept": [{"code": code, "display": f"名{code}"} for code in codes]}


async def call(shelf: Shelf, name: str, type: str, *pairs: tuple[str, Any], id: str | None = None, now: datetime = NOON) -> dict:
    listed = [{"name": key, ("resource" if isinstance(value, dict) else "valueString"): value} for key, value in pairs]
    unit: Any = Unit(SimpleNamespace(id="tester"), shelf, now)  # type: ignore[arg-type]
    return await OPERATIONS[name].handle(unit, Call(type, id, {"resourceType": "Parameters", "parameter": listed}))


async def holds(shelf: Shelf, code: str, now: datetime = NOON) -> bool:
    answer = await call(shelf, "validate-code", "CodeSystem", ("url", DX), ("code", code), now=now)
    return answer["parameter"][0]["valueBoolean"]


async def test_a_stored_code_system_answers(shelf: Shelf):
    answer = await call(shelf, "lookup", "CodeSystem", ("system", DX), ("code", "I10"))
    assert {"name": "display", "valueString": "名I10"} in answer["parameter"]
    outcome = await call(shelf, "subsumes", "CodeSystem", ("codeA", "I10"), ("codeB", "I10"), id="dx")
    assert outcome["parameter"] == [{"name": "outcome", "valueCode": "equivalent"}]


async def test_a_stored_value_set_is_expanded_with_the_moment_it_was_asked(shelf: Shelf):
    shelf.write("ValueSet", "v", {"url": "urn:v", "compose": {"include": [{"system": DX}]}})
    expansion = (await call(shelf, "expand", "ValueSet", id="v"))["expansion"]
    assert [one["code"] for one in expansion["contains"]] == ["I10"]
    assert expansion["timestamp"] == "2026-11-22T12:00:00+00:00"
    assert expansion["identifier"].startswith("urn:uuid:")
    answer = await call(shelf, "validate-code", "ValueSet", ("url", "urn:v"), ("system", DX), ("code", "I10"))
    assert answer["parameter"][0]["valueBoolean"] is True


async def test_a_stored_map_translates(shelf: Shelf):
    element = {"code": "401", "target": [{"code": "I10", "equivalence": "equivalent"}]}
    shelf.write("ConceptMap", "m", {"url": "urn:m", "group": [{"source": "urn:old", "target": DX, "element": [element]}]})
    answer = await call(shelf, "translate", "ConceptMap", ("url", "urn:m"), ("system", "urn:old"), ("code", "401"))
    assert answer["parameter"][0] == {"name": "result", "valueBoolean": True}


async def test_what_is_written_later_is_known_at_once_and_what_is_deleted_is_gone(shelf: Shelf):
    assert await holds(shelf, "I11") is False
    shelf.write("CodeSystem", "dx", system("I10", "I11"))
    assert await holds(shelf, "I11") is True
    shelf.write("CodeSystem", "dx", None)
    for seconds in (0, 1, 100):
        with pytest.raises(NotFound):
            await holds(shelf, "I10", NOON + timedelta(seconds=seconds))
    shelf.write("CodeSystem", "dx", system("I10"), NOON + timedelta(seconds=101))
    assert await holds(shelf, "I10", NOON + timedelta(seconds=101)) is True


async def test_the_store_is_read_whole_once_and_page_by_page(shelf: Shelf):
    for number in range(5):
        shelf.write("CodeSystem", f"s{number}", system("A", url=f"urn:s{number}"))
    await holds(shelf, "I10")
    reads = shelf.reads
    answer = await call(shelf, "lookup", "CodeSystem", ("system", "urn:s4"), ("code", "A"))
    assert answer["parameter"][0]["valueString"] == "Dx"
    assert shelf.reads == reads


async def test_a_write_that_shows_late_is_not_missed(shelf: Shelf):
    assert await holds(shelf, "I11") is False
    shelf.write("CodeSystem", "dx", system("I10", "I11"), NOON - timedelta(seconds=5))
    assert await holds(shelf, "I11", NOON + timedelta(seconds=1)) is True


async def test_search_modifiers_are_answered_by_the_same_terminology(shelf: Shelf):
    await holds(shelf, "I10")
    following = shelf.store.terminology
    assert isinstance(following, Following)
    known = await following.codes(cast("Records", shelf))
    assert set(known("below", f"{DX}|I10")) == {(DX, "I10")}


async def test_the_codes_of_r4_need_not_be_stored(shelf: Shelf):
    answer = await call(shelf, "lookup", "CodeSystem", ("system", "http://hl7.org/fhir/administrative-gender"), ("code", "female"))
    assert {"name": "display", "valueString": "Female"} in answer["parameter"]


async def test_a_resource_sent_along_must_be_valid(shelf: Shelf):
    sent = {"resourceType": "ValueSet", "status": "active", "compose": {"include": "everything"}}
    with pytest.raises(Invalid) as refused:
        await call(shelf, "expand", "ValueSet", ("valueSet", sent))
    assert refused.value.issues
    sent["compose"] = {"include": [{"system": DX}]}
    for name in ("valueSet", "resource"):
        assert (await call(shelf, "expand", "ValueSet", (name, sent)))["expansion"]["total"] == 1
