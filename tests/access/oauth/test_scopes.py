"""What a scope lets an application do, letter by letter."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as some

from xinglin.access.actor import Actor
from xinglin.access.oauth.scopes import LETTERS, Scope, listed, narrowing, parse, permits, reduced, within
from xinglin.access.tokens import issue_for, verify
from xinglin.base.crypto import Keys

KEYS = Keys({1: bytes(16)}, 1, bytes(32), b"t" * 32)
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
LAB = "patient/Observation.rs?category=laboratory"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("patient/Observation.rs", Scope("patient", "Observation", "rs")),
        ("user/*.cruds", Scope("user", "*", "cruds")),
        ("system/Patient.read", Scope("system", "Patient", "rs")),
        ("patient/*.write", Scope("patient", "*", "cud")),
        ("user/Task.*", Scope("user", "Task", "cruds")),
        (LAB, Scope("patient", "Observation", "rs", "category=laboratory")),
    ],
)
def test_scopes_of_both_versions_are_understood(text: str, meant: Scope) -> None:
    assert parse(text) == meant


@pytest.mark.parametrize(
    "text",
    [
        "patient/Observation.sr", "patient/Observation.rr", "patient/Dragon.rs", "patients/Observation.rs", "patient/Observation",
        "patient/Observation.rs?colour=blue", "patient/Observation.rs?_include=*", "patient/Observation.rs?_count=1",
        "patient/*.rs?category=a", "patient/Observation.rs?subject.name=li", "patient/Observation.rs?code:in=http://x.example/vs",
        "patient/Observation.read?category=laboratory", "patient/Observation.rs?", "",
    ],
)  # fmt: skip
def test_a_scope_that_cannot_be_kept_is_none(text: str) -> None:
    assert parse(text) is None
    assert listed(text) == ()


def test_reading_does_not_let_write_and_searching_does_not_let_read() -> None:
    assert permits(("patient/Observation.r",), "Observation", "read")
    assert not permits(("patient/Observation.r",), "Observation", "search")
    assert not permits(("patient/Observation.s",), "Observation", "read")
    assert not permits(("patient/Observation.rs",), "Observation", "update")
    assert not permits(("patient/Observation.rs",), "Condition", "read")
    assert permits(("patient/Observation.u",), "Observation", "patch")


def test_an_export_needs_both_letters_and_a_deed_without_letter_is_never_permitted() -> None:
    assert permits(("system/*.rs",), None, "export")
    assert not permits(("system/*.r",), None, "export")
    assert not permits(("system/Patient.rs",), None, "export")
    assert not permits(("system/*.cruds",), "Patient", "anything")


def test_narrowed_and_open_scopes_of_one_type_leave_it_open_only_for_the_letters_of_the_open_one() -> None:
    scopes = (LAB, "patient/Observation.c", "patient/Observation.rs?category=vital-signs")
    assert narrowing(scopes, "Observation") == ("category=laboratory", "category=vital-signs")
    assert narrowing(scopes, "Observation", "c") is None
    assert narrowing(scopes, "Observation", "u") == ()
    assert narrowing((*scopes, "patient/*.rs"), "Observation") is None


def test_an_application_gets_no_more_than_it_is_registered_for() -> None:
    registered = ("openid", "patient/*.rs", "patient/Observation.cruds?category=survey", "launch/patient")
    asked = (
        "openid",
        "fhirUser",
        "patient/Condition.cruds",
        "user/Condition.rs",
        LAB,
        "patient/Observation.c?category=survey",
        "launch/patient",
    )
    assert within(asked, registered) == ("openid", "patient/Condition.rs", LAB, "patient/Observation.c?category=survey", "launch/patient")


def test_a_registered_narrowing_is_not_widened_by_asking_without_it() -> None:
    assert within(("patient/Observation.rs",), (LAB,)) == ()


def test_a_residents_scopes_lose_what_residents_may_not_do() -> None:
    assert reduced(("openid", "patient/Condition.cruds", "patient/AuditEvent.rs"), "resident") == ("openid", "patient/Condition.rs")


@given(letters=some.sets(some.sampled_from(LETTERS)), narrow=some.booleans())
def test_reading_and_writing_a_scope_is_the_same(letters: set[str], narrow: bool) -> None:
    kept = "".join(letter for letter in LETTERS if letter in letters)
    scope = Scope("user", "Observation", kept, "category=laboratory" if narrow else "")
    assert parse(str(scope)) == (scope if kept else None)


def test_all_the_scopes_one_may_ask_for_fit_into_a_token() -> None:
    scopes = listed(" ".join(f"patient/Observation.rs?code={number:05}" for number in range(100)))
    assert len(scopes) == 100
    assert verify(KEYS, issue_for(KEYS, Actor("a", "doctor", "李", scopes=scopes), 60, now=NOON), NOON).scopes == scopes
    assert listed(" ".join(f"patient/Observation.rs?code={number:05}" for number in range(101))) == ()
