"""What is the matter with an account, what a fact shows about a control, and how an act is told without anything medical. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from urllib.parse import parse_qsl

from xinglin.access.accounts import Account
from xinglin.access.accounts.rules import needs_factor, password_due
from xinglin.base.errors import Malformed
from xinglin.capabilities.consent import GROUNDS
from xinglin.capabilities.security_center.model import (
    ADMINS,
    CONTROLS,
    ActLine,
    Control,
    Evidence,
    Facts,
    Note,
    Notes,
    Shown,
)
from xinglin.kit.i18n import Phrase, t

KEY_DAYS_MAX = 365
"""A data key older than this should be rotated."""
UNSEALED_MAX = 5_000
VERIFIED_DAYS_MAX = 7
HEAD_MINUTES_MAX = 60
ENDED_MAX = 50_000
NOTE_MIN, NOTE_MAX = 4, 1000
DAY_US = 24 * 3600 * 1_000_000
_NATIONAL = "sm4"

# --- relations ---


def relations_told(relations: Mapping[str, tuple[int, int]]) -> list[tuple[Phrase, int, int]]:
    """Relations by kind in words, most first: (words, how many, about how many residents)."""
    told: dict[str, tuple[Phrase, int, int]] = {}
    for kind, (count, people) in relations.items():
        words = t("Permitted by residents") if kind.startswith("permit ") else t("Refused by residents")
        words = GROUNDS.get(kind, words)
        before = told.get(words.text, (words, 0, 0))
        told[words.text] = (words, before[1] + count, before[2] + people)
    return sorted(told.values(), key=lambda one: -one[1])


# --- accounts ---


def risks_of(account: Account, now_us: int, password_days: int, *, demo: bool) -> tuple[Phrase, ...]:
    """What is the matter with an account, () for nothing."""
    told: list[Phrase] = []
    active = account.state == "active"
    if active and needs_factor(account) and not account.has_factor:
        told.append(t("has no second factor yet"))
    if active and account.issued:
        told.append(t("still has the password it was given"))
    elif active and password_due(account, now_us, password_days):
        told.append(t("its password is too old"))
    if active and not account.hats:
        told.append(t("has no role: is it still needed?"))
    if account.persona and not demo:
        told.append(t("belongs to the demo, which is off"))
    return tuple(told)


# --- evidence ---


def _passwords(facts: Facts) -> Evidence:
    words = (
        t("Passwords of {count} characters at least, three kinds of characters, none of the last five", count=facts.password_min),
        t("Changed every {days} days", days=facts.password_days) if facts.password_days else t("No regular change is set"),
        t("Accounts whose password is too old: {count}", count=facts.passwords_old),
    )
    return Evidence(facts.password_days > 0 and facts.passwords_old == 0, words, "/security/account")


def _lockout(facts: Facts) -> Evidence:
    words = (
        t("Locked after {count} failures in {minutes} minutes", count=facts.lock_after, minutes=facts.lock_minutes),
        t("Tried just now: the lock works") if facts.lock_works else t("Tried just now: the lock does not work"),
        t("A session of staff ends after {minutes} minutes without use", minutes=facts.idle_minutes),
    )
    return Evidence(facts.lock_works and 0 < facts.idle_minutes <= 30, words, "/security/sign-in")


def _transport(facts: Facts) -> Evidence:
    told = t("People reach the platform by https") if facts.https else t("The public address is not https, or not set")
    return Evidence(facts.https, (told,))


def _second_factor(facts: Facts) -> Evidence:
    words = (t("Staff accounts with a second factor: {with_factor} of {all}", with_factor=facts.with_factor, all=facts.staff),)
    return Evidence(facts.staff > 0 and facts.with_factor == facts.staff, words, "/security/account")


def _accounts(facts: Facts) -> Evidence:
    words = (t("Staff accounts: {count}, without a role: {without}", count=facts.staff, without=facts.without_role),)
    return Evidence(facts.staff > 0 and facts.without_role == 0, words, "/security/account")


def _default_accounts(facts: Facts) -> Evidence:
    words = (
        t("The software comes with no account"),
        t("Accounts of the demo: {count}", count=facts.personas),
        t("Accounts with a password that was given: {count}", count=facts.passwords_issued),
    )
    return Evidence(facts.personas == 0 and not facts.demo and facts.passwords_issued == 0, words, "/security/account")


def _surplus_accounts(facts: Facts) -> Evidence:
    words = (t("Accounts without a role: {without}, disabled: {disabled}", without=facts.without_role, disabled=facts.disabled),)
    return Evidence(facts.staff > 0 and facts.without_role == 0, words, "/security/account")


def _separation(facts: Facts) -> Evidence:
    present = [role for role in ADMINS if facts.administrators.get(role)]
    words = [
        t("Kinds of administrators that are filled: {count} of 3", count=len(present)),
        t("People who hold two of them: {count}", count=facts.one_person_two),
    ]
    if facts.administrators_reading:
        words.append(t("Administrators who may read medical data: {roles}", roles=", ".join(facts.administrators_reading)))
    else:
        words.append(t("None of them may read medical data"))
    holds = len(present) == len(ADMINS) and facts.one_person_two == 0 and not facts.administrators_reading
    return Evidence(holds, tuple(words), "/security/account")


def _policy(facts: Facts) -> Evidence:
    return Evidence(
        facts.administrators.get("security_admin", 0) > 0,
        (t("Security administrators in use: {count}", count=facts.administrators.get("security_admin", 0)),),
    )


def _granularity(facts: Facts) -> Evidence:
    words = (
        t("Each look is checked for the person and the record"),
        t("Care relationships that hold now: {count}", count=facts.relations),
    )
    return Evidence(facts.relations > 0, words, "/security/asset")


def _labels(facts: Facts) -> Evidence:
    return Evidence(facts.restricted > 0, (t("Records labelled most sensitive: {count}", count=facts.restricted),), "/security/asset")


def _audit_on(facts: Facts) -> Evidence:
    words = (t("Acts written down in the last 24 hours: {count}", count=facts.acts_today),)
    return Evidence(facts.acts_today > 0, words, "/security/audit")


def _ledger(facts: Facts) -> Evidence:
    words = [t("Seals: {count}, rows not sealed yet: {unsealed}", count=facts.ledger_seals, unsealed=facts.unsealed)]
    if facts.verified_days is None:
        words.append(t("The ledger was never verified"))
    else:
        words.append(t("Verified {days} days ago", days=facts.verified_days))
        words.append(t("Nothing was changed") if facts.verified_sound else t("Faults were found"))
    fresh = facts.verified_days is not None and facts.verified_days <= VERIFIED_DAYS_MAX
    return Evidence(facts.ledger_seals > 0 and fresh and facts.verified_sound, tuple(words), "/security/ledger")


def _audit_running(facts: Facts) -> Evidence:
    minutes = facts.head_minutes
    told = t("Nothing is sealed yet") if minutes is None else t("The last seal is {minutes} minutes old", minutes=minutes)
    waits = t("Rows that wait for their seal: {count}", count=facts.unsealed)
    running = minutes is not None and (minutes <= HEAD_MINUTES_MAX or facts.unsealed == 0) and facts.unsealed <= UNSEALED_MAX
    return Evidence(running, (told, waits), "/security/ledger")


def _audit_days(facts: Facts) -> Evidence:
    words = (
        t("Kept at least {days} days before archiving", days=facts.audit_days_min),
        t("The oldest row is {days} days old", days=facts.kept_days),
    )
    return Evidence(facts.audit_days_min >= 180, words, "/security/ledger")


def _input(facts: Facts) -> Evidence:
    words = (t("Of {tried} bad inputs tried just now, {refused} were refused", tried=facts.bad_tried, refused=facts.bad_refused),)
    return Evidence(0 < facts.bad_tried == facts.bad_refused, words)


def _sealed(facts: Facts) -> Evidence:
    words = (t("Of {looked} records looked at just now, {sealed} are sealed", looked=facts.sealed.looked, sealed=facts.sealed.sealed),)
    return Evidence(0 < facts.sealed.looked == facts.sealed.sealed, words, "/security/key")


def _national_cipher(facts: Facts) -> Evidence:
    sealed, told = _sealed(facts), t("Cipher: {cipher}", cipher=facts.cipher.upper())
    return Evidence(sealed.holds and facts.cipher == _NATIONAL, (*sealed.words, told), sealed.href)


def _residual(facts: Facts) -> Evidence:
    words = (
        t("Passwords kept otherwise than as argon2 hashes: {count}", count=facts.passwords_plain),
        t("Ended sessions and codes that wait for deletion: {count}", count=facts.ended_papers),
    )
    return Evidence(facts.passwords_plain == 0 and facts.ended_papers < ENDED_MAX, words)


def _keys(facts: Facts) -> Evidence:
    words = (
        t("Data keys: {count}", count=len(facts.keys)),
        t("The current one is {days} days old; it should be no older than {most}", days=facts.key_days, most=KEY_DAYS_MAX),
    )
    return Evidence(bool(facts.keys) and facts.key_days <= KEY_DAYS_MAX, words, "/security/key")


EVIDENCE: Mapping[str, Callable[[Facts], Evidence]] = {
    "passwords": _passwords, "lockout": _lockout, "transport": _transport, "second-factor": _second_factor, "accounts": _accounts,
    "default-accounts": _default_accounts, "surplus-accounts": _surplus_accounts, "separation": _separation, "policy": _policy,
    "granularity": _granularity, "labels": _labels, "audit-on": _audit_on, "ledger": _ledger, "audit-running": _audit_running,
    "audit-days": _audit_days, "input": _input, "sealed": _sealed, "national-cipher": _national_cipher, "residual": _residual,
    "keys": _keys,
}  # fmt: skip
"""What shows a control, from the facts of this moment."""


def shown(facts: Facts, notes: Mapping[str, Notes]) -> list[Shown]:
    """Every control as it stands. A note can say that one does not apply; it cannot make missing evidence good."""
    return [_shown(control, facts, notes.get(control.id, Notes())) for control in CONTROLS]


def _shown(control: Control, facts: Facts, notes: Notes) -> Shown:
    note = notes.notes[-1] if notes.notes else None
    evidence = EVIDENCE[control.evidence](facts) if control.evidence else None
    if note is not None and note.standing == "not-applicable":
        return Shown(control, "not-applicable", evidence, note)
    if evidence is not None:
        return Shown(control, "shown" if evidence.holds else "missing", evidence, note)
    return Shown(control, "noted" if note else "document", None, note)


def noted(notes: Notes, standing: str, words: str, by: str, at: int) -> Notes:
    """One more note. Raises `Malformed` without words."""
    told = " ".join(words.split())
    if standing not in ("noted", "not-applicable") or not NOTE_MIN <= len(told) <= NOTE_MAX:
        raise Malformed("Say which document it is and where it is kept, or why the control does not apply.")
    return Notes((*notes.notes, Note("noted" if standing == "noted" else "not-applicable", told, by, at)))


# --- the trail ---


def without_values(asked: str | None) -> str:
    """What was asked without the values: they may name a person or an illness."""
    path, mark, query = (asked or "").partition("?")
    if not mark and "=" in path and not path.startswith("/"):
        path, query = "", path
    names = list(dict.fromkeys(name for name, _ in parse_qsl(query, keep_blank_values=True)))
    return path + (("?" if path else "") + "&".join(f"{name}=…" for name in names) if names else "")


def table_of(lines: Iterable[ActLine], heading: Sequence[str]) -> bytes:
    """Acts as CSV for a spreadsheet: UTF-8 with its mark; no cell can be taken for a formula."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(heading)
    for one in lines:
        who, what = (one.account, one.name, one.role), (one.interaction, one.type, one.about, one.asked)
        cells = (one.n, one.at, *who, *what, one.status, one.address, one.ground)
        writer.writerow([_plain(str(cell)) for cell in cells])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def _plain(cell: str) -> str:
    return "'" + cell if cell[:1] in "=+-@\t\r＝＋－＠" and cell else cell  # spreadsheets read the wide forms too


NO_DAY = t("Write a day as 2026-11-22.")


def size(count: float) -> str:
    """Bytes as people read them: 3.4 MB."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
