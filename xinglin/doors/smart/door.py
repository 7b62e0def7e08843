"""The machine endpoints. Sources: RFC 6749 3.2, RFC 7009, RFC 7662, RFC 7517, OpenID Connect Core 5.3, SMART App Launch 2.2."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from xinglin.access.oauth import answers, grants
from xinglin.access.oauth.answers import Office
from xinglin.access.oauth.applications import Client, authenticate
from xinglin.access.oauth.fetching import Fetcher
from xinglin.access.oauth.keys import ring
from xinglin.access.oauth.model import Drawers
from xinglin.access.oauth.refusal import Refused
from xinglin.access.pace import Buckets, Pace, unlimited
from xinglin.access.tokens import Claims
from xinglin.base.clock import tick_of, utc_now
from xinglin.base.crypto import Keys
from xinglin.base.errors import XinglinError
from xinglin.doors.smart.well_known import openid_configuration, smart_configuration
from xinglin.store import AuditRow

PATHS = (
    "/oauth/token", "/oauth/introspect", "/oauth/revoke", "/oauth/jwks", "/oauth/userinfo", "/oauth/applications",
    "/.well-known/smart-configuration", "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server",
    "/fhir/.well-known/smart-configuration", "/fhir/.well-known/openid-configuration",
)  # fmt: skip
"""The addresses of this door; every other one below `/oauth` is a page."""
OPEN_TO_ALL = (*(path for path in PATHS if ".well-known" in path), "/oauth/jwks")
"""Public metadata that a page of any site may read."""
BODY_BYTES_MAX = 64 * 1024
A_MINUTE = 120
"""Requests of one application from one address."""
FAILED_A_MINUTE = 20
"""Of those, such that were refused for want of proof, from one address."""
_WORDS = {429: "slow_down", 503: "temporarily_unavailable"}
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache", "X-Content-Type-Options": "nosniff"}
_HOST = re.compile(r"[A-Za-z0-9.\-_\[\]:]{1,255}\Z")


@dataclass(frozen=True, slots=True)
class Desk:
    """What the endpoints work with. `public_url`: our own address, the request's own host when empty; `note` keeps an audit row."""

    papers: Drawers
    keys: Keys
    people: grants.People
    fetcher: Fetcher
    withdrawn: Callable[[Claims], bool]
    alive: Callable[[str, datetime], Awaitable[bool]]
    note: Callable[[AuditRow], None]
    public_url: str = ""
    now: Callable[[], datetime] = utc_now
    limits: Pace = field(default_factory=unlimited)
    pace: Buckets = field(default_factory=lambda: Buckets(A_MINUTE))
    failures: Buckets = field(default_factory=lambda: Buckets(FAILED_A_MINUTE))

    def office(self, request: Request) -> Office:
        """The office at the address this request came to. Raises `Refused` for a host that cannot be one."""
        host = request.headers.get("host", "")
        if not self.public_url and not _HOST.match(host):
            raise Refused("invalid_request", "The host cannot be read.")
        issuer = self.public_url.rstrip("/") or f"{request.url.scheme}://{host}"
        return Office(self.papers, self.keys, self.people, issuer)


Answer = Callable[[Desk, Request], Awaitable[Response]]


def smart_app(desk: Desk) -> Starlette:
    """The endpoints as an ASGI application."""
    work: list[tuple[str, Answer, str]] = [
        ("/oauth/token", _token, "POST"),
        ("/oauth/introspect", _introspect, "POST"),
        ("/oauth/revoke", _revoke, "POST"),
        ("/oauth/jwks", _jwks, "GET"),
        ("/oauth/userinfo", _userinfo, "GET"),
        ("/oauth/userinfo", _userinfo, "POST"),
        ("/oauth/applications", _applications, "GET"),
        *((path, _configuration, "GET") for path in PATHS if ".well-known" in path),
    ]
    return Starlette(routes=[Route(path, partial(_guarded, desk, answer), methods=[method]) for path, answer, method in work])


async def _guarded(desk: Desk, answer: Answer, request: Request) -> Response:
    """The answer, or the refusal in the words of RFC 6749 5.2."""
    try:
        desk.limits.of_address(_address(request), desk.now().timestamp())
        return await answer(desk, request)
    except Refused as refused:
        return refusal(refused, basic="authorization" in request.headers and refused.error == "invalid_client")
    except XinglinError as error:
        said = {"error": _WORDS.get(error.status, "invalid_request"), "error_description": str(error)}
        wait = {"Retry-After": str(error.retry_after_s)} if error.retry_after_s else {}
        return JSONResponse(said, error.status, NO_STORE | wait)


def refusal(refused: Refused, *, basic: bool = False) -> Response:
    """An error as JSON, with the challenge its status asks for."""
    headers = dict(NO_STORE)
    if basic:
        headers["WWW-Authenticate"] = 'Basic realm="oauth"'
    if refused.error == "invalid_token":
        headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
    if refused.answer_status == 429:
        headers["Retry-After"] = "60"
    return JSONResponse({"error": refused.error, "error_description": str(refused)}, refused.answer_status, headers)


async def _token(desk: Desk, request: Request) -> Response:
    form = await read_form(request)
    office, kind = desk.office(request), form.get("grant_type", "")
    if kind == "refresh_token" and "client_id" not in form:
        form |= await _named_by_token(desk, form.get("refresh_token", ""))
    client = await _proved(desk, request, form, office)
    try:
        said = await _granted(office, client, kind, form, desk.now())
    except Refused:
        _note(desk, request, client, f"token {kind[:40]}", 400)
        raise
    _note(desk, request, client, f"token {kind}", 200)
    return JSONResponse(said, headers=NO_STORE)


async def _named_by_token(desk: Desk, token: str) -> dict[str, str]:
    """The client id of a refresh token, for public applications that do not repeat it; one with a secret must still show that."""
    paper = await grants.of_refresh_token(desk.papers, desk.keys, token, desk.now())
    return {"client_id": paper.value.client} if paper else {}


async def _granted(office: Office, client: Client, kind: str, form: Mapping[str, str], now: datetime) -> dict[str, Any]:
    match kind:
        case "authorization_code":
            return await answers.for_code(office, client, form, now)
        case "refresh_token":
            return await answers.for_refresh(office, client, form, now)
        case "client_credentials":
            return answers.for_backend(office, client, form, now)
        case "":
            raise Refused("invalid_request", "grant_type is missing.")
        case _:
            raise Refused("unsupported_grant_type", "grant_type is one of authorization_code, refresh_token, client_credentials.")


async def _introspect(desk: Desk, request: Request) -> Response:
    form = await read_form(request)
    office = desk.office(request)
    client = await _proved(desk, request, form, office)
    if client.application.public:
        raise Refused("invalid_client", "Only an application that proves who it is may ask about tokens.")
    said = await answers.introspected(office, form.get("token", ""), client, desk.now())
    _note(desk, request, client, "introspection", 200)
    return JSONResponse(said, headers=NO_STORE)


async def _revoke(desk: Desk, request: Request) -> Response:
    form = await read_form(request)
    office = desk.office(request)
    client = await _proved(desk, request, form, office)
    if not form.get("token"):
        raise Refused("invalid_request", "token is missing.")
    await answers.revoke(office, form["token"], client, desk.now())
    _note(desk, request, client, "revocation", 200)
    return Response(status_code=200, headers=NO_STORE)


async def _jwks(desk: Desk, request: Request) -> Response:  # noqa: ARG001 - every endpoint has this face
    keys = await ring(desk.papers.keys, tick_of(desk.now()))
    return JSONResponse(keys.published(), headers={"Cache-Control": "public, max-age=300"})


async def _configuration(desk: Desk, request: Request) -> Response:
    make = smart_configuration if request.url.path.endswith("smart-configuration") else openid_configuration
    return JSONResponse(make(desk.office(request).issuer), headers={"Cache-Control": "public, max-age=300"})


async def _userinfo(desk: Desk, request: Request) -> Response:
    claims = await _bearer(desk, request)
    office = desk.office(request)
    grant = await grants.of_token(desk.papers, claims.jti, desk.now())
    if grant is None or "openid" not in (claims.scopes or ()):
        raise Refused("invalid_token", "This token has not the scope openid.")
    return JSONResponse(answers.person_claims(office, grant.who, claims.scopes or ()), headers=NO_STORE)


async def _applications(desk: Desk, request: Request) -> Response:
    """The applications that can be started, for whoever is signed in."""
    await _bearer(desk, request)
    listed = await desk.papers.applications.all(tick_of(desk.now()))
    shown = [
        {"client_id": paper.key, "name": paper.value.name, "launch_url": paper.value.launch, "home": paper.value.home}
        for paper in listed
        if not paper.value.disabled and (paper.value.launch or paper.value.home)
    ]
    return JSONResponse({"applications": shown}, headers=NO_STORE)


async def _bearer(desk: Desk, request: Request) -> Claims:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    claims = answers.valid_claims(desk.keys, token.strip(), desk.now()) if scheme.lower() == "bearer" else None
    if claims is None or desk.withdrawn(claims):
        raise Refused("invalid_token", "This token is not valid, or has ended.")
    if claims.session and not await desk.alive(claims.session, desk.now()):
        raise Refused("invalid_token", "This token is not valid, or has ended.")
    return claims


async def _proved(desk: Desk, request: Request, form: Mapping[str, str], office: Office) -> Client:
    """The application that asks, within its pace. Raises `Refused`."""
    address, now = _address(request) or "", desk.now()
    _hold_back(desk.pace, f"{form.get('client_id', '')[:100]} {address}", now)
    own = (f"{office.issuer}{request.url.path}", f"{office.issuer}/oauth/token", office.issuer)
    try:
        return await authenticate(desk.papers, desk.fetcher, form, request.headers.get("authorization", ""), own, now)
    except Refused:
        _hold_back(desk.failures, address, now)
        raise


def _hold_back(pace: Buckets, key: str, now: datetime) -> None:
    if pace.wait_s(key, now.timestamp()):
        raise Refused("slow_down", "Too many requests: wait a minute, then try again.")


async def read_form(request: Request) -> dict[str, str]:
    """The parameters of a form body; raises `Refused` for another body, one too long, and a parameter given twice (RFC 6749 3.2)."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise Refused("invalid_request", "Send a form (application/x-www-form-urlencoded).")
    raw = b""
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > BODY_BYTES_MAX:
            raise Refused("invalid_request", "The form is too long.")
    try:
        pairs = parse_qsl(raw.decode("utf-8"), keep_blank_values=True, max_num_fields=50, errors="strict")
    except ValueError:
        raise Refused("invalid_request", "The form cannot be read.") from None
    if len({name for name, _ in pairs}) != len(pairs) or any("\x00" in value for _, value in pairs):
        raise Refused("invalid_request", "Each parameter may be given once.")
    return {name: value for name, value in pairs if value}


def _note(desk: Desk, request: Request, client: Client, deed: str, status: int) -> None:
    role = client.application.role or "application"
    desk.note(AuditRow(client.id, role, deed, None, None, None, status, _address(request), None))


def _address(request: Request) -> str | None:
    return request.client.host if request.client else None
