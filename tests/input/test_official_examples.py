"""The 5,306 resources HL7 published with R4, each put into the record and read back, or refused for the fault it has."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.fhir.test_official_examples import EXAMPLES, EXAMPLES_COUNT, REFUSED, files
from tests.line import Answer, Line

ALONE_EVERY = 20
"""One of so many is put by a request of its own; the others go in batches."""
BATCH_ENTRIES, BATCH_BYTES = 100, 1_000_000
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")

Tree = dict[str, Any]
pytestmark = pytest.mark.skipif(not EXAMPLES.exists(), reason="the official examples are not installed: npm ci, or set XINGLIN_EXAMPLES")


@dataclass(frozen=True, slots=True)
class Example:
    """One published file. `address`: where it is put, or its type alone where it must be posted (no id, or none that R4 allows)."""

    name: str
    raw: bytes
    type: str
    address: str

    @property
    def method(self) -> str:
        return "PUT" if "/" in self.address else "POST"


def read(raw: bytes) -> Tree:
    """Parsed with every decimal as it is written, so that 1.0 is not 1.00."""
    return json.loads(raw, parse_float=str)


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    """All of them. A second example of the same id is posted, so that it does not overwrite the first."""
    found: list[Example] = []
    taken: set[str] = set()
    for file in files():
        raw = file.read_bytes()
        resource = json.loads(raw)
        type_, id_ = resource["resourceType"], resource.get("id", "")
        address = f"{type_}/{id_}"
        usable = _ID.fullmatch(id_) and address not in taken
        taken.add(address)
        found.append(Example(file.stem, raw, type_, address if usable else type_))
    return found


def send(line: Line, example: Example) -> Answer:
    return line(example.method, example.address, example.raw)


def batches(examples: list[Example]) -> Iterator[list[Example]]:
    part: list[Example] = []
    for example in examples:
        if part and (len(part) == BATCH_ENTRIES or sum(len(one.raw) for one in part) + len(example.raw) > BATCH_BYTES):
            yield part
            part = []
        part.append(example)
    yield part


def send_together(line: Line, part: list[Example]) -> list[tuple[str, str]]:
    """Status and location of each."""
    request = [json.dumps({"method": one.method, "url": one.address}).encode() for one in part]
    entries = b",".join(b'{"resource":%s,"request":%s}' % pair for pair in zip((one.raw for one in part), request, strict=True))
    answer = line("POST", "", b'{"resourceType":"Bundle","type":"batch","entry":[%s]}' % entries)
    assert answer.status == 200, answer.body[:2000]
    responses = [entry["response"] for entry in read(answer.body)["entry"]]
    return [(response["status"][:3], response.get("location", str(response.get("outcome")))) for response in responses]


@pytest.fixture(scope="module")
def accepted(line: Line, examples: list[Example]) -> dict[str, tuple[str, str]]:
    """Name -> status and location of each example that has no fault."""
    faultless = [one for one in examples if one.name not in REFUSED]
    alone, together = faultless[::ALONE_EVERY], [one for place, one in enumerate(faultless) if place % ALONE_EVERY]
    answers = line.each(lambda one: send(line, one), alone)
    said = {one.name: (str(answer.status), answer.location) for one, answer in zip(alone, answers, strict=True)}
    parts = list(batches(together))
    for part, answered in zip(parts, line.each(lambda part: send_together(line, part), parts), strict=True):
        said |= {one.name: each for one, each in zip(part, answered, strict=True)}
    return said


def test_every_example_without_a_fault_is_created(accepted: dict[str, tuple[str, str]]) -> None:
    assert len(accepted) == EXAMPLES_COUNT - len(REFUSED)
    assert {name: said for name, said in accepted.items() if said[0] != "201"} == {}


def test_each_is_read_back_as_it_was_published(line: Line, examples: list[Example], accepted: dict[str, tuple[str, str]]) -> None:
    def change(example: Example) -> str | None:
        answer = line("GET", accepted[example.name][1])
        was, now = read(example.raw), read(answer.body)
        now["meta"] = {name: value for name, value in now["meta"].items() if name not in ("versionId", "lastUpdated")}
        was["meta"] = {name: value for name, value in was.get("meta", {}).items() if name not in ("versionId", "lastUpdated")}
        if example.method == "POST":
            was["id"] = now["id"]
        return None if answer.status == 200 and now == was else f"{example.name}: {answer.status} {answer.body[:300]!r}"

    changed = line.each(change, [one for one in examples if one.name in accepted])
    assert [one for one in changed if one] == []


def test_as_many_of_each_type_are_found_as_were_put(line: Line, examples: list[Example], accepted: dict[str, tuple[str, str]]) -> None:
    put = Counter(one.type for one in examples if one.name in accepted)
    totals = line.each(lambda type_: read(line("GET", f"{type_}?_summary=count").body)["total"], put)
    assert dict(zip(put, totals, strict=True)) == put


def test_an_example_with_a_fault_is_refused_where_its_fault_is(line: Line, examples: list[Example]) -> None:
    faulty = {one.name: one for one in examples if one.name in REFUSED}
    assert faulty.keys() == REFUSED.keys()
    answers = {name: send(line, one) for name, one in faulty.items()}
    assert {name: answer.status for name, answer in answers.items()} == dict.fromkeys(REFUSED, 422)
    told = {name: [issue for issue in read(answer.body)["issue"] if issue["severity"] == "error"] for name, answer in answers.items()}
    assert {name: issues[0]["expression"][0] for name, issues in told.items()} == {name: at for name, (at, _) in REFUSED.items()}
