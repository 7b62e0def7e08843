"""What a resident's consent comes to: who is let in, who is kept out, of what, when and for what; and nothing more than was said."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.access.drawn import actors, consent
from xinglin.access.actor import Actor
from xinglin.access.consent import Verdict, is_rule, rule_of, verdict
from xinglin.access.reach import WHOSE, Reach, scope_from
from xinglin.access.relationships import relations_of
from xinglin.base.clock import tick_of
from xinglin.store import Scope, Store, Update
from xinglin.store.relations import ANYONE, Held

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
LI, WU, HOSPITAL = "Practitioner/li", "Practitioner/wu", "Organization/h"
OBSERVATIONS, CONDITIONS = [{"code": "Observation"}], [{"code": "Condition"}]
Provision = dict[str, Any]


def held(who: tuple[str, ...], *consents: dict[str, Any], at: datetime = NOON) -> list[tuple[bool, Held]]:
    """(whether it names them, rule) of every rule that is about someone at a moment, each with its Consent."""
    now = tick_of(at)
    found = [(place, one) for place, told in enumerate(consents) for one in relations_of(told) if one.starts <= now < one.ends]
    mine = [(one.holder != ANYONE, Held(1, one.kind, 0, 1, one.limits, place)) for place, one in found if one.holder in (*who, ANYONE)]
    return [(named, one) for named, one in mine if is_rule(one.kind)]


def told(who: tuple[str, ...], *provisions: Provision, at: datetime = NOON, purpose: str = "TREAT", **more: Any) -> Verdict:
    """What consents with these root provisions come to for someone."""
    consents = [consent(f"c{n}", "x", provision, **more) for n, provision in enumerate(provisions)]
    rules = [rule for named, one in held(who, *consents, at=at) if (rule := rule_of(one, named=named, purpose=purpose))]
    return verdict(rules)


def lets_in(who: tuple[str, ...], *provisions: Provision, **more: Any) -> dict[str, bool]:
    """What someone without any relation sees of the patient: of Observations, Conditions, and the most sensitive of each."""
    return _seen(scope_from(WHOSE["doctor"], (), frozenset(), {1: told(who, *provisions, **more)}))


def leaves(who: tuple[str, ...], *provisions: Provision, **more: Any) -> dict[str, bool]:
    """The same of someone who treats the patient."""
    relation = (Held(1, "encounter", 0, 1, ()),)
    return _seen(scope_from(WHOSE["doctor"], relation, frozenset(), {1: told(who, *provisions, **more)}))


def _seen(scope: Scope) -> dict[str, bool]:
    asked = {"O": ("Observation", False), "C": ("Condition", False), "O5": ("Observation", True), "C5": ("Condition", True)}
    return {name: scope.sees(type_, 1, restricted=five) for name, (type_, five) in asked.items()}


def only(*names: str) -> dict[str, bool]:
    return {name: name in names for name in ("O", "C", "O5", "C5")}


ALL, ORDINARY = only("O", "C", "O5", "C5"), only("O", "C")


def permit(*who: str, **more: Any) -> Provision:
    return {"type": "permit", **({"actor": actors(*who)} if who else {}), **more}


def deny(*who: str, **more: Any) -> Provision:
    return permit(*who, **more) | {"type": "deny"}


def test_a_permission_lets_in_who_is_named_and_nobody_else() -> None:
    assert lets_in((LI,), permit(LI)) == ORDINARY
    assert lets_in((WU,), permit(LI)) == only()
    assert lets_in((WU, HOSPITAL), permit(HOSPITAL)) == ORDINARY


def test_a_permission_to_everyone_opens_nothing_to_who_has_no_relation() -> None:
    assert lets_in((LI,), permit()) == only()
    assert lets_in((LI,), permit(**{"class": OBSERVATIONS})) == only()
    assert lets_in((LI,), permit(**{"class": OBSERVATIONS}), permit(securityLabel=[{"code": "R"}])) == only()


def test_a_permission_of_a_kind_of_data_opens_that_kind_alone() -> None:
    assert lets_in((LI,), permit(LI, **{"class": OBSERVATIONS})) == only("O")


def test_the_most_sensitive_is_opened_only_by_its_name() -> None:
    nested = permit(LI, securityLabel=[{"code": "R"}])
    assert lets_in((LI,), permit(LI, provision=[nested])) == ALL
    assert lets_in((LI,), permit(LI), permit(LI, securityLabel=[{"code": "HIV"}])) == ALL
    assert lets_in((LI,), permit(LI, securityLabel=[{"code": "N"}])) == ORDINARY


def test_a_denial_keeps_out_who_treats() -> None:
    assert leaves((LI,), deny()) == only()
    assert leaves((LI,), deny(LI)) == only()
    assert leaves((LI,), deny(WU)) == ALL
    assert leaves((LI,), deny(**{"class": OBSERVATIONS})) == only("C", "C5")
    assert leaves((LI,), deny(securityLabel=[{"code": "R"}])) == ORDINARY


def test_two_exceptions_for_the_same_people_both_hold() -> None:
    """Two nested denials of different kinds of data: neither hides the other."""
    nested = [deny(**{"class": OBSERVATIONS}), deny(**{"class": CONDITIONS})]
    assert leaves((LI,), permit(provision=nested)) == only()


@pytest.mark.parametrize(
    ("root", "seen"),
    [
        (deny(provision=[permit(LI)]), ORDINARY),
        (deny(**{"class": OBSERVATIONS}, provision=[permit(LI)]), only("O")),
        (deny(purpose=[{"code": "HRESCH"}], provision=[permit(LI)]), only()),
        (deny(period={"end": "2026-01-01"}, provision=[permit(LI)]), only()),
        (deny(securityLabel=[{"code": "R"}], provision=[permit(LI)]), only()),
        (permit(LI, provision=[deny(**{"class": OBSERVATIONS})]), only("C")),
        (deny(**{"class": OBSERVATIONS}, provision=[permit(LI, **{"class": CONDITIONS})]), only()),
    ],
)
def test_an_exception_holds_within_what_it_is_an_exception_to(root: Provision, seen: dict[str, bool]) -> None:
    """Who is let in by way of exception to a narrow denial is let in to that alone, not to the whole record."""
    assert lets_in((LI,), root) == seen


def test_an_exception_in_one_consent_does_not_undo_another_consent() -> None:
    """All but my hospital are kept out; and from my hospital, Dr Li is kept out."""
    hospital_alone = deny(provision=[permit(HOSPITAL)])
    assert leaves((LI, HOSPITAL), hospital_alone) == ALL
    assert leaves((LI, HOSPITAL), hospital_alone, deny(LI)) == only()
    assert leaves((LI, HOSPITAL), deny(LI), hospital_alone) == only()
    assert leaves((WU, HOSPITAL), hospital_alone, deny(LI)) == ALL


def test_who_is_named_goes_before_everyone_and_a_denial_before_a_permission() -> None:
    assert leaves((LI,), deny(), permit(LI)) == ALL
    assert leaves((LI,), permit(LI), deny(LI)) == only()


def test_a_purpose_limits_a_rule() -> None:
    assert leaves((LI,), deny(purpose=[{"code": "HRESCH"}])) == ALL
    assert leaves((LI,), deny(purpose=[{"code": "HRESCH"}]), purpose="HRESCH") == only()
    assert lets_in((LI,), permit(LI, purpose=[{"code": "HRESCH"}])) == only()


@pytest.mark.parametrize(
    "limit",
    [
        {"code": [{"coding": [{"code": "4548-4"}]}]},
        {"data": [{"meaning": "instance", "reference": {"reference": "Observation/1"}}]},
        {"dataPeriod": {"start": "2026-01-01"}},
        {"action": [{"coding": [{"code": "correct"}]}]},
        {"securityLabel": [{"code": "TABOO"}]},
    ],
    ids=lambda limit: next(iter(limit)),
)
def test_a_limit_not_known_here_widens_nothing(limit: Provision) -> None:
    assert lets_in((LI,), permit(LI, **limit)) == only()
    assert lets_in((LI,), permit(LI, **limit, provision=[permit(LI)])) == only()
    assert leaves((LI,), deny(LI, **limit)) == only()


@pytest.mark.parametrize(
    "who", [{"display": "Dr Li"}, {"identifier": {"system": "x", "value": "1"}}, {"reference": f"http://x.test/{LI}"}], ids=str
)
def test_who_is_named_in_a_way_not_understood_gets_nothing_and_lets_nobody_by(who: dict[str, Any]) -> None:
    """An exception for someone we cannot tell is no exception for everyone."""
    actor = [{"role": {"text": "x"}, "reference": who}]
    assert leaves((WU,), deny(provision=[{"type": "permit", "actor": actor}])) == only()
    assert lets_in((WU,), {"type": "permit", "actor": actor}) == only()
    assert leaves((LI,), {"type": "deny", "actor": actor}) == only()


@pytest.mark.parametrize("status", ["draft", "proposed", "rejected", "inactive", "entered-in-error"])
def test_only_an_active_consent_holds(status: str) -> None:
    assert leaves((LI,), deny(), status=status) == ALL
    assert lets_in((LI,), permit(LI), status=status) == only()


@pytest.mark.parametrize(("scope", "seen"), [("patient-privacy", False), ("adr", True), ("treatment", True), ("research", True)])
def test_refusing_a_treatment_hides_no_record(scope: str, seen: bool) -> None:
    assert leaves((LI,), deny(), scope={"coding": [{"code": scope}]})["O"] is seen


def test_consent_to_research_is_for_research() -> None:
    assert not leaves((LI,), deny(), scope={"coding": [{"code": "research"}]}, purpose="HRESCH")["O"]


@pytest.mark.parametrize(
    ("moment", "holds"),
    [
        ("2026-11-21T15:59:59.999+00:00", False),
        ("2026-11-21T16:00:00+00:00", True),
        ("2026-11-23T15:59:59.999+00:00", True),
        ("2026-11-23T16:00:00+00:00", False),
    ],
)
def test_a_permission_begins_and_ends_to_the_second_in_its_own_time_zone(moment: str, holds: bool) -> None:
    period = {"start": "2026-11-22T00:00:00+08:00", "end": "2026-11-23T23:59:59+08:00"}
    assert lets_in((LI,), permit(LI, period=period), at=datetime.fromisoformat(moment))["O"] is holds


def test_a_time_that_cannot_be_read_is_no_time() -> None:
    assert lets_in((LI,), permit(LI, period={"end": "soon"})) == only()


async def test_rules_of_one_consent_stay_apart_in_the_store(store: Store) -> None:
    """The newest version counts, with every one of its rules; withdrawn, none."""
    records, reach = store.records(Scope.everyone()), Reach(store, lambda: NOON)
    who = {"reference": "Patient/x"}
    visit = {"resourceType": "Encounter", "id": "e", "status": "in-progress", "class": {"code": "AMB"}, "subject": who}
    visit["participant"] = [{"individual": {"reference": LI}}]
    nested = [deny(**{"class": OBSERVATIONS}), deny(**{"class": CONDITIONS})]
    await records.write([Update({"resourceType": "Patient", "id": "x"}, "x"), Update(visit, "e")])
    doctor = Actor("a", "doctor", "A", LI)
    for provision, status, seen in (
        (permit(provision=nested), "active", only()),
        (permit(provision=nested[:1]), "active", only("C", "C5")),
        (deny(), "inactive", ALL),
    ):
        await records.write([Update(consent("c", "x", provision, status=status), "c")])
        assert _seen(await reach.scope(doctor)) == seen
