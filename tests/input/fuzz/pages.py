"""Malformed requests to the pages, to the endpoints for applications, and to the parser of HTTP itself."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from random import Random

from tests.input.fuzz import hostile
from tests.input.fuzz.wire import Ask, Header
from tests.input.fuzz.world import IDS, MEDIA, METHODS, World, headers, segment
from xinglin.access.actor import ROLES
from xinglin.doors.smart import PATHS


def web(world: World) -> Ask:
    chance = world.chance
    method, path, names, roles = chance.choice(world.addresses)
    filled = re.sub(rb"\{\w+(?::path)?\}", lambda _: segment(world), path.encode())
    sent_with: list[Header] = [one for one in headers(world) if one[0] not in (b"Host", b"Authorization")]
    sent_with += [(b"Sec-Fetch-Site", b"same-origin")] if chance.random() < 0.97 else []
    sent_with += [(b"HX-Request", b"true"), (b"HX-Target", hostile.in_address(chance)[:80])] if chance.random() < 0.2 else []
    sent_with += (
        [(b"Cookie", b"xinglin_language=" + hostile.in_address(chance)[:99] + b"; xinglin_workspace=hospital; xinglin_elder=1")]
        if chance.random() < 0.2
        else []
    )
    query, body = hostile.form(chance, names, _fitting(chance)), b""
    target = filled + (b"?" + query if chance.random() < 0.6 or method == "GET" else b"")
    if method == "POST":
        body, media = hostile.form(chance, names, _fitting(chance)), b"application/x-www-form-urlencoded"
        if chance.random() < 0.2:
            media, body = hostile.multipart(chance, names)
        sent_with.append((b"Content-Type", media))
    sent = method.encode() if chance.random() < 0.93 else chance.choice(METHODS)
    return Ask("web", sent, target, tuple(sent_with), body, chance.choice(roles if chance.random() < 0.8 else ("", *sorted(ROLES))))


def _fitting(chance: Random) -> Callable[[str], str | None]:
    """Values that come further than most."""
    fits = (
        "zhang-guilan",
        "village",
        "doctor",
        "2026-11-22",
        "on",
        "1",
        "permit",
        "Patient/zhang-guilan",
        "I have a reason to do this",
        "active",
    )
    return lambda _: chance.choice(fits)


def smart(world: World) -> Ask:
    chance = world.chance
    path = chance.choice((*PATHS, "/oauth/authorize", "/oauth/authorize", "/oauth/nothing"))
    names = (
        "grant_type", "code", "client_id", "client_secret", "redirect_uri", "code_verifier", "refresh_token", "scope", "client_assertion",
        "client_assertion_type", "token", "token_type_hint", "response_type", "state", "aud", "code_challenge", "code_challenge_method",
        "nonce", "launch", "prompt", "max_age", "display", "id_token_hint", "request", "request_uri", "response_mode",
    )  # fmt: skip
    known = {
        "grant_type": chance.choice(("authorization_code", "refresh_token", "client_credentials")), "response_type": "code",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "code_challenge_method": "S256",
        "client_assertion": chance.choice(("a.b.c", "eyJhbGciOiJub25lIn0.eyJpc3MiOiJ4Iiwic3ViIjoieCJ9.", "e30.e30.e30", "." * 9)),
        "client_id": chance.choice(IDS), "redirect_uri": "https://app.example/cb", "scope": "openid launch/patient patient/*.rs",
    }  # fmt: skip
    form = hostile.form(chance, names, known.get)
    sent_with = [one for one in headers(world) if one[0] != b"Content-Type"]
    if chance.random() < 0.2:
        sent_with.append((b"Authorization", b"Basic " + base64.b64encode(hostile.text(chance).encode("utf-8", "replace"))))
    method = b"GET" if "known" in path or path.endswith(("jwks", "userinfo", "authorize", "applications")) else b"POST"
    method = method if chance.random() < 0.9 else chance.choice(METHODS)
    who = chance.choice(("", "doctor", "resident")) if path.endswith("authorize") else ""
    door = "web" if path.endswith(("authorize", "nothing")) else "smart"
    if method == b"GET":
        return Ask(door, method, path.encode() + b"?" + form, tuple(sent_with), b"", who)
    return Ask(door, method, path.encode(), (*sent_with, (b"Content-Type", MEDIA[5])), form, who)


def wire(world: World) -> Ask:
    """What breaks HTTP itself: the server's own parser answers, or hangs up."""
    chance = world.chance
    body = b'{"resourceType":"Patient"}'
    line = chance.choice(
        (b"GET /fhir/metadata HTTP/1.1", b"POST /fhir/Patient HTTP/1.1", b"GET /sign-in HTTP/1.1", b"POST /oauth/token HTTP/1.1")
    )
    lines = (
        b"GET /fhir/Patient HTTP/9.9", b"GET", b"", b"GET  /  HTTP/1.1", b"G\x00T / HTTP/1.1", b"GET /\x00 HTTP/1.1",
        b"GET http://evil.test/ HTTP/1.1",
        b"GET * HTTP/1.1", b"CONNECT evil.test:443 HTTP/1.1", b"PRI * HTTP/2.0", b"get /fhir/metadata HTTP/1.1",
        b"GET /fhir/\xff\xfe HTTP/1.1",
        b"GET /" + b"a" * chance.choice((10, 9000)) + b" HTTP/1.1", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /fhir/metadata#x HTTP/1.1", line, line, line,
    )  # fmt: skip
    fields = (
        (b"Content-Length: 26", b"Transfer-Encoding: chunked"), (b"Content-Length: 26", b"Content-Length: 27"), (b"Content-Length: -1",),
        (b"Content-Length: 1e3",), (b"Content-Length: 99999999999999999999999",), (b"Transfer-Encoding: gzip, chunked",),
        (b"Transfer-Encoding: x",),
        (b"Transfer-Encoding : chunked",), (b"X: a\r\n b",), (b": x",), (b"X-\xff: 1",), (b"X: \x00",), (b"Host: a", b"Host: b"),
        (b"Expect: 100-continue",),
        (b"Expect: x",), (b"Upgrade: websocket", b"Connection: upgrade"), (b"Upgrade: h2c",), (b"Authorization: Bearer a",
        b"Authorization: Bearer b"),
        (b"Content-Type: application/fhir+json", b"Content-Type: text/plain"), (b"Content-Length: 26",), (b"Content-Length: 5",),
        (b"X" * 9000 + b": 1",),
    )  # fmt: skip
    head = [chance.choice(lines), b"Host: county.test", *chance.choice(fields), b"Connection: close"]
    return Ask("wire", b"", b"", raw=b"\r\n".join(head) + b"\r\n\r\n" + body + b"\r\n0\r\n\r\n")
