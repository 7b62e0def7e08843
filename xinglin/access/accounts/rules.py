"""The rules of signing in, pure: which hats go together, what a password must be, what a session still waits for.

Source: GB/T 22239-2019, 8.1.4.1 (identity: complexity, change, lock-out, two factors) and 8.1.5 (three separate administrators).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence

import msgspec

from xinglin.access.accounts.model import Account, Hat, Session, Stage
from xinglin.access.actor import ADMINISTRATORS, ROLES
from xinglin.base.errors import Conflict, Invalid
from xinglin.fhir.codec import Resource

PASSWORD_CHARACTERS_MIN, PASSWORD_CHARACTERS_MAX, PASSWORD_CLASSES_MIN, PASSWORD_HISTORY = 10, 128, 3, 5
LOGIN_CHARACTERS_MAX, NAME_CHARACTERS_MAX, HATS_MAX = 60, 80, 20
DAY_US = 24 * 3600 * 1_000_000
HUMAN_ROLES = tuple(role for role in ROLES if role not in ("reader", "system"))
"""Roles a person may hold; the others are machines'."""
_CLASSES: tuple[Callable[[str], bool], ...] = (
    str.islower, str.isupper, str.isdigit, lambda letter: not letter.isalnum(), lambda letter: letter.isalpha() and not letter.isascii(),
)  # fmt: skip


def is_administrator(hats: Iterable[Hat]) -> bool:
    """Whether one of the three administrators' hats is among them."""
    return any(hat.role in ADMINISTRATORS for hat in hats)


def check_hats(hats: Sequence[Hat]) -> None:
    """Raise `Conflict` for hats no one account may hold together, `Invalid` for a role that is no person's."""
    if len(hats) > HATS_MAX:
        raise Invalid("An account holds at most {most} roles.", most=HATS_MAX)
    if any(hat.role not in HUMAN_ROLES for hat in hats):
        raise Invalid("This is not a role that a person can hold.")
    if is_administrator(hats) and len(hats) > 1:
        raise Conflict("An administrator's account holds this one role and no other.")
    if any(hat.role == "resident" for hat in hats) and len({hat.role for hat in hats}) > 1:
        raise Conflict("Residents sign in by telephone; a member of staff has another account for work.")


def check_change_of_hats(before: Sequence[Hat], after: Sequence[Hat]) -> None:
    """Raise `Conflict` when an account would become, or stop being, an administrator's: that takes another account."""
    check_hats(after)
    if before != after and (is_administrator(before) or is_administrator(after)):
        raise Conflict("An administrator's role is given with a new account and ends with it; it cannot be changed.")


def check_new(account: Account) -> None:
    """Raise `Invalid` or `Conflict` for an account that may not be."""
    check_hats(account.hats)
    login = account.login
    if account.kind == "staff" and not (login and len(login) <= LOGIN_CHARACTERS_MAX and login.isprintable() and " " not in login):
        raise Invalid("A sign-in name has 1 to {most} characters and no spaces.", most=LOGIN_CHARACTERS_MAX)
    if not account.name.strip() or len(account.name) > NAME_CHARACTERS_MAX:
        raise Invalid("Say the person's name.")
    if is_administrator(account.hats) and not account.persona and not account.number:
        raise Invalid("Give the administrator's ID number: nobody may be two administrators.")


def login_form(typed: str) -> str:
    """A sign-in name as it is compared: NFKC, no case, no spaces around."""
    return unicodedata.normalize("NFKC", typed).strip().casefold()[: 4 * LOGIN_CHARACTERS_MAX]


def check_password(password: str, account: Account) -> None:
    """Raise `Invalid` with the reason when a new password is too weak. History is compared elsewhere: it takes hashing."""
    if not PASSWORD_CHARACTERS_MIN <= len(password) <= PASSWORD_CHARACTERS_MAX:
        raise Invalid("A password has {least} to {most} characters.", least=PASSWORD_CHARACTERS_MIN, most=PASSWORD_CHARACTERS_MAX)
    if sum(any(belongs(letter) for letter in password) for belongs in _CLASSES) < PASSWORD_CLASSES_MIN:
        raise Invalid("A password mixes three of these: small letters, capital letters, digits, signs.")
    if len(set(password)) < PASSWORD_CHARACTERS_MIN // 2:
        raise Invalid("The password repeats too few characters.")
    folded = password.casefold()
    if any(len(own) > 1 and own.casefold() in folded for own in (account.login, account.name)):
        raise Invalid("The password must not hold your name or sign-in name.")


def password_due(account: Account, now_us: int, days: int) -> bool:
    """Whether the password must be changed now: given by an administrator, or older than `days` (0: never too old)."""
    return bool(account.password) and (account.issued or (days > 0 and now_us - account.changed > days * DAY_US))


def needs_factor(account: Account) -> bool:
    """Whether a second factor is required: of staff and administrators, not of residents and personas."""
    return account.kind == "staff"


def stage_of(account: Account, session: Session, now_us: int, password_days: int) -> Stage:
    """What a session still waits for. The factor comes before the password: who stole a password cannot change it."""
    if needs_factor(account):
        if account.has_factor and not session.factor_shown:
            return "factor"
        if password_due(account, now_us, password_days):
            return "password"
        if not account.has_factor:
            return "enrolment"
    if account.kind == "resident" and account.proof is None:
        return "identity"
    if session.hat is None and len(account.hats) != 1:
        return "hat"
    return "open"


def moved_on(account: Account, session: Session, now_us: int, password_days: int) -> Session:
    """The session at its next stage; the only hat is put on."""
    stage = stage_of(account, session, now_us, password_days)
    hat = session.hat or (account.hats[0] if len(account.hats) == 1 else None)
    opened = stage == "open"
    proved = now_us if opened and session.stage != "open" else session.proved
    return msgspec.structs.replace(session, stage=stage, hat=hat if opened else session.hat, hats=account.hats, proved=proved)


def hat_of(account: Account, hat_id: str) -> Hat:
    """One of the account's hats; raises `Invalid`."""
    found = next((hat for hat in account.hats if hat.id == hat_id), None)
    if found is None:
        raise Invalid("You do not have this role.")
    return found


def hat_from(role: str, worker: Resource, teams: Iterable[str] = ()) -> Hat:
    """The hat of a PractitionerRole: its institution first, then its places, then the care teams."""
    places = [place.get("reference", "") for place in worker.get("location", [])]
    organization, practitioner = worker.get("organization", {}), worker.get("practitioner", {})
    words = [organization.get("display", ""), *(one.get("text", "") for one in worker.get("specialty", [])[:1])]
    units = tuple(one for one in (organization.get("reference", ""), *places, *teams) if one)
    title = " · ".join(word for word in words if word)
    return Hat(f"{role}-{worker['id']}", role, title, practitioner.get("reference", ""), worker["id"], units)


def masked(phone: str) -> str:
    """A telephone number as it may be shown."""
    return f"{phone[:3]}****{phone[-4:]}" if len(phone) >= 8 else "****"
