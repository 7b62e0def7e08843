"""A hundred people from a real exporter (Synthea), their hospitals and practitioners, posted to the API exactly as they are."""

from __future__ import annotations

import json
import re
import tarfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.line import Line

ARCHIVE = Path(__file__).parents[3] / "shared" / "data" / "synthea-100.tar.gz"
INSTITUTIONS = ("hospital", "practitioner")
"""The files that the patients' files point at; they go first, as Synthea's own manual says."""
RESOURCES = 38970
EVERY = 61
"""Of so many resources one is read back."""

Tree = dict[str, Any]
pytestmark = pytest.mark.skipif(not ARCHIVE.exists(), reason="the shared Synthea archive is not beside the repository")


@dataclass(frozen=True, slots=True)
class Sent:
    """A file that was posted, what it held, and what was answered."""

    name: str
    entries: list[Tree]
    answers: list[Tree]


def files() -> Iterator[tuple[str, bytes]]:
    with tarfile.open(ARCHIVE) as archive:
        for member in archive:
            content = archive.extractfile(member) if member.name.endswith(".json") else None
            if content is not None:
                yield Path(member.name).name, content.read()


def read(raw: bytes) -> Tree:
    """Parsed with every decimal as it is written, so that 1.0 is not 1.00."""
    return json.loads(raw, parse_float=str)


def post(line: Line, name: str, raw: bytes) -> Sent:
    answer = line("POST", "", raw)
    assert answer.status == 200, (name, answer.body[:2000])
    return Sent(name, read(raw)["entry"], read(answer.body)["entry"])


@pytest.fixture(scope="module")
def sent(line: Line) -> list[Sent]:
    """Every bundle, posted: the institutions, then the people, a few files at once."""
    bundles = {name: raw for name, raw in files() if not name.startswith("group")}
    first = [post(line, name, bundles.pop(name)) for prefix in INSTITUTIONS for name in list(bundles) if name.startswith(prefix)]
    return first + line.each(lambda item: post(line, *item), bundles.items())


@pytest.fixture(scope="module")
def sample(line: Line, sent: list[Sent]) -> list[tuple[Tree, Tree]]:
    """Resources as they were sent, and as they are read."""
    pairs = [pair for one in sent for pair in zip(one.entries, one.answers, strict=True)][::EVERY]

    def both(pair: tuple[Tree, Tree]) -> tuple[Tree, Tree]:
        answer = line("GET", pair[1]["response"]["location"])
        assert answer.status == 200
        return pair[0]["resource"], read(answer.body)

    return line.each(both, pairs)


def references(tree: Any) -> Iterator[str]:
    if isinstance(tree, dict):
        if isinstance(tree.get("reference"), str):
            yield tree["reference"]
        tree = list(tree.values())
    if isinstance(tree, list):
        for inner in tree:
            yield from references(inner)


def bare(tree: Any) -> Any:
    """Without where references lead."""
    if isinstance(tree, dict):
        return {name: bare(inner) for name, inner in tree.items() if name != "reference"}
    return [bare(inner) for inner in tree] if isinstance(tree, list) else tree


def without(resource: Tree, *names: str) -> Tree:
    return {name: value for name, value in resource.items() if name not in names}


def test_every_entry_is_created(sent: list[Sent]) -> None:
    assert len(sent) == 102
    answered = Counter(answer["response"]["status"] for one in sent for answer in one.answers)
    assert answered == {"201 Created": RESOURCES}


def test_as_many_of_each_type_are_found_as_were_sent(line: Line, sent: list[Sent]) -> None:
    posted = Counter(entry["resource"]["resourceType"] for one in sent for entry in one.entries)
    found = {type_: read(line("GET", f"{type_}?_summary=count").body)["total"] for type_ in posted}
    assert found == posted


def test_what_is_read_is_what_was_sent(sample: list[tuple[Tree, Tree]]) -> None:
    assert len(sample) > 600
    assert len({was["resourceType"] for was, _ in sample}) > 12
    for was, now in sample:
        assert bare(without(now, "id", "meta")) == bare(without(was, "id", "meta"))
        assert without(now["meta"], "versionId", "lastUpdated") == was.get("meta", {})


def test_every_reference_leads_to_a_resource_of_the_record(line: Line, sample: list[tuple[Tree, Tree]]) -> None:
    outward = {one for _, now in sample for one in references(now) if not one.startswith("#")}
    assert len(outward) > 600
    assert [one for one in outward if not re.fullmatch(r"[A-Z][A-Za-z]+/[0-9a-f-]{36}", one)] == []
    asked = sorted(outward)[::3]
    assert [one for one, answer in zip(asked, line.each(lambda one: line("GET", one), asked), strict=True) if answer.status != 200] == []


def test_a_person_is_found_with_everything_about_them(line: Line, sent: list[Sent]) -> None:
    person = sent[-1]
    (id_,) = {found[1] for answer in person.answers if (found := re.search(r"Patient/([^/]+)", answer["response"]["location"]))}
    theirs = Counter(entry["resource"]["resourceType"] for entry in person.entries)
    for type_ in ("Observation", "Encounter", "Condition", "MedicationRequest"):
        assert read(line("GET", f"{type_}?patient={id_}&_summary=count").body)["total"] == theirs[type_], type_


def test_the_group_of_all_is_taken_too(line: Line) -> None:
    (raw,) = [raw for name, raw in files() if name.startswith("group")]
    made = line("POST", "Group", raw)
    assert made.status == 201
    now = read(line("GET", made.location).body)
    assert without(now, "id", "meta") == without(read(raw), "id", "meta")
    assert len(now["member"]) == 100
