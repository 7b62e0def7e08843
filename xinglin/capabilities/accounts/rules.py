"""What the system administrator may do to which account."""

from __future__ import annotations

from xinglin.access.accounts import Account
from xinglin.access.accounts.rules import HUMAN_ROLES, is_administrator
from xinglin.access.actor import ADMINISTRATORS, Actor
from xinglin.base.errors import Conflict, Forbidden, Invalid

GIVEN_ROLES = tuple(role for role in HUMAN_ROLES if role != "resident" and role not in ADMINISTRATORS)
"""Roles given on pages. Administrators are made at the terminal of the machine, residents come by telephone."""


def check_role(role: str) -> None:
    """Raise `Invalid` for a role that is not given here."""
    if role not in GIVEN_ROLES:
        raise Invalid("This role is not given here.")


def check_may_change(actor: Actor, account: Account) -> None:
    """Raise unless the administrator may change this account: not one's own, and no other administrator's."""
    if account.id == actor.id:
        raise Conflict("You cannot change your own account here.")
    if is_administrator(account.hats):
        raise Forbidden("The three administrators watch each other: none changes another's account. The machine's terminal does.")
    if account.kind == "demo":
        raise Conflict("People of the demo stay as they are.")
