"""Whatever is sent, the answer is never a fault of the server's: random paths, queries, headers, bodies and bundles."""

from __future__ import annotations

import asyncio
import json
import tempfile
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from tests.doors.fhir_api.conftest import KEYS
from tests.doors.fhir_api.memory import MemoryRecords, everyone
from tests.doors.fhir_api.work import MemoryJobs
from xinglin.access.tokens import issue
from xinglin.base.settings import Settings
from xinglin.doors.fhir_api import BearerAccess, FhirDoor

FEW = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
TOKEN = f"Bearer {issue(KEYS, 'system', 'fuzz')}".encode()
HOME = tempfile.mkdtemp()

METHODS = some.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"])
SEGMENTS = some.sampled_from(
    "Patient Observation Group Bundle Dragon p1 o1 _history 1 2 _search * metadata _jobs $everything $validate $meta $meta-add "
    "$meta-delete $export $import $x .. . %00 %ff %2f a%20b x.ndjson".split()
) | some.text(max_size=5)
NAMES = some.sampled_from(
    "_id _count _cursor _sort _since _at _type _include _revinclude _has:Observation:patient:code _elements _summary _total _format "
    "_pretty _filter _lastUpdated _typeFilter _outputFormat name name:exact gender birthdate identifier code date value-quantity subject "
    "subject:Patient.name subject.name code-value-quantity start end mode profile _list _text _content".split()
) | some.text(max_size=4)
VALUES = some.sampled_from(
    "p1 1 -1 0 99999999999 true text count ge2020 2020-01-01 2020-13 9999-12-31T23:59:60Z 0001 http://x|y |y x| a,b \\ $ "
    "5.4|http://unitsofmeasure.org|mg Patient/p1 Observation:subject * Observation?code=x Patient json xml name-x -name eq 1e400 1e-400 "
    "NaN Patient~1 (a eq b)".split()
) | some.text(max_size=8)
HEADERS = some.lists(
    some.tuples(
        some.sampled_from(
            b"accept accept-encoding content-type content-encoding content-length if-match if-none-match if-none-exist if-modified-since "
            b"prefer host x-request-id".split()
        ),
        some.sampled_from([
            b"*/*", b"application/fhir+json", b"application/fhir+xml", b"application/json-patch+json", b"application/x-www-form-urlencoded",
            b"application/fhir+ndjson", b"gzip", b'W/"1"', b"*", b"1", b"-5", b"name=x", b"\xff\xfe", b"return=minimal",
            b"handling=strict", b"",
            b"Fri, 31 Feb 2020 99:00:00 GMT", b"q=x;q=,;", b"respond-async",
        ])
        | some.binary(max_size=6),
    ),
    max_size=4,
)  # fmt: skip
JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=6) | VALUES,
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYS_OF_PATIENT = some.sampled_from(
    "id meta text extension identifier name gender birthDate deceasedBoolean contact link managingOrganization contained _birthDate "
    "parameter entry type subject code status valueQuantity".split()
)
RESOURCES = some.builds(
    lambda kind, body: {"resourceType": kind} | body,
    some.sampled_from(["Patient", "Observation", "Parameters", "Bundle", "Binary", "Dragon", "", None, 5]),
    some.dictionaries(KEYS_OF_PATIENT, JSON, max_size=4),
)
URLS = some.builds("/".join, some.lists(SEGMENTS, max_size=4)) | some.builds(lambda t, n, v: f"{t}?{n}={v}", SEGMENTS, NAMES, VALUES)
REQUESTS = some.fixed_dictionaries({"method": METHODS | JSON, "url": URLS | JSON}, optional={"ifMatch": JSON, "ifNoneExist": JSON})
ENTRIES = JSON | some.fixed_dictionaries({"request": JSON | REQUESTS}, optional={"resource": RESOURCES | JSON, "fullUrl": JSON})
BUNDLES = some.builds(
    lambda kind, entries: {"resourceType": "Bundle", "type": kind, "entry": entries},
    some.sampled_from(["batch", "transaction"]),
    some.lists(ENTRIES, max_size=4),
)


def answered(method: str, path: bytes, query: bytes = b"", headers: Any = (), body: bytes = b"") -> tuple[int, bytes]:
    """Status and body of one raw ASGI request to a door before a store that holds two resources."""

    async def ask() -> tuple[int, bytes]:
        store = MemoryRecords()
        settings = Settings(home=HOME, body_bytes_max=100_000, bundle_entries_max=10)
        door = FhirDoor(store, BearerAccess(KEYS), settings, jobs=MemoryJobs(), scope=everyone)
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        for kind, id_ in (("Patient", "p1"), ("Observation", "o1")):
            store._put({"resourceType": kind}, id_, "PUT", {})
        scope = {
            "type": "http", "method": method, "path": path.decode("utf-8", "replace"), "raw_path": path, "query_string": query,
            "scheme": "http", "headers": [(b"authorization", TOKEN), *headers], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
        }  # fmt: skip
        await door(scope, receive, send)
        return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])

    return asyncio.run(ask())


def packed(value: Any) -> bytes:
    """JSON of anything, NaN and lone surrogates included."""
    return json.dumps(value).encode()


@FEW
@given(METHODS, some.lists(SEGMENTS, max_size=5), some.lists(some.tuples(NAMES, VALUES), max_size=3), HEADERS)
def test_junk_addresses(method, segments, pairs, headers):
    path = ("/fhir/" + "/".join(segments)).encode("utf-8", "replace")
    query = "&".join(f"{name}={value}" for name, value in pairs).encode("utf-8", "replace")
    status, _ = answered(method, path, query, headers)
    assert status < 500


@FEW
@given(some.binary(max_size=40), some.binary(max_size=40), some.binary(max_size=60), HEADERS, METHODS)
def test_junk_bytes(path, query, body, headers, method):
    assert answered(method, b"/fhir/" + path, query, headers, body)[0] < 500
    assert answered(method, b"/fhir/Patient", query, headers, body)[0] < 500


@FEW
@given(
    RESOURCES | JSON,
    some.sampled_from("/Patient /Observation /Patient/$validate /Patient/p1/$meta-add /$import / /$export".split()),
    HEADERS,
)
def test_junk_resources(resource, where, headers):
    assert answered("POST", f"/fhir{where}".encode(), b"", headers, packed(resource))[0] < 500


@FEW
@given(RESOURCES | JSON, some.sampled_from(["PUT", "PATCH"]), some.sampled_from([b"application/fhir+json", b"application/json-patch+json"]))
def test_junk_changes(resource, method, media):
    assert answered(method, b"/fhir/Patient/p1", b"", [(b"content-type", media)], packed(resource))[0] < 500


OPS = some.sampled_from(["add", "remove", "replace", "move", "copy", "test"])
POINTERS = some.sampled_from(["/", "", "/id", "/name/-", "/meta/x/y", "~", "/~2"]) | JSON
OPERATIONS = some.fixed_dictionaries({"op": OPS}, optional={"path": POINTERS, "from": JSON, "value": JSON})


@FEW
@given(some.lists(JSON | OPERATIONS, max_size=3))
def test_junk_patches(operations):
    assert answered("PATCH", b"/fhir/Patient/p1", b"", [(b"content-type", b"application/json-patch+json")], packed(operations))[0] < 500


@FEW
@given(BUNDLES, HEADERS)
def test_junk_bundles(bundle, headers):
    assert answered("POST", b"/fhir", b"", headers, packed(bundle))[0] < 500
    assert answered("POST", b"/fhir", b"", [], packed(bundle))[0] < 500


WITHIN = some.text("<>/ab=\"'&;", max_size=20)


@FEW
@given(some.text(max_size=60) | some.builds('<Patient xmlns="http://hl7.org/fhir">{}</Patient>'.format, WITHIN))
def test_junk_xml(text):
    body = text.encode("utf-8", "replace")
    assert answered("POST", b"/fhir/Patient", b"_format=xml", [(b"content-type", b"application/fhir+xml")], body)[0] < 500
