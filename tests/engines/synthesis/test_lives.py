"""Lives in the fictional county: ages, illness and treatment as a clinician would expect them."""

from base64 import b64decode
from collections import Counter, defaultdict
from datetime import date, timedelta
from statistics import mean
from typing import Any

import pytest

from xinglin.engines.synthesis import households, illness, stories_of
from xinglin.engines.synthesis.course import Course
from xinglin.engines.synthesis.ids import luck
from xinglin.engines.synthesis.names import given_name, surname

TODAY = date(2026, 11, 22)
RESIDENTS = 1500

ByType = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def people() -> list[households.Person]:
    return [person for home in households.plan(7, 8000, TODAY) for person in home.members]


def _age(person: households.Person) -> float:
    return (TODAY - person.birth).days / 365.25


def test_the_county_is_ageing_and_balanced(people: list[households.Person]):
    share = len(people) / 100
    assert 12 < sum(_age(p) < 15 for p in people) / share < 20
    assert 20 < sum(_age(p) >= 60 for p in people) / share < 32
    assert 48 < sum(p.sex == "male" for p in people) / share < 54


def test_households_are_families(people: list[households.Person]):
    homes = list(households.plan(7, 4000, TODAY))
    assert 2.2 < mean(len(home.members) for home in homes) < 3.6
    for home in homes:
        head = home.members[0]
        assert head.relation == "户主"
        assert _age(head) >= 20
        for child in home.members:
            if child.relation in ("子", "女"):
                assert child.family == head.family
                assert _age(head) - _age(child) > 15


def test_names_follow_the_generation():
    rng = luck(1, "names")
    old = Counter(given_name(rng, "female", 1948) for _ in range(400))
    young = Counter(given_name(rng, "female", 2016) for _ in range(400))
    assert old["桂兰"]
    assert not young["桂兰"]
    surnames = Counter(surname(rng) for _ in range(5000))
    assert {"王", "李", "张"} == {name for name, _ in surnames.most_common(3)}


def test_recorded_illness_rises_with_age_within_plausible_bounds():
    rng = luck(1, "illness")
    shares: dict[int, Counter[str]] = {}
    for age in (30, 50, 70):
        shares[age] = Counter(one.code for _ in range(4000) for one in illness.draw(rng, "female", age, TODAY))
    assert not shares[30]
    assert 0.10 < shares[50][illness.HYPERTENSION] / 4000 < 0.20
    assert 0.38 < shares[70][illness.HYPERTENSION] / 4000 < 0.48
    assert 0.13 < shares[70][illness.DIABETES] / 4000 < 0.26
    assert shares[50][illness.STROKE] < shares[70][illness.STROKE] < shares[70][illness.HYPERTENSION]


def test_pressure_falls_towards_its_goal_only_as_far_as_it_is_controlled():
    began = date(2024, 1, 1)
    good = Course(166, 102, 1.0, 10.0, 1.0, began)
    poor = Course(166, 102, 0.1, 10.0, 0.1, began)
    later = began + timedelta(days=720)
    assert good.at(began)[0] == poor.at(began)[0] == 166
    assert good.at(later)[0] < 133
    assert poor.at(later)[0] > 160
    assert good.at(later)[2] < 7.0 < poor.at(later)[2]


def test_hypertensives_are_better_at_their_last_visit_than_at_their_first(by_type: ByType):
    hypertensive = {c["subject"]["reference"] for c in by_type["Condition"] if c["code"]["coding"][0]["code"] == "I10"}
    assert 0.10 < len(hypertensive) / RESIDENTS < 0.24
    pressures: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for observation in by_type["Observation"]:
        if observation["code"]["text"] == "血压" and observation["subject"]["reference"] in hypertensive:
            systolic = observation["component"][0]["valueQuantity"]["value"]
            pressures[observation["subject"]["reference"]].append((observation["effectiveDateTime"], systolic))
    followed = [sorted(found) for found in pressures.values() if len(found) >= 3]
    assert len(followed) > 80
    assert mean(f[0][1] - f[-1][1] for f in followed) > 8


def test_a_value_out_of_range_is_marked(by_type: ByType):
    checked = 0
    for observation in by_type["Observation"]:
        if not observation.get("referenceRange"):
            continue
        bounds, value = observation["referenceRange"][0], observation["valueQuantity"]["value"]
        code = observation["interpretation"][0]["coding"][0]["code"]
        high = "high" in bounds and value > bounds["high"]["value"]
        low = "low" in bounds and value < bounds["low"]["value"]
        assert code[0] == ("H" if high else "L" if low else "N")
        checked += 1
    assert checked > 1000


def test_who_is_allergic_to_penicillin_gets_none_afterwards(by_type: ByType):
    allergic = {a["patient"]["reference"] for a in by_type["AllergyIntolerance"] if a["code"]["coding"][0]["code"] == "penicillin"}
    assert allergic
    for request in by_type["MedicationRequest"]:
        if request["subject"]["reference"] in allergic:
            assert "阿莫西林" not in request["medicationCodeableConcept"]["text"]


def test_only_one_running_prescription_of_a_drug(by_type: ByType):
    running = Counter(
        (r["subject"]["reference"], r["medicationCodeableConcept"]["coding"][0]["code"])
        for r in by_type["MedicationRequest"] if r["status"] == "active"
    )  # fmt: skip
    assert running
    assert max(running.values()) == 1


def test_children_are_immunized_by_the_schedule_of_their_birth_year(by_type: ByType):
    doses: dict[str, Counter[str]] = defaultdict(Counter)
    for dose in by_type["Immunization"]:
        doses[dose["patient"]["reference"]][dose["vaccineCode"]["coding"][0]["code"]] += 1
    children = [p for p in by_type["Patient"] if p["birthDate"] > "2020-12-01"]
    assert sum(f"Patient/{p['id']}" in doses for p in children) > 0.9 * len(children)
    two_years = [p for p in children if "2023-06-01" < p["birthDate"] < "2024-10-01"]
    assert mean(doses[f"Patient/{p['id']}"]["HepB"] for p in two_years) > 2.8
    assert all(doses[f"Patient/{p['id']}"]["DT"] == 0 for p in two_years)


def test_zhang_guilan_was_seen_yesterday_with_high_pressure(by_type: ByType):
    who = next(ids[0] for story, ids in stories_of(7, RESIDENTS, today=TODAY) if story.key == "zhang_guilan")
    me = f"Patient/{who}"
    last = max((e for e in by_type["Encounter"] if e["subject"]["reference"] == me), key=lambda e: e["period"]["start"])
    assert last["period"]["start"].startswith("2026-11-21")
    assert last["serviceProvider"]["display"] == "王庄村卫生室"
    note = next(d for d in by_type["DocumentReference"] if d["context"]["encounter"][0]["reference"] == f"Encounter/{last['id']}")
    assert "血压162/98mmHg" in b64decode(note["content"][0]["attachment"]["data"]).decode()
    allergies = [a["code"]["text"] for a in by_type["AllergyIntolerance"] if a["patient"]["reference"] == me]
    assert allergies == ["青霉素过敏"]
