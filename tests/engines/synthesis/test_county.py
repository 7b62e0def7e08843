"""The fictional county as a whole: the same each time, closed, valid, and without anybody real."""

import re
import subprocess
import sys
from collections import Counter
from datetime import date
from typing import Any

import pytest

from xinglin.base.ids import uuid_of
from xinglin.base.national_ids import is_credit_code, parse_phone, parse_resident_id
from xinglin.engines.synthesis import county, shards, stories_of
from xinglin.fhir.codec import decode, encode
from xinglin.fhir.validation import validate

TODAY = date(2026, 11, 22)
RESIDENTS = 1500

Resources = list[dict[str, Any]]
ByType = dict[str, Resources]


def test_the_same_seed_gives_the_same_county_and_another_seed_another():
    first = [encode(r) for r in county(3, 60, today=TODAY)]
    assert first == [encode(r) for r in county(3, 60, today=TODAY)]
    assert first != [encode(r) for r in county(4, 60, today=TODAY)]


@pytest.mark.parametrize("of", [2, 3])
def test_any_number_of_shards_makes_the_same_county(of: int):
    whole = sorted(encode(r) for r in county(3, 90, today=TODAY))
    parts = [encode(r) for index in range(of) for r in shards(3, 90, of=of, index=index, today=TODAY)]
    assert sorted(parts) == whole


def test_a_part_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="part 2 of 2"):
        list(shards(3, 90, of=2, index=2, today=TODAY))


def test_every_reference_comes_after_what_it_refers_to(resources: Resources):
    seen: set[str] = set()
    for resource in resources:
        for target in re.findall(rb'"reference":"([^"]+)"', encode(resource)):
            assert target.decode() in seen, f"{resource['resourceType']} refers to {target.decode()} too early"
        seen.add(f"{resource['resourceType']}/{resource['id']}")


def test_ids_are_canonical_uuids_and_unique(resources: Resources):
    assert all(uuid_of(r["id"]) for r in resources)
    assert len({r["id"] for r in resources}) == len(resources)


def test_every_resource_is_valid_r4(resources: Resources):
    faults = Counter[tuple[str, str, tuple[str, ...]]]()
    seen = Counter[str]()
    for resource in resources:
        seen[resource["resourceType"]] += 1
        if seen[resource["resourceType"]] % 4 != 1 and resource["resourceType"] == "Observation":
            continue
        for issue in validate(decode(encode(resource))):
            if issue.severity in ("error", "fatal"):
                faults[resource["resourceType"], issue.text, issue.at] += 1
    assert not faults


def test_residents_are_as_many_as_asked(by_type: ByType):
    assert len(by_type["Patient"]) == RESIDENTS
    assert 10 * RESIDENTS < sum(len(found) for found in by_type.values()) < 25 * RESIDENTS


def test_every_resident_id_number_is_valid_unique_and_agrees_with_the_person(by_type: ByType):
    cards: set[str] = set()
    for patient in by_type["Patient"]:
        card = parse_resident_id(patient["identifier"][0]["value"], today=TODAY)
        assert card.area.startswith("58"), "a province number that GB/T 2260 does not give"
        assert (card.birth.isoformat(), card.sex) == (patient["birthDate"], patient["gender"])
        cards.add(card.number)
    assert len(cards) == RESIDENTS


def test_nobody_has_a_telephone_in_service(by_type: ByType):
    numbers = [t["value"] for p in by_type["Patient"] for t in p.get("telecom", [])]
    assert len(numbers) > RESIDENTS / 2
    assert all(number.startswith("154") and parse_phone(number).kind == "mobile" for number in numbers)


def test_institutions_stand_in_one_tree_with_valid_credit_codes(by_type: ByType):
    organizations = [o for o in by_type["Organization"] if o["type"][0]["coding"][0]["code"] != "dept"]
    assert all(is_credit_code(o["identifier"][0]["value"]) for o in organizations)
    assert len({o["identifier"][0]["value"] for o in organizations}) == len(organizations)
    kinds = Counter(o["type"][1]["coding"][0]["code"] for o in organizations)
    assert kinds == {
        "commission": 3, "insurer": 1, "hospital": 2, "tcm": 1, "maternal": 1, "cdc": 1, "township": 12, "village": 120,
        "supervision": 1, "emergency": 1, "drug_authority": 1, "pharmacy": 14,
    }  # fmt: skip
    parents = {f"Organization/{o['id']}": o.get("partOf", {}).get("reference") for o in organizations}
    roots = {reference for reference, parent in parents.items() if parent is None}
    assert len(roots) == 3, "the province's health commission, the county's insurance agency, its market regulator"
    assert all(parent in parents for parent in parents.values() if parent)


def test_everything_recorded_names_its_institution(by_type: ByType):
    sources = {o["meta"]["source"] for o in by_type["Organization"]}
    for found in by_type.values():
        assert all(r["meta"]["source"] in sources for r in found)
    assert all("display" in e["serviceProvider"] for e in by_type["Encounter"])
    assert all("display" in o["performer"][0] for o in by_type["Observation"])


def test_nothing_is_over_after_yesterday_or_begins_before_birth(by_type: ByType):
    born = {f"Patient/{p['id']}": p["birthDate"] for p in by_type["Patient"]}
    assert all(e["period"]["start"][:10] <= TODAY.isoformat() for e in by_type["Encounter"])
    for encounter in (e for e in by_type["Encounter"] if e["status"] == "finished"):
        assert born[encounter["subject"]["reference"]] <= encounter["period"]["start"][:10]
        assert encounter["period"]["start"] <= encounter["period"]["end"]
        assert encounter["period"]["end"] < TODAY.isoformat()


def test_the_stories_are_there(by_type: ByType):
    told = {story.key: ids for story, ids in stories_of(7, RESIDENTS, today=TODAY)}
    names = {p["id"]: p["name"][0]["text"] for p in by_type["Patient"]}
    assert names[told["zhang_guilan"][0]] == "张桂兰"
    encounters = Counter(e["subject"]["reference"] for e in by_type["Encounter"])
    assert encounters[f"Patient/{told['wang_xiuying'][0]}"] == 500
    assert len(told) >= 5
    assert stories_of(7, 3, today=TODAY)[-1][0].key == "li_defu", "stories that do not fit are left out"


def test_the_command_writes_ndjson():
    command = [sys.executable, "-m", "xinglin.engines.synthesis", "--residents", "20", "--seed", "3", "--today", "2026-11-22"]
    written = subprocess.run(command, capture_output=True, check=True).stdout
    assert written.splitlines() == [encode(r) for r in county(3, 20, today=date(2026, 11, 22))]
