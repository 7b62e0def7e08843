"""Lists over HTTP: search, compartments, system search, history."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture
async def village(client):
    """Two patients, seven observations of the first, one of the second."""
    for number in ("1", "2"):
        gender = "female" if number == "1" else "male"
        body = {"resourceType": "Patient", "id": f"p{number}", "name": [{"family": "Zhang"}], "gender": gender}
        await client.put(f"/Patient/p{number}", json=body)
    for day in range(1, 9):
        owner = "p1" if day < 8 else "p2"
        body = {
            "resourceType": "Observation",
            "id": f"o{day}",
            "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]},
            "subject": {"reference": f"Patient/{owner}"},
            "effectiveDateTime": f"2026-05-0{day}",
            "valueQuantity": {"value": 120 + day, "unit": "mmHg"},
        }
        assert (await client.put(f"/Observation/o{day}", json=body)).status_code == 201
    return client


def link(bundle: dict, relation: str) -> str | None:
    return next((entry["url"] for entry in bundle["link"] if entry["relation"] == relation), None)


def ids(bundle: dict, mode: str = "match") -> list[str]:
    return [entry["resource"]["id"] for entry in bundle.get("entry", []) if entry["search"]["mode"] == mode]


async def test_a_search_answers_a_searchset_with_whole_addresses(village):
    answer = (await village.get("/Patient", params={"gender": "female"})).json()
    assert (answer["resourceType"], answer["type"], answer["total"]) == ("Bundle", "searchset", 1)
    assert answer["entry"][0]["fullUrl"] == "http://hie.test/fhir/Patient/p1"
    assert link(answer, "self") == "http://hie.test/fhir/Patient?gender=female"


async def test_the_pages_together_hold_every_match_once(village):
    found, url = [], "http://hie.test/fhir/Observation?subject=Patient/p1&_count=3"
    while url:
        page = (await village.get(url)).json()
        found += ids(page)
        url = link(page, "next")
    assert sorted(found) == [f"o{day}" for day in range(1, 8)]


async def test_a_page_is_never_larger_than_the_limit(village):
    assert len((await village.get("/Observation")).json()["entry"]) == 5
    assert (await village.get("/Observation?_count=100000")).status_code == 200
    assert (await village.get("/Observation?_count=x")).status_code == 400


async def test_a_post_of_a_form_searches_like_a_get(village):
    answer = await village.post("/Observation/_search?_count=2", content=b"subject=Patient%2Fp2", headers=FORM)
    assert ids(answer.json()) == ["o8"]
    assert set(parse_qs(urlsplit(link(answer.json(), "self")).query)) == {"subject", "_count"}
    assert (await village.post("/Observation/_search", json={"a": 1})).status_code == 400


async def test_an_unknown_parameter_is_told_or_refused(village):
    lenient = (await village.get("/Patient?colour=red&gender=male")).json()
    assert ids(lenient) == ["p2"]
    outcome = next(entry["resource"] for entry in lenient["entry"] if entry["search"]["mode"] == "outcome")
    assert "colour" in outcome["issue"][0]["diagnostics"]
    assert "colour" not in link(lenient, "self")
    strict = await village.get("/Patient?colour=red", headers={"prefer": "handling=strict"})
    assert strict.status_code == 400
    assert strict.json()["issue"][0]["code"] == "not-supported"


async def test_an_include_stands_beside_the_matches(village):
    answer = (await village.get("/Observation?_id=o1&_include=Observation:subject")).json()
    assert ids(answer) == ["o1"]
    assert ids(answer, "include") == ["p1"]


async def test_a_count_has_a_total_and_no_entries(village):
    for query in ("_summary=count", "_count=0"):
        answer = (await village.get(f"/Observation?subject=p1&{query}")).json()
        assert answer["total"] == 7
        assert "entry" not in answer


async def test_elements_in_a_search_are_marked_as_a_part(village):
    answer = (await village.get("/Observation?_id=o1&_elements=valueQuantity,subject")).json()
    resource = answer["entry"][0]["resource"]
    assert {"id", "meta", "status", "code", "subject"} <= set(resource)
    assert "effectiveDateTime" not in resource
    assert resource["meta"]["tag"][0]["code"] == "SUBSETTED"


async def test_a_compartment_holds_what_is_the_patients(village):
    assert ids((await village.get("/Patient/p2/Observation")).json()) == ["o8"]
    assert ids((await village.get("/Patient/p2/Observation?date=lt2020")).json()) == []
    everything = (await village.get("/Patient/p2/*")).json()
    assert sorted(ids(everything)) == ["o8", "p2"]
    assert sorted(ids((await village.post("/Patient/p2/_search", content=b"_type=Observation", headers=FORM)).json())) == ["o8"]
    assert (await village.get("/Patient/p2/Organization")).status_code in (400, 404)


async def test_a_system_search_goes_through_the_types_named(village):
    found, url = [], "http://hie.test/fhir?_type=Patient,Observation&_count=4"
    while url:
        page = (await village.get(url)).json()
        found += ids(page)
        url = link(page, "next")
    assert len(found) == len(set(found)) == 10
    assert (await village.get("?_type=Patient,Observation&gender=male")).status_code == 400
    assert (await village.get("?_type=Dragon")).status_code == 400
    assert (await village.get("?_type=Patient,Observation&_summary=count")).json()["total"] == 10
    assert len((await village.get("")).json()["entry"]) == 5


async def test_a_page_mark_of_another_search_is_refused(village):
    assert (await village.get("?_type=Patient&_cursor=Observation~3")).status_code == 400


async def test_history_is_newest_first_and_shows_deletions(village):
    await village.delete("/Patient/p2")
    history = (await village.get("/Patient/p2/_history")).json()
    assert (history["type"], history["total"]) == ("history", 2)
    assert [entry["request"]["method"] for entry in history["entry"]] == ["DELETE", "PUT"]
    assert "resource" not in history["entry"][0]
    assert history["entry"][1]["response"]["etag"] == 'W/"1"'
    assert (await village.get("/Patient/never/_history")).status_code == 404


async def test_history_of_a_type_and_of_all_is_paged(village):
    found, url = [], "http://hie.test/fhir/Observation/_history?_count=3"
    while url:
        page = (await village.get(url)).json()
        found += [entry["resource"]["id"] for entry in page["entry"]]
        url = link(page, "next")
    assert len(found) == 8
    assert len((await village.get("/_history?_count=20")).json()["entry"]) == 10


async def test_history_since_and_at_a_moment(village):
    assert "entry" not in (await village.get("/_history?_since=2100-01-01T00:00:00Z")).json()
    assert len((await village.get("/Observation/_history?_since=2000-01-01T00:00:00Z&_count=20")).json()["entry"]) == 8
    await village.put("/Patient/p1", json={"resourceType": "Patient", "id": "p1", "active": True})
    now = (await village.get("/Patient/p1/_history?_at=2100-01-01")).json()
    assert [entry["response"]["etag"] for entry in now["entry"]] == ['W/"2"']
    assert "entry" not in (await village.get("/Patient/p1/_history?_at=2001-01-01")).json()
    for wrong in ("_since=yesterday", "_count=x", "_at=2021-13"):
        assert (await village.get(f"/Patient/p1/_history?{wrong}")).status_code == 400


async def test_everything_of_a_patient_is_the_patient_the_compartment_and_what_they_name(village):
    await village.put("/Organization/h1", json={"resourceType": "Organization", "id": "h1", "name": "County hospital"})
    body = {"resourceType": "Patient", "id": "p2", "managingOrganization": {"reference": "Organization/h1"}}
    await village.put("/Patient/p2", json=body)
    whole = (await village.get("/Patient/p2/$everything")).json()
    assert ids(whole) == ["p2", "o8"]
    assert ids(whole, "include") == ["h1"]
    assert ids((await village.get("/Patient/p2/$everything?_type=Observation")).json()) == ["o8"]
    assert ids((await village.get("/Patient/p1/$everything?start=2026-05-06&_type=Observation")).json()) == ["o7", "o6"]
    assert (await village.get("/Patient/never/$everything")).status_code == 404
    first = (await village.get("/Patient/p1/$everything?_count=3")).json()
    assert len(ids(first)) == 3
    assert len(ids((await village.get(link(first, "next"))).json())) == 3


async def test_a_page_of_xml_holds_the_same_entries(village):
    answer = await village.get("/Patient", params={"_format": "application/fhir+xml"})
    assert answer.text.count("<fullUrl ") == 2


async def test_what_a_form_asks_is_in_the_audit_row(client, store):
    await client.post("/Patient/_search?_count=2", content=b"family=Zhang", headers=FORM)
    assert store.trail[-1].query == "_count=2&family=Zhang"
