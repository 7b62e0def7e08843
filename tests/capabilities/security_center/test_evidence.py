"""Each control shows evidence of this moment, which changes when the thing it measures changes; nothing is ever called compliant."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from xinglin.access.accounts import Account, Hat
from xinglin.access.accounts.model import Totp
from xinglin.base.errors import Malformed
from xinglin.capabilities.security_center.model import CONTROLS, Facts, Notes
from xinglin.capabilities.security_center.rules import EVIDENCE, noted, risks_of, shown, size, table_of, without_values
from xinglin.store.inventory import KeySeen, Sealed

KEY = KeySeen(1, datetime(2026, 1, 1, tzinfo=UTC), None, current=True)
GOOD = Facts(
    staff=9, with_factor=9, administrators={"system_admin": 1, "security_admin": 1, "audit_admin": 1}, password_days=90, password_min=10,
    lock_after=5, lock_minutes=15, lock_works=True, idle_minutes=20, https=True, sealed=Sealed(100, 100), cipher="sm4", keys=(KEY,),
    key_days=30, restricted=7, relations=50, ledger_seals=12, head_minutes=2, verified_days=1, verified_sound=True, kept_days=3,
    audit_days_min=180, acts_today=400, bad_tried=3, bad_refused=3,
)  # fmt: skip
WORSE = {
    "passwords": [{"passwords_old": 1}, {"password_days": 0}],
    "lockout": [{"lock_works": False}, {"idle_minutes": 240}, {"idle_minutes": 0}],
    "transport": [{"https": False}],
    "second-factor": [{"with_factor": 8}, {"staff": 0, "with_factor": 0}],
    "accounts": [{"without_role": 1}],
    "default-accounts": [{"personas": 1}, {"demo": True}, {"passwords_issued": 1}],
    "surplus-accounts": [{"without_role": 2}],
    "separation": [{"administrators": {"security_admin": 1}}, {"one_person_two": 1}, {"administrators_reading": ("system_admin",)}],
    "policy": [{"administrators": {}}],
    "granularity": [{"relations": 0}],
    "labels": [{"restricted": 0}],
    "audit-on": [{"acts_today": 0}],
    "ledger": [{"verified_days": None}, {"verified_days": 30}, {"verified_sound": False}, {"ledger_seals": 0}],
    "audit-running": [{"head_minutes": None}, {"head_minutes": 600, "unsealed": 5}, {"unsealed": 9_000}],
    "audit-days": [{"audit_days_min": 90}],
    "input": [{"bad_refused": 2}],
    "sealed": [{"sealed": Sealed(100, 99)}, {"sealed": Sealed(0, 0)}],
    "national-cipher": [{"cipher": "aes"}, {"sealed": Sealed(100, 99)}],
    "residual": [{"passwords_plain": 1}, {"ended_papers": 60_000}],
    "keys": [{"key_days": 500}, {"keys": ()}],
}


def test_every_kind_of_evidence_is_of_use_and_tried_here():
    assert {one.evidence for one in CONTROLS} - {""} == set(EVIDENCE) == set(WORSE)
    assert len({one.id for one in CONTROLS}) == len(CONTROLS)


@pytest.mark.parametrize("name", EVIDENCE)
def test_evidence_holds_while_all_is_well(name: str):
    assert EVIDENCE[name](GOOD).holds


@pytest.mark.parametrize(("name", "change"), [(name, change) for name, ones in WORSE.items() for change in ones])
def test_evidence_changes_with_what_it_measures(name: str, change: dict):
    worse = EVIDENCE[name](replace(GOOD, **change))
    assert not worse.holds
    assert worse.words


def test_no_control_is_called_compliant():
    texts = [words.text.casefold() for one in shown(GOOD, {}) if one.evidence for words in one.evidence.words]
    assert not [text for text in texts if "complian" in text or "certified" in text]


def test_a_note_stands_for_what_is_outside_and_never_makes_missing_evidence_good():
    outside = next(one for one in CONTROLS if not one.evidence)
    inside = next(one for one in CONTROLS if one.evidence == "transport")
    bad = replace(GOOD, https=False)
    note = noted(Notes(), "noted", "机房验收报告，档案柜3", "吴", 1)
    standing = {one.control.id: one.standing for one in shown(bad, {outside.id: note, inside.id: note})}
    assert standing[outside.id] == "noted"
    assert standing[inside.id] == "missing"
    apart = noted(note, "not-applicable", "没有无线网络", "吴", 2)
    assert {one.control.id: one.standing for one in shown(bad, {outside.id: apart})}[outside.id] == "not-applicable"
    assert [one.words for one in apart.notes] == ["机房验收报告，档案柜3", "没有无线网络"]
    with pytest.raises(Malformed):
        noted(Notes(), "noted", " ", "吴", 1)
    with pytest.raises(Malformed):
        noted(Notes(), "shown", "机房验收报告", "吴", 1)


HAT = Hat("h", "doctor", "县医院")
WELL = Account("1", "li", "李", hats=(HAT,), totp=Totp("x"), password="$argon2", changed=0)
DAY = 86_400_000_000


@pytest.mark.parametrize(
    ("account", "words"),
    [
        (WELL, ()),
        (Account("1", "li", "李", hats=(HAT,)), ("has no second factor yet",)),
        (Account("1", "li", "李", hats=(HAT,), totp=Totp("x"), password="$argon2", issued=True), ("still has the password it was given",)),
        (Account("1", "li", "李", totp=Totp("x")), ("has no role: is it still needed?",)),
        (Account("1", "li", "李", state="disabled"), ()),
        (Account("1", "li", "李", "demo", hats=(HAT,), persona="li"), ("belongs to the demo, which is off",)),
    ],
)
def test_what_is_the_matter_with_an_account_is_said(account: Account, words: tuple[str, ...]):
    assert tuple(one.text for one in risks_of(account, DAY, 90, demo=False)) == words


def test_a_password_too_old_is_a_risk():
    assert [one.text for one in risks_of(WELL, 91 * DAY, 90, demo=False)] == ["its password is too old"]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("/person?q=张桂兰&by=name", "/person?q=…&by=…"),
        ("name=张桂兰&birthdate=1959", "name=…&birthdate=…"),
        ("/person/7", "/person/7"),
        (None, ""),
    ],
)
def test_what_was_asked_is_told_without_names(asked: str | None, told: str):
    assert without_values(asked) == told


def test_no_cell_of_an_export_is_a_formula():
    from xinglin.capabilities.security_center.model import ActLine

    line = ActLine(1, "2026", "=1+1", "@x", "doctor", "read", "", "", "-2", 200, "+3", "", 0)
    text = table_of([line], ["n"]).decode("utf-8-sig")
    assert "'=1+1" in text
    assert "'@x" in text
    assert "'-2" in text
    assert "'+3" in text


def test_bytes_are_told_as_people_read_them():
    assert [size(count) for count in (12, 1500, 3_400_000, 2.5e12)] == ["12 B", "1.5 kB", "3.4 MB", "2.5 TB"]
