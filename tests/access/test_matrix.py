"""Every role, type, interaction, relation, consent and label: the code allows what the statement says, and nothing else."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.access import statement
from tests.access.drawn import CARD, CARD_OF_RESIDENT, DOCTOR, UNITS, consenting, relating
from tests.access.statement import Case
from xinglin.access.actor import ROLES
from xinglin.access.consent import is_rule, rule_of, verdict
from xinglin.access.policy import EVERYTHING, allowed
from xinglin.access.reach import WHOSE, scope_from
from xinglin.access.relationships import identity, relations_of
from xinglin.base.clock import tick_of
from xinglin.fhir.definitions import RESOURCE_TYPES
from xinglin.store import Scope
from xinglin.store.layout import layout
from xinglin.store.relations import ANYONE, Held, Relation
from xinglin.store.searching.predicate import sees

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
NUMBER = 7
HOLDS = {DOCTOR, *UNITS}
TYPES = ["Patient", "Observation", "Task", "Coverage", "Claim", "Encounter", "Device", "Consent", "Organization", "Medication", "Schedule"]
"""One of each class of types: open, clinical, beyond the compartment, paid for, relating, shared, consent, institution, knowledge."""


def test_there_are_no_other_roles_types_and_interactions() -> None:
    assert sorted(statement.ROLES) == sorted(ROLES)
    assert sorted(statement.INTERACTIONS) == sorted(EVERYTHING)
    named = {*statement.RECORD, *statement.DIRECTORY, *statement.OF_PATIENTS_TOO, *statement.ENVELOPES}
    assert named <= set(RESOURCE_TYPES)
    about_patients = {type_ for type_ in RESOURCE_TYPES if layout(type_).patient is not None}
    assert about_patients == {*statement.RECORD, *statement.OF_PATIENTS_TOO}


@pytest.mark.parametrize("role", statement.ROLES)
def test_a_role_may_do_to_each_type_what_the_statement_says(role: str) -> None:
    wrong = [
        (interaction, type_)
        for interaction, type_ in itertools.product(statement.INTERACTIONS, RESOURCE_TYPES)
        if allowed(role, interaction, type_) is not statement.may_act(role, interaction, type_)
    ]
    assert wrong == []


def cases(role: str) -> Iterator[Case]:
    kinds = itertools.product(TYPES, ["none", *statement.RELATIONS], statement.WHEN, statement.CONSENTS, range(1, 6), [True, False])
    for type_, relation, when, consent, level, names in kinds:
        case = Case(role, type_, relation, when, consent, level, names)
        shared = type_ in statement.SHARED
        timeless = relation in ("none", "self", "break-glass", "assignment") and when != "now"
        if statement.can_be(case) and not timeless and (names or (shared and relation in ("none", "encounter") and consent == "none")):
            yield case


def scope_of(case: Case) -> Scope:
    """The scope that follows from the case's stored resources, without a database."""
    held, for_all = list(_held(case, HOLDS | {identity(CARD, CARD_OF_RESIDENT)})), list(_held(case, {ANYONE}))
    if case.relation in ("break-glass", "assignment"):
        held.append(Held(NUMBER, case.relation, 0, 2**62, ()))
    own = frozenset({NUMBER}) if case.relation == "self" else frozenset[int]()
    named = [(True, one) for one in held] + [(False, one) for one in for_all]
    rules = [rule for name, one in named if is_rule(one.kind) and (rule := rule_of(one, named=name, purpose="TREAT"))]
    whose = WHOSE[case.role]
    return scope_from(whose, held, own, {NUMBER: verdict(rules)} if rules and not whose.lawful else {})


def _held(case: Case, holders: set[str]) -> Iterator[Held]:
    now = tick_of(NOON)
    for resource in (*relating(case, "x", "r"), *consenting(case, "x", "c")):
        found: tuple[Relation, ...] = relations_of(resource)
        for one in found:
            if one.holder in holders and one.starts <= now < one.ends:
                yield Held(NUMBER, one.kind, one.starts, one.ends, one.limits)


_MADE: dict[tuple[str, ...], Scope] = {}


def known_scope(case: Case) -> Scope:
    by_type = case.type if "type" in case.consent else ""
    key = (case.role, case.relation, case.when, case.consent, by_type)
    if key not in _MADE:
        _MADE[key] = scope_of(case)
    return _MADE[key]


@pytest.mark.parametrize("role", statement.ROLES)
def test_a_scope_shows_and_lets_write_what_the_statement_says(role: str) -> None:
    wrong: list[tuple[str, Case]] = []
    count = 0
    for case in cases(role):
        scope, spot = known_scope(case), layout(case.type)
        patient = NUMBER if case.names_patient and spot.patient else 0
        count += 1
        if sees(scope, spot, patient, restricted=case.level == 5) is not statement.sees(case):
            wrong.append(("sees", case))
        if spot.patient is None:
            continue
        writes = scope.may_write_for(case.type, patient, new=False)
        begins = scope.may_write_for(case.type, patient, new=True)
        if statement.may_act(role, "update", case.type) and writes is not statement.may_write_for(case):
            wrong.append(("writes", case))
        if statement.may_act(role, "create", case.type) and begins is not statement.may_create(case):
            wrong.append(("begins", case))
    assert wrong[:5] == []
    assert count > 1000 or role not in statement.CARE_ROLES
