"""Every act is told as a valid AuditEvent, in the manner of BALP."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest

from xinglin.access.auditing import FORMS, GROUND, Interactions, event, of_action, of_subtype, of_type, outcome_of, statuses_of
from xinglin.fhir.validation import validate
from xinglin.store.ledger.looking import Act

READ = Act(7, 1_790_000_000_123_456, "d-1", "doctor", "read", "Observation", "o1", None, 200, "10.0.0.1", "r-1", (3,), "encounter")
IDS = {3: "p1", 4: "p2"}


@pytest.mark.parametrize("interaction", [*FORMS, "judge-approved", "hat-switch"])
@pytest.mark.parametrize("status", [200, 403, 503])
def test_every_act_is_valid_r4(interaction: str, status: int):
    acts = [
        replace(READ, interaction=interaction, status=status),
        replace(READ, interaction=interaction, status=status, type=None, id=None, patients=(), ground=None, address=None, request=None),
        replace(READ, interaction=interaction, status=status, query="name=李&x=%E6", patients=(3, 4, 99), id=None),
        replace(READ, interaction=interaction, status=status, type="page", id="not an id", role="a new role"),
    ]
    for act in acts:
        found = validate(event(act, IDS, "http://hie.test/fhir"))
        assert [issue for issue in found if not issue.text.startswith("dom-6")] == [], "only the advice to write a narrative"


def test_a_read_says_who_read_whose_what_when_and_why():
    told = event(READ, IDS, "http://hie.test/fhir")
    assert (told["id"], told["action"], told["outcome"], told["recorded"]) == ("7", "R", "0", "2026-09-21T14:13:20.123Z")
    assert told["type"]["code"] == "rest"
    assert [one["code"] for one in told["subtype"]] == ["read", "read"]
    user, client, server = told["agent"]
    assert (user["who"]["identifier"]["value"], user["requestor"], user["role"][0]["coding"][0]["code"]) == ("d-1", True, "doctor")
    assert (client["network"]["address"], client["type"]["coding"][0]["code"]) == ("10.0.0.1", "110152")
    assert server["type"]["coding"][0]["code"] == "110153"
    assert [one.get("what", {}).get("reference") for one in told["entity"]] == ["Observation/o1", "Patient/p1", None]
    assert told["extension"] == [{"url": GROUND, "valueString": "encounter"}]
    assert told["purposeOfEvent"][0]["coding"][0]["code"] == "TREAT"


def test_a_query_flows_the_other_way_and_carries_what_was_asked():
    told = event(replace(READ, interaction="search-type", id=None, query="code=甲"), IDS, "x")
    assert [one["type"]["coding"][0]["code"] for one in told["agent"]] == ["IRCP", "110153", "110152"]
    (query,) = [one["query"] for one in told["entity"] if "query" in one]
    assert base64.b64decode(query).decode() == "code=甲"


def test_broken_glass_is_the_purpose():
    told = event(replace(READ, ground="break-glass"), IDS, "x")
    assert [one["coding"][0]["code"] for one in told["purposeOfEvent"]] == ["BTG", "ETREAT"]


def test_a_refusal_is_a_minor_failure_and_a_fault_a_serious_one():
    assert [outcome_of(status) for status in (200, 304, 401, 403, 500)] == ["0", "0", "4", "4", "8"]
    assert [statuses_of(code) for code in ("0", "4", "8", "12")] == [(0, 400), (400, 500), (500, 1000), None]


def test_the_interactions_of_an_action_hold_those_nobody_has_named_yet():
    executed, created = of_action("E"), of_action("C")
    assert created.only == {"create", "import"}
    assert executed.only is None
    assert {"read", "create"} <= executed.without
    assert executed.also(created) == Interactions(frozenset())
    assert of_type("110114").also(of_action("E")).only == of_type("110114").only
    assert of_subtype("search").only == {"search-type", "search-system", "search"}
    assert of_subtype("judge-approved").only == {"judge-approved"}
