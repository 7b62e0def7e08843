"""What people meet: the administrator's list, the question, what they let in, starting one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.capabilities.applications.conftest import NOW, SITE, hidden
from xinglin.access.oauth.applications import known
from xinglin.access.oauth.asking import challenge_of
from xinglin.access.oauth.grants import begin
from xinglin.access.oauth.model import Application, drawers
from xinglin.access.oauth.registering import register
from xinglin.capabilities.applications import rules
from xinglin.store import Store

Client = httpx.AsyncClient
Make = Callable[..., Awaitable[Client]]
REDIRECT = "https://app.example/cb"
SCOPES = ("openid", "profile", "launch", "launch/patient", "offline_access", "patient/*.rs", "patient/Observation.rs?category=laboratory")
FORM = {
    "name": "血压本", "auth": "none", "redirects": REDIRECT, "scopes": " ".join(SCOPES), "launch": "", "home": "", "keys": "",
    "keys_url": "", "role": "",
}  # fmt: skip


@pytest.fixture
async def application(told: Store) -> str:
    wanted = Application(name="血压本", auth="none", redirects=(REDIRECT,), scopes=SCOPES, launch="https://app.example/launch")
    return (await register(drawers(told.ground), wanted))[0]


def asking(client: str, scope: str = "launch/patient patient/*.rs", **given: str) -> dict[str, str]:
    return {
        "response_type": "code", "client_id": client, "redirect_uri": REDIRECT, "scope": scope, "state": "s-1", "aud": f"{SITE}/fhir",
        "code_challenge": challenge_of("v" * 50), "code_challenge_method": "S256",
    } | given  # fmt: skip


def sent_to(answer: httpx.Response) -> dict[str, str]:
    """The parameters an application is sent, when it is its own address."""
    assert answer.status_code == 303
    address = answer.headers["location"]
    assert address.startswith(f"{REDIRECT}?")
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


# --- the administrator ---


@pytest.mark.parametrize("role", ["doctor", "resident", "security_admin", "audit_admin"])
async def test_only_the_system_administrator_registers_and_stops_applications(client_of: Make, application: str, role: str) -> None:
    client = await client_of(role)
    for method, path in (("GET", "/applications"), ("GET", "/applications/new"), ("GET", f"/applications/{application}")):
        assert (await client.request(method, path)).status_code == 403
    assert (await client.post("/applications", data=FORM)).status_code == 403
    assert (await client.post(f"/applications/{application}/stop")).status_code == 403


async def test_a_secret_is_shown_once_when_an_application_is_registered(client_of: Make) -> None:
    admin = await client_of("system_admin")
    shown = await admin.post("/applications", data=FORM | {"auth": "client_secret_basic"})
    assert shown.status_code == 200
    client = shown.text.partition('<dd class="x-value">')[2].partition("<")[0]
    page = (await admin.get(f"/applications/{client}")).text
    assert "血压本" in page
    assert "Secret</dt>" in shown.text
    assert "Secret</dt>" not in page
    assert client in (await admin.get("/applications")).text


async def test_what_is_wrong_with_an_application_is_said_and_nothing_typed_is_lost(client_of: Make) -> None:
    admin = await client_of("system_admin")
    page = await admin.post("/applications", data=FORM | {"redirects": "http://app.example/cb"})
    assert page.status_code == 422
    assert "must be https" in page.text
    assert "http://app.example/cb</textarea>" in page.text


async def test_a_stopped_application_is_asked_for_nothing(client_of: Make, application: str) -> None:
    admin, doctor = await client_of("system_admin"), await client_of("doctor", "Practitioner/li")
    await admin.post(f"/applications/{application}/stop")
    assert (await doctor.get("/oauth/authorize", params=asking(application))).status_code == 403
    await admin.post(f"/applications/{application}/start")
    assert (await doctor.get("/oauth/authorize", params=asking(application))).status_code == 200


# --- the question ---


async def test_a_resident_is_asked_about_themselves_in_plain_words(client_of: Make, application: str) -> None:
    resident = await client_of("resident", "Patient/zhang")
    page = await resident.get("/oauth/authorize", params=asking(application))
    for words in ("Let 血压本 in?", "张桂兰", "Everything in the health record", "look at", "One hour at most"):
        assert words in page.text
    assert "About which resident?" not in page.text
    assert "form-action 'self' https://app.example" in page.headers["content-security-policy"]
    answer = await resident.post("/oauth/authorize", data={"asked": hidden(page.text, "asked"), "answer": "allow"})
    assert set(sent_to(answer)) == {"code", "state", "iss"}
    assert (sent_to(answer)["state"], sent_to(answer)["iss"]) == ("s-1", SITE)


async def test_a_resident_cannot_hand_over_somebody_elses_record(client_of: Make, application: str, told: Store) -> None:
    resident = await client_of("resident", "Patient/zhang")
    page = await resident.get("/oauth/authorize", params=asking(application))
    asked = hidden(page.text, "asked")
    code = sent_to(await resident.post("/oauth/authorize", data={"asked": asked, "answer": "allow", "resident": "wang"}))["code"]
    papers = drawers(told.ground)
    form = {"code": code, "redirect_uri": REDIRECT, "code_verifier": "v" * 50}
    _, grant, _, _ = await begin(papers, await known(papers, application, NOW), form, lambda _grant, _scopes: ("t", ("j", 0)), NOW)
    assert grant.patient == "zhang"


async def test_staff_choose_the_resident_before_they_can_allow(client_of: Make, application: str) -> None:
    doctor = await client_of("doctor", "Practitioner/li")
    page = (await doctor.get("/oauth/authorize", params=asking(application))).text
    assert "About which resident?" in page
    assert 'value="allow"' not in page
    found = (await doctor.get("/oauth/authorize", params=asking(application, find="张"))).text
    assert "张桂兰" in found
    assert "王建国" not in found
    early = await doctor.post("/oauth/authorize", data={"asked": hidden(page, "asked"), "answer": "allow"})
    assert early.status_code == 422
    chosen = (await doctor.get("/oauth/authorize", params=asking(application, resident="zhang"))).text
    assert 'value="allow"' in chosen
    given = {"asked": hidden(chosen, "asked"), "answer": "allow", "resident": hidden(chosen, "resident")}
    assert "code" in sent_to(await doctor.post("/oauth/authorize", data=given))


async def test_a_role_that_may_open_no_resident_finds_none_here_either(client_of: Make, application: str) -> None:
    for role in ("regulator", "audit_admin", "system_admin"):
        client = await client_of(role)
        scope = {"scope": "openid launch/patient"}
        assert (await client.get("/oauth/authorize", params=asking(application, find="张") | scope)).status_code == 403
        assert (await client.get("/oauth/authorize", params=asking(application, resident="zhang") | scope)).status_code == 403


async def test_a_no_goes_back_to_the_application(client_of: Make, application: str) -> None:
    doctor = await client_of("doctor", "Practitioner/li")
    page = (await doctor.get("/oauth/authorize", params=asking(application))).text
    answer = await doctor.post("/oauth/authorize", data={"asked": hidden(page, "asked"), "answer": "deny"})
    assert (sent_to(answer)["error"], sent_to(answer)["state"]) == ("access_denied", "s-1")


ELSEWHERE = [{"client_id": "app-none"}, *({"redirect_uri": address} for address in ("https://evil.example/", f"{REDIRECT}/more", ""))]


@pytest.mark.parametrize("given", ELSEWHERE)
async def test_an_unknown_application_or_address_is_never_gone_to(client_of: Make, application: str, given: dict[str, str]) -> None:
    doctor = await client_of("doctor", "Practitioner/li")
    answer = await doctor.get("/oauth/authorize", params=asking(application) | given)
    assert (answer.status_code, "location" in answer.headers) == (403, False)
    assert "not registered here" in answer.text


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"state": ""}, "invalid_request"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"aud": "https://evil.example/fhir"}, "invalid_request"),
        ({"aud": ""}, "invalid_request"),
        ({"scope": "patient/Dragon.rs"}, "invalid_scope"),
        ({"scope": "launch patient/*.rs"}, "invalid_request"),
        ({"scope": "launch patient/*.rs", "launch": "made-up"}, "invalid_request"),
        ({"prompt": "none"}, "consent_required"),
        ({"request": "x"}, "invalid_request"),
    ],
)
async def test_a_wrong_request_goes_back_as_an_error(client_of: Make, application: str, given: dict[str, str], error: str) -> None:
    doctor = await client_of("doctor", "Practitioner/li")
    answer = await doctor.get("/oauth/authorize", params=asking(application) | given)
    assert sent_to(answer)["error"] == error


async def test_an_answer_from_another_site_is_refused(client_of: Make, application: str) -> None:
    doctor = await client_of("doctor", "Practitioner/li")
    page = (await doctor.get("/oauth/authorize", params=asking(application))).text
    form = {"asked": hidden(page, "asked"), "answer": "deny"}
    assert (await doctor.post("/oauth/authorize", data=form, headers={"sec-fetch-site": "cross-site"})).status_code == 403


# --- starting, and taking back ---


async def test_a_launch_is_for_who_started_it_and_brings_its_patient(client_of: Make, application: str) -> None:
    doctor = await client_of("doctor", "Practitioner/li")
    page = await doctor.get("/applications/startable", params={"patient": "zhang"})
    assert "https://app.example" in page.headers["content-security-policy"]
    answer = await doctor.post(f"/applications/{application}/launch", data={"patient": "zhang"})
    query = {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}
    assert query["iss"] == f"{SITE}/fhir"
    asked = asking(application, "launch patient/*.rs", launch=query["launch"])
    question = (await doctor.get("/oauth/authorize", params=asked)).text
    assert "张桂兰" in question
    assert 'value="allow"' in question
    nurse = await client_of("nurse", "Practitioner/wu")
    assert sent_to(await nurse.get("/oauth/authorize", params=asked))["error"] == "invalid_request"


async def test_a_launch_about_nobody_or_somebody_who_is_not_there_is_refused(client_of: Make, application: str) -> None:
    doctor = await client_of("doctor", "Practitioner/li")
    assert (await doctor.get("/applications/startable")).status_code == 404
    assert (await doctor.post(f"/applications/{application}/launch", data={"patient": "nobody"})).status_code == 404


async def test_what_was_allowed_can_be_taken_back_by_that_person_alone(client_of: Make, application: str, told: Store) -> None:
    resident, other = await client_of("resident", "Patient/zhang"), await client_of("resident", "Patient/wang")
    page = await resident.get("/oauth/authorize", params=asking(application, "launch/patient patient/*.rs offline_access"))
    code = sent_to(await resident.post("/oauth/authorize", data={"asked": hidden(page.text, "asked"), "answer": "allow"}))["code"]
    papers = drawers(told.ground)
    form = {"code": code, "redirect_uri": REDIRECT, "code_verifier": "v" * 50}
    end = int(NOW.timestamp()) + 60
    id_, *_ = await begin(papers, await known(papers, application, NOW), form, lambda _grant, _scopes: ("t", ("j-1", end)), NOW)
    path = f"/applications/granted/{id_}/end"
    assert path in (await resident.get("/applications/granted")).text
    assert path not in (await other.get("/applications/granted")).text
    assert (await other.post(path)).status_code == 404
    assert (await resident.post(path)).headers["location"] == "/applications/granted"
    assert path not in (await resident.get("/applications/granted")).text
    assert await papers.withdrawn.look("j-1", int(NOW.timestamp() * 1_000_000))


def test_scopes_are_said_as_one_line_for_each_kind_of_data() -> None:
    said = rules.wishes(("openid", "patient/Observation.rs?category=laboratory", "patient/Observation.c", "user/Basic.cud"))
    assert [(one.what if isinstance(one.what, str) else one.what.text, [deed.text for deed in one.deeds], one.only) for one in said] == [
        ("Measurements and results", ["look at"], "category=laboratory"),
        ("Measurements and results", ["add"], ""),
        ("Basic", ["add", "change", "delete"], ""),
    ]
