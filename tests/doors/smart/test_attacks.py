"""What attackers try at the endpoints for applications: redirects to themselves, forged hosts, foreign origins, keys from inside."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.doors.smart.conftest import ISSUER, REDIRECT, Town
from xinglin.access.oauth.fetching import Fetcher
from xinglin.access.oauth.refusal import Refused
from xinglin.base import outward
from xinglin.base.errors import Malformed, Unavailable
from xinglin.doors.smart import CrossOrigin, Origins
from xinglin.doors.smart.door import OPEN_TO_ALL

NOT_REGISTERED = (
    "https://evil.test/cb", REDIRECT + "/", REDIRECT + "?x=1", REDIRECT + "#x", REDIRECT + "/../evil", REDIRECT.upper(),
    "https://app.example@evil.test/cb",
    "https://app.example.evil.test/cb", "http://app.example/cb", "https://app.example:444/cb", "javascript:alert(1)", "data:text/html,x",
    "//app.example/cb",
    "https://app.example/cb\r\nX: 1", " " + REDIRECT, "https://app.example\\@evil.test/cb",
)  # fmt: skip


@pytest.mark.parametrize("to", NOT_REGISTERED)
async def test_a_code_goes_to_no_address_but_the_registered_one(town: Town, to: str) -> None:
    client, _ = await town.application()
    with pytest.raises((Refused, Malformed)) as refused:
        await town.asked(client, redirect_uri=to)
    assert not getattr(refused.value, "redirect", ""), "the refusal itself is not sent there either"
    code = await town.code(client)
    answer = await town.redeem(client, code, redirect_uri=to)
    assert answer.status_code == 400
    assert "access_token" not in answer.text


@pytest.mark.parametrize("host", ["evil.test/x", "a b", "evil.test\\@county.test", "<script>", "a@b"])
async def test_a_host_that_cannot_be_one_makes_no_address(town: Town, host: str) -> None:
    for path in ("/.well-known/smart-configuration", "/.well-known/openid-configuration"):
        answer = await town.client.get(path, headers={"host": host})
        assert answer.status_code == 400
        assert host not in answer.text


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.test",
        "null",
        "https://app.example.evil.test",
        "https://app.exampl",
        "http://app.example",
        "https://APP.example",
        "*",
        "a" * 400,
    ],
)
async def test_only_registered_origins_are_answered_across(town: Town, origin: str) -> None:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    await town.application()
    across = CrossOrigin(app, Origins(town.papers, town.clock.now), OPEN_TO_ALL)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(across), base_url=ISSUER) as client:
        for path in ("/fhir/Patient", "/oauth/token", "/oauth/userinfo"):
            for method in ("GET", "OPTIONS"):
                headers = {"origin": origin, "access-control-request-method": "POST"}
                answer = await client.request(method, path, headers=headers)
                assert "access-control-allow-origin" not in answer.headers
                assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/keys",
        "https://169.254.169.254/latest/meta-data/",
        "http://keys.example/",
        "https://[::ffff:10.0.0.1]/",
        "file:///etc/passwd",
    ],
)
async def test_keys_are_not_fetched_from_inside(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("nothing may be asked")

    monkeypatch.setattr(outward.socket, "create_connection", never)
    with pytest.raises((Malformed, Unavailable)):
        await Fetcher().get(url)


async def test_answers_with_tokens_are_kept_by_no_cache(town: Town) -> None:
    client, _ = await town.application()
    answer = await town.redeem(client, await town.code(client))
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "body", [b"grant_type=a&grant_type=b", b"grant_type=%00", b"\xff=1", b"a" * 70_000, b"&".join(b"a%d=1" % n for n in range(99)), b""]
)
async def test_a_form_that_can_be_read_in_two_ways_or_not_at_all_is_refused(town: Town, body: bytes) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    for path in ("/oauth/token", "/oauth/revoke", "/oauth/introspect"):
        answer = await town.client.post(path, content=body, headers=headers)
        assert answer.status_code in (400, 401)
        assert answer.json()["error"] in ("invalid_request", "invalid_client")
