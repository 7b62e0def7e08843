"""What clients discover, and which sites' pages may ask."""

from __future__ import annotations

import httpx
import pytest

from tests.doors.smart.conftest import ISSUER, Town
from xinglin.access.oauth.registering import set_disabled
from xinglin.doors.smart import PATHS, CrossOrigin, Origins
from xinglin.doors.smart.door import OPEN_TO_ALL

APP = "https://app.example"


async def test_the_smart_configuration_holds_what_the_standard_requires(town: Town) -> None:
    said = (await town.client.get("/fhir/.well-known/smart-configuration")).json()
    required = {"authorization_endpoint", "token_endpoint", "grant_types_supported", "capabilities", "code_challenge_methods_supported"}
    assert required | {"issuer", "jwks_uri", "introspection_endpoint", "revocation_endpoint"} <= set(said)
    assert {"launch-ehr", "launch-standalone", "permission-v2", "client-confidential-asymmetric"} <= set(said["capabilities"])
    assert said["code_challenge_methods_supported"] == ["S256"]
    assert said["token_endpoint"] == f"{ISSUER}/oauth/token"


async def test_every_discovery_address_answers_with_the_same_issuer(town: Town) -> None:
    for path in (path for path in PATHS if ".well-known" in path):
        answer = await town.client.get(path)
        assert (answer.status_code, answer.json()["issuer"]) == (200, ISSUER), path


async def test_a_host_that_cannot_be_one_is_no_issuer(town: Town) -> None:
    answer = await town.client.get("/.well-known/openid-configuration", headers={"host": "county.test/evil?"})
    assert answer.status_code == 400


@pytest.fixture
def across(town: Town) -> httpx.AsyncClient:
    async def app(scope, receive, send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    transport = httpx.ASGITransport(CrossOrigin(app, Origins(town.papers, town.clock.now), OPEN_TO_ALL))
    return httpx.AsyncClient(transport=transport, base_url=ISSUER)


async def test_a_page_of_a_registered_site_may_ask_and_of_another_may_not(town: Town, across: httpx.AsyncClient) -> None:
    client, _ = await town.application(redirects=(f"{APP}/cb", "https://other.example/cb"))
    ours = await across.get("/fhir/Patient", headers={"origin": APP})
    assert (ours.headers["access-control-allow-origin"], ours.headers["vary"]) == (APP, "Origin")
    assert "access-control-allow-credentials" not in ours.headers
    theirs = await across.get("/fhir/Patient", headers={"origin": "https://evil.example"})
    assert "access-control-allow-origin" not in theirs.headers
    asked = {"origin": APP, "access-control-request-method": "POST"}
    assert (await across.options("/oauth/token", headers=asked)).status_code == 204
    assert (await across.options("/oauth/token", headers=asked | {"origin": "null"})).status_code == 403
    other = {"origin": "https://other.example"}
    assert (await across.get("/fhir/Patient", headers=other)).headers["access-control-allow-origin"] == other["origin"]
    await set_disabled(town.papers, client, town.clock.now(), disabled=True)
    town.clock.pass_s(6)
    assert "access-control-allow-origin" not in (await across.get("/fhir/Patient", headers=other)).headers


async def test_public_metadata_may_be_read_by_any_page(across: httpx.AsyncClient) -> None:
    answer = await across.get("/fhir/.well-known/smart-configuration", headers={"origin": "https://anybody.example"})
    assert answer.headers["access-control-allow-origin"] == "https://anybody.example"


async def test_a_stopped_application_gets_nothing_and_its_tokens_count_no_longer(town: Town) -> None:
    client, _ = await town.application()
    said = (await town.redeem(client, await town.code(client, "openid patient/*.rs offline_access"))).json()
    assert await town.active(said["access_token"])
    await set_disabled(town.papers, client, town.clock.now(), disabled=True)
    assert not await town.active(said["access_token"])
    again = await town.token(grant_type="refresh_token", refresh_token=said["refresh_token"], client_id=client)
    assert (again.status_code, again.json()["error"]) == (401, "invalid_client")
    await set_disabled(town.papers, client, town.clock.now(), disabled=False)
    town.clock.pass_s(1)
    again = await town.token(grant_type="refresh_token", refresh_token=said["refresh_token"], client_id=client)
    assert await town.active(again.json()["access_token"])
