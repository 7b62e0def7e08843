"""The token endpoint: what an application gets for a code, and everything for which it gets nothing."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.doors.smart.conftest import DOCTOR, ISSUER, REDIRECT, Town
from xinglin.access.oauth.keys import rotate
from xinglin.access.oauth.refusal import Refused
from xinglin.access.tokens import verify
from xinglin.base.clock import tick_of


def refused(answer: httpx.Response, error: str, status: int = 400) -> None:
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.headers["cache-control"] == "no-store"


async def id_claims(town: Town, token: str) -> dict[str, Any]:
    keys = KeySet.import_key_set((await town.client.get("/oauth/jwks")).json())
    return jwt.decode(token, keys, algorithms=["ES256"]).claims


async def test_a_code_becomes_a_token_for_the_person_the_patient_and_the_scopes_that_were_allowed(town: Town) -> None:
    client, _ = await town.application()
    answer = await town.redeem(client, await town.code(client))
    said = answer.json()
    assert answer.headers["cache-control"] == "no-store"
    assert (said["token_type"], said["expires_in"], said["patient"]) == ("Bearer", 3600, "p1")
    assert said["scope"] == "openid fhirUser launch/patient patient/*.rs"
    assert "refresh_token" not in said
    actor = verify(town.keys, said["access_token"], town.clock.now())
    assert (actor.id, actor.role, actor.person, actor.client, actor.patient) == ("dr-li", "doctor", "Practitioner/li", client, "p1")
    assert actor.scopes == ("openid", "fhirUser", "launch/patient", "patient/*.rs")


async def test_the_id_token_is_signed_and_names_the_person_the_application_and_the_nonce(town: Town) -> None:
    client, _ = await town.application()
    said = (await town.redeem(client, await town.code(client))).json()
    claims = await id_claims(town, said["id_token"])
    assert (claims["iss"], claims["aud"], claims["sub"], claims["nonce"]) == (ISSUER, client, DOCTOR.id, "n-1")
    assert claims["fhirUser"] == f"{ISSUER}/fhir/Practitioner/li"


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"code_verifier": "w" * 50}, "invalid_grant"),
        ({"code_verifier": ""}, "invalid_grant"),
        ({"redirect_uri": "https://app.example/other"}, "invalid_grant"),
        ({"redirect_uri": ""}, "invalid_grant"),
        ({"code": "made-up"}, "invalid_grant"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": ""}, "invalid_request"),
    ],
)
async def test_a_token_request_that_does_not_fit_its_code_gets_nothing(town: Town, given: dict[str, str], error: str) -> None:
    client, _ = await town.application()
    refused(await town.redeem(client, await town.code(client), **given), error)


async def test_a_code_ends_after_a_minute(town: Town) -> None:
    client, _ = await town.application()
    code = await town.code(client)
    town.clock.pass_s(61)
    refused(await town.redeem(client, code), "invalid_grant")


async def test_another_applications_code_is_worth_nothing(town: Town) -> None:
    client, _ = await town.application()
    other, _ = await town.application()
    refused(await town.redeem(other, await town.code(client)), "invalid_grant")


async def test_a_code_used_twice_ends_the_tokens_that_came_of_it(town: Town) -> None:
    client, _ = await town.application()
    code = await town.code(client)
    first = (await town.redeem(client, code)).json()
    assert await town.active(first["access_token"])
    refused(await town.redeem(client, code), "invalid_grant")
    assert not await town.active(first["access_token"])


async def test_a_secret_application_must_show_its_secret_in_the_way_it_is_registered_for(town: Town) -> None:
    client, secret = await town.application(auth="client_secret_basic")
    code = await town.code(client)
    refused(await town.redeem(client, code), "invalid_client", 401)
    refused(await town.redeem(client, code, client_secret=secret), "invalid_client", 401)
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, "code_verifier": "v" * 50}
    wrong = await town.token(auth=(client, "wrong"), **form)
    refused(wrong, "invalid_client", 401)
    assert wrong.headers["www-authenticate"].startswith("Basic")
    assert (await town.token(auth=(client, secret), **form)).status_code == 200


async def test_pkce_is_asked_of_a_secret_application_too(town: Town) -> None:
    client, _ = await town.application(auth="client_secret_basic")
    with pytest.raises(Refused, match="code_challenge"):
        await town.code(client, code_challenge="")
    with pytest.raises(Refused, match="code_challenge"):
        await town.code(client, code_challenge_method="plain")


# --- refresh ---

OFFLINE = "openid launch/patient patient/*.rs offline_access"


async def renewed(town: Town, client: str, token: str, **given: str) -> httpx.Response:
    return await town.token(grant_type="refresh_token", refresh_token=token, client_id=client, **given)


async def test_a_refresh_token_is_good_once_and_gives_the_next(town: Town) -> None:
    client, _ = await town.application()
    first = (await town.redeem(client, await town.code(client, OFFLINE))).json()
    second = (await renewed(town, client, first["refresh_token"])).json()
    third = await renewed(town, client, second["refresh_token"])
    assert third.status_code == 200
    assert len({one["refresh_token"] for one in (first, second, third.json())}) == 3
    assert (third.json()["patient"], third.json()["scope"]) == ("p1", OFFLINE)


async def test_a_copied_refresh_token_ends_the_whole_family(town: Town) -> None:
    client, _ = await town.application()
    first = (await town.redeem(client, await town.code(client, OFFLINE))).json()
    second = (await renewed(town, client, first["refresh_token"])).json()
    refused(await renewed(town, client, first["refresh_token"]), "invalid_grant")
    refused(await renewed(town, client, second["refresh_token"]), "invalid_grant")
    assert not await town.active(first["access_token"])
    assert not await town.active(second["access_token"])


async def test_a_public_application_need_not_repeat_its_id_but_one_with_a_secret_must_show_it(town: Town) -> None:
    client, _ = await town.application()
    first = (await town.redeem(client, await town.code(client, OFFLINE))).json()
    assert (await town.token(grant_type="refresh_token", refresh_token=first["refresh_token"])).status_code == 200
    client, secret = await town.application(auth="client_secret_post")
    first = (await town.redeem(client, await town.code(client, OFFLINE), client_secret=secret)).json()
    refused(await town.token(grant_type="refresh_token", refresh_token=first["refresh_token"]), "invalid_client", 401)


async def test_another_application_cannot_use_a_refresh_token_and_does_not_end_it(town: Town) -> None:
    client, _ = await town.application()
    other, _ = await town.application()
    first = (await town.redeem(client, await town.code(client, OFFLINE))).json()
    refused(await renewed(town, other, first["refresh_token"]), "invalid_grant")
    assert (await renewed(town, client, first["refresh_token"])).status_code == 200


async def test_a_refresh_may_ask_for_less_and_never_for_more(town: Town) -> None:
    client, _ = await town.application()
    first = (await town.redeem(client, await town.code(client, "patient/*.rs offline_access"))).json()
    less = (await renewed(town, client, first["refresh_token"], scope="patient/Observation.r")).json()
    assert less["scope"] == "patient/Observation.r"
    more = (await renewed(town, client, less["refresh_token"], scope="patient/Observation.cr user/Patient.rs")).json()
    assert more["scope"] == "patient/Observation.r"
    refused(await renewed(town, client, more["refresh_token"], scope="user/Patient.rs"), "invalid_scope")


async def test_online_access_ends_with_the_sign_in(town: Town) -> None:
    client, _ = await town.application()
    said = (await town.redeem(client, await town.code(client, "openid online_access patient/*.rs"))).json()
    assert said["expires_in"] == 600
    assert await town.active(said["access_token"])
    town.signed_in = False
    assert not await town.active(said["access_token"])


async def test_offline_access_outlasts_the_sign_in_and_ends_after_90_days_unused(town: Town) -> None:
    client, _ = await town.application()
    said = (await town.redeem(client, await town.code(client, OFFLINE))).json()
    town.signed_in = False
    assert await town.active(said["access_token"])
    town.clock.pass_s(90 * 24 * 3600 + 1)
    refused(await renewed(town, client, said["refresh_token"]), "invalid_grant")


# --- revocation, introspection, keys ---


async def test_a_revoked_refresh_token_takes_its_access_tokens_with_it(town: Town) -> None:
    client, _ = await town.application()
    said = (await town.redeem(client, await town.code(client, OFFLINE))).json()
    answer = await town.client.post("/oauth/revoke", data={"token": said["refresh_token"], "client_id": client})
    assert (answer.status_code, answer.content) == (200, b"")
    assert not await town.active(said["access_token"])
    refused(await renewed(town, client, said["refresh_token"]), "invalid_grant")


async def test_revoking_what_is_not_ones_own_changes_nothing_and_is_no_error(town: Town) -> None:
    client, _ = await town.application()
    other, _ = await town.application()
    said = (await town.redeem(client, await town.code(client, OFFLINE))).json()
    for token in (said["refresh_token"], said["access_token"], "made-up"):
        assert (await town.client.post("/oauth/revoke", data={"token": token, "client_id": other})).status_code == 200
    assert await town.active(said["access_token"])


async def test_introspection_tells_an_application_about_its_own_tokens_only(town: Town) -> None:
    client, secret = await town.application(auth="client_secret_post")
    other, others = await town.application(auth="client_secret_post")
    said = (await town.redeem(client, await town.code(client), client_secret=secret)).json()

    async def told(who: str, word: str, token: str) -> dict[str, Any]:
        return (await town.client.post("/oauth/introspect", data={"token": token, "client_id": who, "client_secret": word})).json()

    known = await told(client, secret, said["access_token"])
    assert (known["active"], known["sub"], known["patient"], known["client_id"]) == (True, "dr-li", "p1", client)
    assert known["scope"] == said["scope"]
    assert await told(other, others, said["access_token"]) == {"active": False}
    assert await told(client, secret, "made-up") == {"active": False}
    await town.client.post("/oauth/revoke", data={"token": said["access_token"], "client_id": client, "client_secret": secret})
    assert await told(client, secret, said["access_token"]) == {"active": False}


async def test_a_public_application_may_not_ask_about_tokens(town: Town) -> None:
    client, _ = await town.application()
    refused(await town.client.post("/oauth/introspect", data={"token": "x", "client_id": client}), "invalid_client", 401)


async def test_keys_rotate_with_the_next_one_known_before_and_the_last_one_after(town: Town) -> None:
    client, _ = await town.application()
    before = (await town.client.get("/oauth/jwks")).json()["keys"]
    old = (await town.redeem(client, await town.code(client))).json()["id_token"]
    await rotate(town.papers.keys, tick_of(town.clock.now()))
    town.clock.pass_s(1)
    after = (await town.client.get("/oauth/jwks")).json()["keys"]
    new = (await town.redeem(client, await town.code(client))).json()["id_token"]
    assert {key["kid"] for key in before} < {key["kid"] for key in after}
    assert all("d" not in key for key in after)
    assert (await id_claims(town, old))["sub"] == (await id_claims(town, new))["sub"] == "dr-li"
    signed = jwt.decode(new, KeySet.import_key_set({"keys": before}), algorithms=["ES256"])
    assert signed.header["kid"] == before[-1]["kid"]
    town.clock.pass_s(24 * 3600 + 1)
    left = {key["kid"] for key in (await town.client.get("/oauth/jwks")).json()["keys"]}
    assert not {key["kid"] for key in before[:-1]} & left


async def test_each_token_given_or_refused_leaves_a_row_in_the_trail(town: Town) -> None:
    client, _ = await town.application()
    code = await town.code(client)
    await town.redeem(client, code)
    await town.redeem(client, code)
    assert [(row.actor, row.interaction, row.status) for row in town.trail] == [
        (client, "token authorization_code", 200),
        (client, "token authorization_code", 400),
    ]


async def test_who_guesses_too_often_must_wait(town: Town) -> None:
    client, _ = await town.application(auth="client_secret_post")
    last = None
    for number in range(30):
        last = await town.token(grant_type="client_credentials", client_id=client, client_secret=f"guess-{number}")
    assert last is not None
    refused(last, "slow_down", 429)
    assert last.headers["retry-after"] == "60"


@pytest.mark.parametrize("body", ["a=1&a=2", "grant_type=%FF", "x=%00", "&".join(f"p{n}=1" for n in range(60)), "a=" + "b" * 70_000])
async def test_a_form_that_cannot_be_read_is_refused(town: Town, body: str) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    refused(await town.client.post("/oauth/token", content=body, headers=headers), "invalid_request")


async def test_only_forms_are_taken(town: Town) -> None:
    refused(await town.client.post("/oauth/token", json={"grant_type": "client_credentials"}), "invalid_request")
