"""What is kept of applications and of what people granted them: the Papers of this room, and who they are about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

from xinglin.access.actor import Actor
from xinglin.store.ground import Ground
from xinglin.store.papers import Papers

Auth = Literal["none", "client_secret_basic", "client_secret_post", "private_key_jwt"]
SECOND_US = 1_000_000
ACCESS_S = 3600
"""An access token lasts so long at most."""
ONLINE_ACCESS_S = 600
"""One that ends with a sign-in lasts so long, and is renewed."""
CODE_S = 60
LAUNCH_S = 300
OFFLINE_S = 90 * 24 * 3600
"""A granted access without the person present ends so long after its last use."""
ONLINE_S = 24 * 3600
"""A granted access with the person present ends with the sign-in, and after so long at the latest."""


class Application(msgspec.Struct, frozen=True, kw_only=True):
    """A registered application. `redirects`: exact addresses; `secret`: its SHA-256, hex; `keys`: its JWK set as JSON, or `keys_url`.

    `scopes`: the most it may ask for. `role`: whom it acts as when nobody is present (reader or system), "" when it never does.
    """

    name: str
    auth: Auth
    redirects: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    launch: str = ""
    home: str = ""
    secret: str = ""
    keys: str = ""
    keys_url: str = ""
    role: str = ""
    made_us: int = 0
    made_by: str = ""
    disabled: bool = False

    @property
    def public(self) -> bool:
        """Whether it can keep no secret."""
        return self.auth == "none"


class Who(msgspec.Struct, frozen=True):
    """The person an application acts for, as they were signed in."""

    id: str
    role: str
    name: str
    person: str = ""
    units: tuple[str, ...] = ()
    session: str = ""

    def actor(self, client: str, scopes: tuple[str, ...], patient: str) -> Actor:
        """The person through an application."""
        return Actor(self.id, self.role, self.name, self.person, self.units, self.session, client, scopes, patient)


def who_is(actor: Actor) -> Who:
    """What is kept of an actor."""
    return Who(actor.id, actor.role, actor.name, actor.person, actor.units, actor.session)


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """An authorization code: what was asked, by whom it was allowed. `grant`: the grant it became, "" before it was used."""

    client: str
    redirect: str
    challenge: str
    scopes: tuple[str, ...]
    who: Who
    signed_in_us: int
    patient: str = ""
    encounter: str = ""
    nonce: str = ""
    grant: str = ""


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """What a person allowed an application. `turn`: the number of the refresh token that is valid now.

    `live`: (jti, end in seconds) of its access tokens that have not ended.
    """

    client: str
    scopes: tuple[str, ...]
    who: Who
    made_us: int
    signed_in_us: int
    used_us: int
    patient: str = ""
    encounter: str = ""
    turn: int = 0
    live: tuple[tuple[str, int], ...] = ()

    @property
    def offline(self) -> bool:
        """Whether it outlasts the sign-in."""
        return "offline_access" in self.scopes

    @property
    def renewable(self) -> bool:
        """Whether it comes with refresh tokens."""
        return self.offline or "online_access" in self.scopes


class Launch(msgspec.Struct, frozen=True):
    """A launch from one of our pages: for whom and about whom."""

    client: str
    actor: str
    patient: str = ""
    encounter: str = ""


class Mark(msgspec.Struct, frozen=True):
    """That something was: an assertion used, a token withdrawn."""

    why: str = ""


class SigningKey(msgspec.Struct, frozen=True):
    """A key of ours. `jwk`: private, as JSON text. It signs from `since_us` on, until the next one does."""

    jwk: str
    since_us: int


@dataclass(frozen=True, slots=True)
class Drawers:
    """The papers of this room."""

    applications: Papers[Application]
    codes: Papers[Code]
    grants: Papers[Grant]
    launches: Papers[Launch]
    assertions: Papers[Mark]
    withdrawn: Papers[Mark]
    keys: Papers[SigningKey]


def drawers(ground: Ground) -> Drawers:
    """The papers of this room on a store's ground."""
    return Drawers(
        Papers(ground, "application", Application),
        Papers(ground, "authorization code", Code),
        Papers(ground, "grant", Grant),
        Papers(ground, "launch", Launch),
        Papers(ground, "assertion", Mark),
        Papers(ground, "withdrawn token", Mark),
        Papers(ground, "signing key", SigningKey),
    )
