"""What may be: hats, passwords, steps."""

from __future__ import annotations

from itertools import combinations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.access.accounts.conftest import DOCTOR, OFFICER
from xinglin.access.accounts import rules
from xinglin.access.accounts.model import Account, Hat, Passkey, Proof, Session, Totp
from xinglin.access.actor import ADMINISTRATORS
from xinglin.base.errors import Conflict, Invalid, XinglinError

ACCOUNT = Account("1", "li.chunsheng", "李春生", password="hash", hats=(DOCTOR,), totp=Totp("s"))
SESSION = Session("1", "李春生", "staff", "factor", 0, 0, "password")


@pytest.mark.parametrize(("one", "other"), list(combinations(ADMINISTRATORS, 2)))
def test_no_account_is_two_administrators(one: str, other: str) -> None:
    with pytest.raises(Conflict, match="one role"):
        rules.check_hats([Hat("a", one, ""), Hat("b", other, "")])


@pytest.mark.parametrize("administrator", ADMINISTRATORS)
@pytest.mark.parametrize("role", [role for role in rules.HUMAN_ROLES if role not in ADMINISTRATORS])
def test_an_administrator_holds_no_other_role(administrator: str, role: str) -> None:
    with pytest.raises(Conflict):
        rules.check_hats([Hat("a", administrator, ""), Hat("b", role, "")])


@given(st.lists(st.sampled_from(rules.HUMAN_ROLES), max_size=5), st.lists(st.sampled_from(rules.HUMAN_ROLES), max_size=5))
def test_no_change_of_hats_makes_or_unmakes_an_administrator(before: list[str], after: list[str]) -> None:
    old = [Hat(str(n), role, "") for n, role in enumerate(before)]
    new = [Hat(str(n), role, "") for n, role in enumerate(after)]
    try:
        rules.check_change_of_hats(old, new)
    except XinglinError:
        return
    assert rules.is_administrator(old) == rules.is_administrator(new)
    assert not rules.is_administrator(new) or old == new


@pytest.mark.parametrize("role", ["system", "reader", "surgeon"])
def test_no_person_holds_a_machines_role(role: str) -> None:
    with pytest.raises(Invalid):
        rules.check_hats([Hat("a", role, "")])


def test_an_administrator_is_a_known_person() -> None:
    with pytest.raises(Invalid, match="ID number"):
        rules.check_new(Account("1", "sun", "孙系统", hats=(Hat("a", "system_admin", ""),)))


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("Short-1a", "characters"),
        ("x" * 129, "characters"),
        ("onlysmallletters", "mixes three"),
        ("smalland2digits", "mixes three"),
        ("Aa1-Aa1-Aa1-", "repeats"),
        ("My Li.Chunsheng 7", "your name"),
        ("村医李春生 Abc12345", "your name"),
    ],
)
def test_a_weak_password_is_refused_with_the_reason(password: str, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        rules.check_password(password, ACCOUNT)


@pytest.mark.parametrize("password", ["Apricot-grove-2026", "杏林春暖 2026 好天气", "aB3!aB4?aB5."])
def test_a_password_of_three_classes_is_taken(password: str) -> None:
    rules.check_password(password, ACCOUNT)


def test_the_second_factor_comes_before_a_password_can_be_changed() -> None:
    due = msgspec.structs.replace(ACCOUNT, issued=True)
    assert rules.stage_of(due, SESSION, 0, 90) == "factor"
    assert rules.stage_of(due, msgspec.structs.replace(SESSION, factor_shown=True), 0, 90) == "password"


def test_staff_without_a_second_factor_enrols_one_and_who_has_several_roles_chooses() -> None:
    bare = msgspec.structs.replace(ACCOUNT, totp=None)
    assert rules.stage_of(bare, SESSION, 0, 90) == "enrolment"
    several = msgspec.structs.replace(ACCOUNT, hats=(DOCTOR, OFFICER), totp=None, passkeys=(Passkey("i", "k", 0, "desk", 0),))
    shown = msgspec.structs.replace(SESSION, factor_shown=True)
    assert rules.stage_of(several, SESSION, 0, 90) == "factor"
    assert rules.stage_of(several, shown, 0, 90) == "hat"
    assert rules.stage_of(several, msgspec.structs.replace(shown, hat=OFFICER), 0, 90) == "open"


def test_a_password_of_91_days_is_due_and_a_setting_of_0_days_never_asks() -> None:
    shown, day = msgspec.structs.replace(SESSION, factor_shown=True), rules.DAY_US
    assert rules.stage_of(ACCOUNT, shown, 90 * day, 90) == "open"
    assert rules.stage_of(ACCOUNT, shown, 91 * day, 90) == "password"
    assert rules.stage_of(ACCOUNT, shown, 9999 * day, 0) == "open"


def test_a_resident_proves_who_they_are_before_anything_opens() -> None:
    resident = Account("2", "", "张桂兰", "resident", phone="15412347734", hats=())
    session = msgspec.structs.replace(SESSION, kind="resident")
    assert rules.stage_of(resident, session, 0, 90) == "identity"
    hat = Hat("resident", "resident", "张桂兰", "Patient/z")
    proved = msgspec.structs.replace(resident, proof=Proof("ID number and name", 0, "x"), hats=(hat,))
    assert rules.stage_of(proved, session, 0, 90) == "open"


def test_a_hat_names_the_institution_first() -> None:
    worker = {
        "id": "r1",
        "organization": {"reference": "Organization/h", "display": "杏溪县人民医院"},
        "practitioner": {"reference": "Practitioner/7", "display": "李梅"},
        "location": [{"reference": "Location/b"}],
        "specialty": [{"text": "心血管内科"}],
    }
    hat = rules.hat_from("doctor", worker, ["CareTeam/t"])
    assert (hat.person, hat.units) == ("Practitioner/7", ("Organization/h", "Location/b", "CareTeam/t"))
    assert hat.title == "杏溪县人民医院 · 心血管内科"
