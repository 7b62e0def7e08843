"""Birthdays, and the one rule on which the platform ends an authority for a resident, without a database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from xinglin.access.actor import Actor
from xinglin.base.clock import tick_of
from xinglin.capabilities.guardianship.model import AGENT, GUARDIAN, PARENT, Guardianship
from xinglin.capabilities.guardianship.rules import is_own_agency, years_after

NOW = tick_of(datetime(2026, 11, 22, 4, tzinfo=UTC))
GIVEN = Guardianship(
    "g", "granny", AGENT, "林芳", (("urn:x", "7"),), "", "2026-01-01", "2027-01-01", NOW - 10, NOW + 10, True, None, "", "", "", 1
)
GRANNY = Actor("a", "resident", "赵秀英", "Patient/granny")


def test_who_was_born_on_29_february_is_18_on_1_march_of_a_common_year():
    assert years_after(date(2008, 2, 29), 18) == date(2026, 3, 1)
    assert years_after(date(2008, 2, 28), 18) == date(2026, 2, 28)


def test_who_gave_an_authority_ends_it_also_before_it_begins():
    assert is_own_agency(GRANNY, GIVEN, NOW)
    assert is_own_agency(replace(GRANNY, patient="granny"), GIVEN, NOW)
    assert is_own_agency(GRANNY, GIVEN, NOW - 20)


@pytest.mark.parametrize(
    ("actor", "one"),
    [
        (replace(GRANNY, person="Patient/other"), GIVEN),
        (replace(GRANNY, person=""), GIVEN),
        (replace(GRANNY, role="doctor"), GIVEN),
        (replace(GRANNY, patient="ward-of-hers"), GIVEN),
        (replace(GRANNY, client="some-app"), GIVEN),
        (GRANNY, replace(GIVEN, kind=GUARDIAN)),
        (GRANNY, replace(GIVEN, kind=PARENT)),
        (GRANNY, replace(GIVEN, kind=None)),
        (GRANNY, replace(GIVEN, active=False)),
        (GRANNY, replace(GIVEN, ends=NOW)),
    ],
)
def test_nobody_else_and_nothing_else_is_ended_in_this_way(actor: Actor, one: Guardianship):
    assert not is_own_agency(actor, one, NOW)
