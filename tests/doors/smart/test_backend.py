"""Backend services: a program without a person proves itself by its own signature, once for each assertion."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from tests.doors.smart.conftest import ISSUER, REDIRECT, Town
from tests.doors.smart.test_tokens import refused
from xinglin.access.oauth.applications import ASSERTION_TYPE
from xinglin.access.oauth.fetching import Fetcher
from xinglin.access.oauth.model import Application
from xinglin.access.oauth.registering import register
from xinglin.access.tokens import verify
from xinglin.base.errors import Malformed
from xinglin.base.outward import is_public

KEY = ECKey.generate_key("P-384", {"kid": "k1"})
RSA = RSAKey.generate_key(2048, {"kid": "k2"})
KEYS = json.dumps({"keys": [KEY.as_dict(private=False), RSA.as_dict(private=False)]})


async def backend(town: Town, **given: Any) -> str:
    wanted = {
        "name": "质控",
        "auth": "private_key_jwt",
        "keys": KEYS,
        "role": "reader",
        "scopes": ("system/*.rs",),
        "redirects": (),
    } | given
    return (await town.application(**wanted))[0]


def assertion(town: Town, client: str, key: Any = KEY, alg: str = "ES384", **given: Any) -> str:
    now = int(town.clock.now().timestamp())
    claims = {"iss": client, "sub": client, "aud": f"{ISSUER}/oauth/token", "exp": now + 300, "jti": secrets.token_hex(8)} | given
    header = {"alg": alg, "kid": key.kid, "typ": "JWT"}
    return jwt.encode(header, {name: value for name, value in claims.items() if value is not None}, key, algorithms=[alg])


async def asked(town: Town, text: str, **given: str) -> Any:
    form = {"grant_type": "client_credentials", "scope": "system/*.rs", "client_assertion_type": ASSERTION_TYPE, "client_assertion": text}
    return await town.token(**(form | given))


@pytest.mark.parametrize(("key", "alg"), [(KEY, "ES384"), (RSA, "RS384")])
async def test_a_signed_assertion_gives_five_minutes_as_the_registered_role_and_no_refresh_token(town: Town, key: Any, alg: str) -> None:
    client = await backend(town)
    said = (await asked(town, assertion(town, client, key, alg))).json()
    assert (said["expires_in"], said["scope"], "refresh_token" in said, "id_token" in said) == (300, "system/*.rs", False, False)
    actor = verify(town.keys, said["access_token"], town.clock.now())
    assert (actor.role, actor.client, actor.scopes, actor.patient) == ("reader", client, ("system/*.rs",), "")


async def test_an_assertion_counts_once(town: Town) -> None:
    client = await backend(town)
    text = assertion(town, client)
    assert (await asked(town, text)).status_code == 200
    refused(await asked(town, text), "invalid_client", 401)


WRONG: dict[str, dict[str, Any]] = {
    "for another server": {"aud": "https://elsewhere.example/token"},
    "for another client": {"sub": "app-other"},
    "ended": {"exp": -60},
    "too long": {"exp": 3600},
    "without end": {"exp": None},
    "not yet": {"nbf": 120},
    "without jti": {"jti": None},
    "jti not a text": {"jti": 7},
    "end not a number": {"exp": "soon"},
}


@pytest.mark.parametrize("why", WRONG)
async def test_an_assertion_that_is_not_exactly_for_this_is_refused(town: Town, why: str) -> None:
    client, now = await backend(town), int(town.clock.now().timestamp())
    given = {name: now + value if name in ("exp", "nbf") and isinstance(value, int) else value for name, value in WRONG[why].items()}
    refused(await asked(town, assertion(town, client, **given)), "invalid_client", 401)


async def test_an_unsigned_assertion_and_one_signed_with_what_is_public_are_refused(town: Town) -> None:
    client = await backend(town)
    signed = assertion(town, client).split(".")
    none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0"
    refused(await asked(town, f"{none}.{signed[1]}."), "invalid_client", 401)
    shared = OctKey.import_key(KEYS, {"kid": "k1"})
    refused(await asked(town, assertion(town, client, shared, "HS256")), "invalid_client", 401)
    refused(await asked(town, assertion(town, client, ECKey.generate_key("P-384", {"kid": "k1"}))), "invalid_client", 401)
    refused(await asked(town, "not.a.token"), "invalid_client", 401)


async def test_a_backend_gets_only_system_scopes_it_is_registered_for_and_its_role_may_use(town: Town) -> None:
    client = await backend(town, scopes=("system/Patient.cruds", "patient/*.rs"))
    said = (await asked(town, assertion(town, client), scope="system/Patient.cruds system/Observation.rs patient/*.rs")).json()
    assert said["scope"] == "system/Patient.rs"
    refused(await asked(town, assertion(town, client), scope="patient/*.rs"), "invalid_scope")


async def test_an_application_registered_for_people_gets_nothing_by_itself(town: Town) -> None:
    client = await backend(town, role="", redirects=(REDIRECT,))
    refused(await asked(town, assertion(town, client)), "unauthorized_client")


async def test_two_ways_of_proof_at_once_are_refused(town: Town) -> None:
    client = await backend(town)
    refused(await asked(town, assertion(town, client), client_secret="x"), "invalid_request")


@pytest.mark.parametrize(
    "given",
    [
        {"keys": ""},
        {"keys_url": "https://keys.example/jwks"},
        {"keys": json.dumps({"keys": [KEY.as_dict(private=True)]})},
        {"keys": "{}"},
        {"keys": "", "keys_url": "http://keys.example/jwks"},
        {"auth": "none", "keys": ""},
        {"scopes": ()},
        {"scopes": ("system/Dragon.rs",)},
        {"role": "doctor"},
        {"name": " "},
        {"redirects": ("http://app.example/cb",)},
        {"redirects": ("https://app.example/cb#part",)},
        {"redirects": ("https://*.example/cb",)},
        {"redirects": ("javascript:alert(1)",)},
        {"redirects": ("https://user@app.example/cb",)},
    ],
)
async def test_an_application_that_could_not_be_trusted_is_not_registered(town: Town, given: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        await backend(town, **given)


async def test_an_installed_application_may_have_a_scheme_of_its_own(town: Town) -> None:
    wanted = Application(name="手机端", auth="none", redirects=("cn.example.app:/cb", "http://127.0.0.1:8000/cb"), scopes=("patient/*.rs",))
    assert (await register(town.papers, wanted))[0].startswith("app-")


# --- fetching keys ---


INSIDE = """127.0.0.1 10.0.0.1 192.168.1.1 169.254.169.254 ::1 fd00::1 ::ffff:10.0.0.1 100.64.0.1 0.0.0.0 224.0.0.1
2002:a00:1::""".split()
LEADING_INSIDE = """http://keys.example/ https://127.0.0.1/ https://localhost/ file:///etc/passwd https://a@keys.example/ https://[::1]/
https:///x https://keys.example:x/""".split()


@pytest.mark.parametrize("address", INSIDE)
def test_addresses_inside_are_never_asked(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("url", LEADING_INSIDE)
async def test_an_address_that_leads_inside_is_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(Malformed):
        await Fetcher().get(url)


async def test_keys_by_address_are_fetched_kept_and_fetched_again_for_a_key_that_is_new(town: Town) -> None:
    asked_for: list[str] = []

    class Kept(Fetcher):
        async def get(self, url: str, headers: Any = None) -> Any:
            asked_for.append(url)
            return json.loads(KEYS) if len(asked_for) > 1 else {"keys": [RSA.as_dict(private=False)]}

    fetcher = Kept()
    now = datetime(2026, 1, 1, tzinfo=UTC)
    first = await fetcher.kept("https://keys.example/", now)
    assert len((await fetcher.kept("https://keys.example/", now))["keys"]) == len(first["keys"]) == 1
    later = datetime(2026, 1, 1, 0, 1, tzinfo=UTC)
    assert len((await fetcher.kept("https://keys.example/", later, fresh=True))["keys"]) == 2
    assert len(asked_for) == 2
