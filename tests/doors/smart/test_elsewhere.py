"""Signing in through another provider of identities: here a second installation of our own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import msgspec
import pytest

from tests.doors.smart.conftest import DOCTOR, ISSUER, Town
from tests.signed_in import QUICK
from xinglin.access.accounts import Account, Entrance, Hat
from xinglin.access.accounts.entrance import Origin, Refused
from xinglin.access.oauth import asking
from xinglin.access.oauth.fetching import Fetcher
from xinglin.access.oauth.providers import Elsewhere, Provider, back_to, check_claims, providers_of
from xinglin.base.errors import Malformed
from xinglin.store import AuditRow, Store

HERE = "https://clinic.test"
DESK = Origin("10.1.1.7", "Firefox")


class Wire(Fetcher):
    """The network between the two installations."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        super().__init__((ISSUER,))
        object.__setattr__(self, "client", client)

    async def kept(self, url: str, now: datetime, *, fresh: bool = False) -> Any:
        return await self.get(url)

    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> Any:
        return (await self.client.get(url, headers=dict(headers or {}))).json()  # type: ignore[attr-defined]

    async def post(self, url: str, form: Mapping[str, str], user: tuple[str, str] | None = None) -> Any:
        return (await self.client.post(url, data=dict(form), auth=user)).json()  # type: ignore[attr-defined]


class Two:
    """The clinic's own side: its accounts, and the provider it trusts."""

    def __init__(self, town: Town, store: Store, client: str, secret: str, **given: Any) -> None:
        values: dict[str, Any] = {"claim": "sub", "handle": "login", "secret": "GOV_SECRET", "scope": "openid profile"} | given
        self.provider = Provider("gov", "省统一身份认证", ISSUER, client, **values)
        self.trail: list[AuditRow] = []
        self.town, self.entrance = town, Entrance(store.ground, self.trail.append, passwords=QUICK)
        self.elsewhere = Elsewhere(store.ground, Wire(town.client), (self.provider,), {"GOV_SECRET": secret})

    async def account(self, login: str, state: Any = "active") -> Account:
        account = Account("a-li", login, "李春生", hats=(Hat("h", "resident", "", "Patient/li"),), kind="demo", state=state, persona="li")
        return await self.entrance.register.create(account, self.town.clock.now())

    async def there(self, address: str, **changed: str) -> dict[str, str]:
        """What the person does at the provider: allow it; the query they come back with."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()} | changed
        asked = await asking.read_request(self.town.papers, query, ISSUER, DOCTOR, self.town.clock.now())
        to = await asking.allow(self.town.papers, asked, DOCTOR, "", self.town.clock.now())
        return {name: values[0] for name, values in parse_qs(urlsplit(to).query).items()}

    async def back(self, query: Mapping[str, str], browser: str) -> tuple[str, str]:
        return await self.elsewhere.finish(self.entrance, "gov", query, browser, HERE, DESK, self.town.clock.now())

    async def round(self) -> tuple[str, str]:
        begun = await self.elsewhere.begin("gov", HERE, "/person", self.town.clock.now())
        return await self.back(await self.there(begun.address), begun.browser)


@pytest.fixture
async def two(town: Town, store: Store) -> Two:
    client, secret = await town.application(auth="client_secret_basic", redirects=(back_to(HERE, "gov"),), scopes=("openid", "profile"))
    return Two(town, store, client, secret)


async def test_a_person_known_there_is_signed_in_as_the_account_their_claim_names(two: Two) -> None:
    account = await two.account(DOCTOR.id)
    secret, onward = await two.round()
    live = await two.entrance.sessions.find(secret, two.town.clock.now())
    assert (live.session.account, live.session.method, onward) == (account.id, "provider gov", "/person")
    assert [(row.interaction, row.status) for row in two.trail] == [("sign-in", 200)]


async def test_the_link_once_made_holds_whatever_the_claim_says_later(two: Two, town: Town, store: Store) -> None:
    await two.account(DOCTOR.id)
    await two.round()
    provider = msgspec.structs.replace(two.provider, claim="name")
    two.elsewhere = Elsewhere(store.ground, Wire(town.client), (provider,), two.elsewhere._environment)
    secret, _ = await two.round()
    assert (await two.entrance.sessions.find(secret, town.clock.now())).session.account == "a-li"


async def test_who_has_no_account_here_or_a_disabled_one_is_told_so(two: Two) -> None:
    with pytest.raises(Refused, match="no account here is yours"):
        await two.round()
    await two.account(DOCTOR.id, "disabled")
    with pytest.raises(Refused, match="no account here is yours"):
        await two.round()
    assert [row.status for row in two.trail] == [401, 401]


async def test_another_browser_cannot_come_back_and_nobody_comes_back_twice(two: Two) -> None:
    await two.account(DOCTOR.id)
    begun = await two.elsewhere.begin("gov", HERE, "/", two.town.clock.now())
    query = await two.there(begun.address)
    for other in ("", "guessed"):
        with pytest.raises(Refused, match="did not prove"):
            await two.back(query, other)
    await two.back(query, begun.browser)
    with pytest.raises(Refused, match="did not prove"):
        await two.back(query, begun.browser)


async def test_an_answer_of_another_server_for_another_nonce_or_too_late_proves_nothing(two: Two) -> None:
    await two.account(DOCTOR.id)
    for changed, answered in (
        ({"nonce": "other"}, {}),
        ({}, {"iss": "https://evil.example"}),
        ({}, {"code": "made-up"}),
        ({}, {"error": "x"}),
    ):
        begun = await two.elsewhere.begin("gov", HERE, "/", two.town.clock.now())
        query = await two.there(begun.address, **changed)
        with pytest.raises(Refused, match="did not prove"):
            await two.back(query | answered, begun.browser)
    begun = await two.elsewhere.begin("gov", HERE, "/", two.town.clock.now())
    two.town.clock.pass_s(601)
    with pytest.raises(Refused, match="did not prove"):
        await two.back({"state": "any"}, begun.browser)


NOW = datetime.fromisoformat("2026-11-22T09:00:00+00:00")
GOOD = {"iss": ISSUER, "aud": "c", "sub": "s", "nonce": "n", "exp": NOW.timestamp() + 60, "iat": NOW.timestamp()}


@pytest.mark.parametrize(
    "given",
    [
        {"iss": "https://evil.example"},
        {"aud": "other"},
        {"aud": ["c", "other"]},
        {"azp": "other"},
        {"sub": ""},
        {"nonce": "m"},
        {"exp": NOW.timestamp() - 61},
        {"iat": NOW.timestamp() + 61},
        {"exp": "late"},
    ],
)
def test_an_id_token_that_is_not_exactly_for_this_sign_in_is_refused(given: dict[str, Any]) -> None:
    provider = Provider("gov", "x", ISSUER, "c")
    check_claims(GOOD, provider, "n", NOW)
    with pytest.raises(Refused):
        check_claims(GOOD | given, provider, "n", NOW)


def test_the_setting_of_providers_is_read_or_refused() -> None:
    assert providers_of("") == ()
    found = providers_of('[{"name": "gov", "title": "省统一身份认证", "issuer": "https://id.gov.example", "client_id": "x"}]')
    assert (found[0].claim, found[0].handle) == ("phone_number", "phone")
    for wrong in ("{", '[{"name": "a b", "title": "", "issuer": "", "client_id": ""}]', '[{"name": "x"}]'):
        with pytest.raises(Malformed):
            providers_of(wrong)
