"""What is kept of an account and of a session: values only. Times are microseconds since 1970 UTC."""

from __future__ import annotations

from typing import Literal

import msgspec

from xinglin.access.actor import Actor

State = Literal["active", "disabled"]
Kind = Literal["staff", "resident", "demo"]
Stage = Literal["factor", "password", "enrolment", "identity", "hat", "open"]
"""What a session still waits for; only an open one opens pages."""


class Hat(msgspec.Struct, frozen=True, omit_defaults=True):
    """One role someone may act in. `units`: references of what the hat works for, the institution first."""

    id: str
    role: str
    title: str
    person: str = ""
    practitioner_role: str = ""
    units: tuple[str, ...] = ()


class Totp(msgspec.Struct, frozen=True):
    """A time-based code generator (RFC 6238): its secret (base32) and the last time step whose code was taken."""

    secret: str
    last_step: int = 0


class Passkey(msgspec.Struct, frozen=True):
    """A public-key credential (WebAuthn level 2): id and public key (base64url), signature counter, the holder's name for it."""

    id: str
    public_key: str
    count: int
    name: str
    added: int


class Proof(msgspec.Struct, frozen=True):
    """By what an account was proved to be a person's. `level`: what was compared; `by`: who compared."""

    level: str
    at: int
    by: str


class Account(msgspec.Struct, frozen=True, omit_defaults=True):
    """Someone who may sign in. `number`: resident id number of an administrator; `history`: hashes of former passwords, newest first.

    `issued`: the password was given by an administrator and must be changed. `persona`: place in the demo, "" for everyone real.
    """

    id: str
    login: str
    name: str
    kind: Kind = "staff"
    state: State = "active"
    made: int = 0
    password: str = ""
    issued: bool = False
    changed: int = 0
    history: tuple[str, ...] = ()
    hats: tuple[Hat, ...] = ()
    number: str = ""
    phone: str = ""
    proof: Proof | None = None
    totp: Totp | None = None
    passkeys: tuple[Passkey, ...] = ()
    recovery: tuple[str, ...] = ()
    persona: str = ""

    @property
    def has_factor(self) -> bool:
        """Whether a second factor is enrolled."""
        return self.totp is not None or bool(self.passkeys)


class Session(msgspec.Struct, frozen=True, omit_defaults=True):
    """One sign-in. `started` is when it began, `seen` its last use, `proved` when everything asked for was last shown.

    `ward`: the one a resident acts for (`Patient/…`), "" for oneself. `challenge`, `secret`: what a second factor under way is held to.
    """

    account: str
    name: str
    kind: Kind
    stage: Stage
    started: int
    seen: int
    method: str
    proved: int = 0
    factor_shown: bool = False
    address: str = ""
    browser: str = ""
    hat: Hat | None = None
    hats: tuple[Hat, ...] = ()
    ward: str = ""
    ward_name: str = ""
    challenge: str = ""
    secret: str = ""

    def actor(self, id: str) -> Actor:
        """Whom an open session stands for; `id` is the session's public id."""
        assert self.hat is not None, "an open session wears a hat"
        ward = self.ward.partition("/")[2]
        return Actor(self.account, self.hat.role, self.name, self.hat.person, self.hat.units, id, patient=ward)
