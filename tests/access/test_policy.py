"""Each role may do what its work needs, and not more."""

from __future__ import annotations

import pytest

from xinglin.access.actor import ROLES, Actor
from xinglin.access.policy import EVERYTHING, GRANTS, allowed, require
from xinglin.base.errors import Forbidden
from xinglin.fhir.definitions import RESOURCE_TYPES


def test_every_role_has_its_grants_and_no_other_is_named() -> None:
    assert set(GRANTS) == set(ROLES)


def test_every_type_in_the_table_exists() -> None:
    named = {type_ for grants in GRANTS.values() for grant in grants for type_ in (grant.types or grant.without)}
    assert named <= set(RESOURCE_TYPES)


def test_the_platforms_own_machines_may_do_everything() -> None:
    assert all(allowed("system", deed, type_) for deed in EVERYTHING for type_ in (*RESOURCE_TYPES, None))


@pytest.mark.parametrize(
    ("role", "interaction", "type_", "may"),
    [
        ("doctor", "create", "MedicationRequest", True),
        ("doctor", "delete", "Observation", False),
        ("doctor", "search", None, False),
        ("doctor", "export", None, False),
        ("nurse", "create", "Observation", True),
        ("nurse", "create", "MedicationRequest", False),
        ("registrar", "update", "Patient", True),
        ("registrar", "read", "Condition", False),
        ("registrar", "search", None, False),
        ("resident", "read", "Observation", True),
        ("resident", "create", "Observation", False),
        ("resident", "search", "HealthcareService", True),
        ("reader", "read", "Condition", True),
        ("reader", "create", "Condition", False),
        ("system", "import", "Patient", True),
        ("system", "export", None, True),
        ("reader", "read", "AuditEvent", False),
        ("system_admin", "read", "Patient", False),
        ("security_admin", "search", "Observation", False),
        ("audit_admin", "search", "AuditEvent", True),
        ("audit_admin", "read", "Patient", False),
        ("nobody", "read", "Patient", False),
    ],
)
def test_a_role_may_do_its_own_work_only(role: str, interaction: str, type_: str | None, may: bool) -> None:
    assert allowed(role, interaction, type_) is may


def test_a_refusal_says_what_was_refused() -> None:
    with pytest.raises(Forbidden, match="reader may not create Patient"):
        require(Actor("x", "reader", "x"), "create", "Patient")
