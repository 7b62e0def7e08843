"""Input made to overwhelm a reader is refused in words, in little memory, and leaves nothing behind; the platform goes on serving."""

from __future__ import annotations

import gzip
import json
import os
import re
import socket
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.served import Served, served
from xinglin.base.crypto import Keys

MIB = 1024 * 1024
BODY_MAX = 64 * MIB
GROWTH_MAX = 640 * MIB
"""How much memory one request may make a process take: ten times the largest body."""
ANSWER_S_MAX = 60
XML = "application/fhir+xml"
JSON = "application/fhir+json"
PATIENT = '<Patient xmlns="http://hl7.org/fhir">{}</Patient>'


@dataclass(frozen=True)
class Target:
    """A platform with one API process, and that process."""

    platform: Served
    client: httpx.Client
    process: Path

    def send(self, body: bytes, media: str = JSON, where: str = "Patient", **headers: str) -> httpx.Response:
        """POST it; the answer, which is a refusal in words."""
        answer = self.client.post(f"{self.platform.base}/{where}", content=body, headers={"Content-Type": media, **headers})
        assert 400 <= answer.status_code < 500, (answer.status_code, answer.text[:300])
        assert len(answer.content) < MIB
        assert answer.json()["resourceType"] == "OperationOutcome"
        return answer

    def said(self, body: bytes, media: str = JSON, where: str = "Patient", **headers: str) -> str:
        """The words of the refusal."""
        return str(self.send(body, media, where, **headers).json()["issue"][0]["diagnostics"])


@pytest.fixture(scope="module")
def platform(database: str, home: Path, keys: Keys) -> Iterator[Target]:
    with served(database, home, keys) as running, httpx.Client(headers={"Authorization": running.bearer()}, timeout=ANSWER_S_MAX) as client:
        yield Target(running, client, process_of(" api "))


@pytest.fixture
def target(platform: Target) -> Iterator[Target]:
    """The platform; after the test its process has not grown beyond the limit, lives, serves, and keeps no record."""
    (platform.process / "clear_refs").write_text("5")  # the peak is counted from here
    before = memory(platform.process, "VmRSS")
    yield platform
    assert memory(platform.process, "VmHWM") - before < GROWTH_MAX
    found = platform.client.get(f"{platform.platform.base}/Patient", params={"_summary": "count"})
    assert found.json()["total"] == 0


def process_of(word: str) -> Path:
    """The child of ours that was started with a word."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (entry / "stat").exists():
            parent = (entry / "stat").read_text().rsplit(")", 1)[1].split()[1]
            if parent == str(os.getpid()) and word in (entry / "cmdline").read_text().replace("\0", " "):
                return entry
    raise AssertionError("the API process was not found")


def memory(process: Path, what: str) -> int:
    found = re.search(rf"{what}:\s+(\d+) kB", (process / "status").read_text())
    assert found
    return int(found[1]) * 1024


@pytest.mark.parametrize(
    "document",
    [
        '<!DOCTYPE p [<!ENTITY l0 "lol">' + "".join(f"<!ENTITY l{n + 1} '{f'&l{n};' * 10}'>" for n in range(9))
        + "]>" + PATIENT.format('<id value="&l9;"/>'),
        '<!DOCTYPE p [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + PATIENT.format('<id value="&x;"/>'),
        '<!DOCTYPE p [<!ENTITY x SYSTEM "http://127.0.0.1:9/x">]>' + PATIENT.format("<id>&x;</id>"),
        '<!DOCTYPE p [<!ENTITY % x SYSTEM "http://127.0.0.1:9/x"> %x;]>' + PATIENT.format(""),
        '<!DOCTYPE Patient SYSTEM "http://127.0.0.1:9/p.dtd">' + PATIENT.format(""),
        '<!DOCTYPE Patient PUBLIC "-//X//Y" "file:///dev/zero">' + PATIENT.format(""),
        PATIENT.format('<text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml">&nosuch;</div></text>'),
        '<!DOCTYPE p [<!ATTLIST Patient a CDATA "' + "x" * 100_000 + '">]>' + PATIENT.format(""),
    ],
    ids=["a billion laughs", "a file", "an address", "a parameter entity", "an outer DTD", "an endless DTD", "unknown entity", "defaults"],
)  # fmt: skip
def test_xml_that_defines_entities_or_asks_for_other_documents_is_refused(target: Target, document: str) -> None:
    said = target.said(document.encode(), XML)
    assert "document type" in said or "not valid XML" in said
    assert "root:" not in said


def test_xml_in_another_encoding_does_not_smuggle_a_document_type(target: Target) -> None:
    document = '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE p [<!ENTITY x "y">]>' + PATIENT.format('<id value="&x;"/>')
    target.send(document.encode("utf-16"), XML)
    target.send(document.replace("UTF-16", "UTF-7").encode("utf-7"), XML)


@pytest.mark.parametrize("depth", [300, 900, 100_000, 5_000_000])
def test_what_is_nested_without_end_is_refused(target: Target, depth: int) -> None:
    extension = '{"url":"urn:x","extension":[' * depth
    for text in ("[" * depth, '{"a":' * depth, "[" * depth + "]" * depth, f'{{"resourceType":"Patient","extension":[{extension}'):
        target.send(text.encode()[: BODY_MAX - 1])
    if depth < 5_000_000:
        closed = '{"resourceType":"Patient","extension":[' + extension[:-1].removesuffix(',"extension":') + "}" + "]}" * (depth - 1) + "]}"
        target.send(closed.encode())
        entry = '{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"POST","url":"Bundle"},"resource":'
        target.send((entry * depth + '{"resourceType":"Patient"}' + "}]}" * depth).encode(), where="")
    inner = '<extension url="urn:x">' * depth
    for text in (PATIENT.format(inner), PATIENT.format(inner + "</extension>" * depth), "<a>" * depth):
        target.send(text.encode()[: BODY_MAX - 1], XML)


def test_what_is_nested_as_deep_as_is_allowed_can_be_read_in_every_way(platform: Target) -> None:
    base, inner = platform.platform.base, '{"url":"urn:x","extension":['
    nested = f'{inner * 150}{{"url":"urn:x","valueString":"deep"}}{"]}" * 150}'
    body = f'{{"resourceType":"Basic","id":"deep","code":{{"text":"x"}},"extension":[{nested}]}}'
    made = platform.client.put(f"{base}/Basic/deep", content=body, headers={"Content-Type": JSON})
    assert made.status_code == 201
    for where in ("Basic/deep", "Basic/deep/_history", "Basic?_id=deep", "Basic/deep?_summary=false&_pretty=true"):
        for form in ("json", "xml"):
            answer = platform.client.get(f"{base}/{where}{'&' if '?' in where else '?'}_format={form}")
            assert (answer.status_code, "deep" in answer.text) == (200, True), (where, form)
    again = platform.client.get(f"{base}/Basic/deep?_format=xml").content
    assert platform.client.put(f"{base}/Basic/deep", content=again, headers={"Content-Type": XML}).status_code == 200


def test_an_xhtml_narrative_nested_without_end_is_refused(target: Target) -> None:
    div = '<div xmlns="http://www.w3.org/1999/xhtml">{}</div>'
    for depth in (1000, 100_000):
        text = {"status": "generated", "div": div.format("<b>" * depth + "</b>" * depth)}
        target.send(json.dumps({"resourceType": "Patient", "text": text}).encode())
        told = f'<text><status value="generated"/>{text["div"]}</text>'
        target.send(PATIENT.format(told).encode(), XML)


@pytest.mark.parametrize("kind", ["keys", "faults", "attributes", "elements"])
def test_huge_numbers_of_keys_are_refused_without_a_huge_answer(target: Target, kind: str) -> None:
    for count in (10_000, 900_000):
        numbers = range(count)
        if kind == "keys":
            target.send(('{"resourceType":"Patient",' + ",".join(f'"k{n}":{n}' for n in numbers) + "}").encode())
        elif kind == "faults":
            target.send(('{"resourceType":"Patient","name":[' + ",".join('{"family":5}' for _ in numbers) + "]}").encode())
        elif kind == "attributes":
            target.send(('<Patient xmlns="http://hl7.org/fhir" ' + " ".join(f'k{n}=""' for n in numbers) + "/>").encode(), XML)
        else:
            target.send(PATIENT.format("".join(f"<k{n}/>" for n in numbers)).encode(), XML)


@pytest.mark.parametrize("part", ["[],", "{},", '"",', "1,", '{"a":1},', '[[[[""]]]],'])
def test_a_full_body_of_the_smallest_values_is_refused_before_it_is_read(target: Target, part: str) -> None:
    count = (BODY_MAX - 100) // len(part)
    assert "values" in target.said(b'{"resourceType":"Patient","x":[' + part.encode() * count + b"1]}", where="")


@pytest.mark.parametrize("part", ["<a/>", '<name a=""/>', "<name><given/></name>"])
def test_a_full_body_of_the_smallest_tags_is_refused_before_it_is_read(target: Target, part: str) -> None:
    assert "tags" in target.said(PATIENT.format(part * ((BODY_MAX - 100) // len(part))).encode(), XML, "")


def test_one_element_with_attributes_without_end_is_refused_before_it_is_read(target: Target) -> None:
    attributes = b" ".join(b'a%x=""' % number for number in range(4_000_000))
    assert "tags" in target.said(b'<Patient xmlns="http://hl7.org/fhir" ' + attributes + b"/>", XML, "")


@pytest.mark.parametrize(
    "number", ["1" * 5_000_000, "0." + "1" * 5_000_000, "1e999999999", "1e-999999999", "-" + "9" * 4000, "1" * 1100 + ".5"], ids=range(6)
)
def test_a_number_that_fills_a_body_is_refused(target: Target, number: str) -> None:
    body = f'{{"resourceType":"Observation","status":"final","code":{{"text":"x"}},"valueQuantity":{{"value":{number}}}}}'
    target.send(body.encode(), where="Observation")
    told = f'<status value="final"/><code><text value="x"/></code><valueQuantity><value value="{number}"/></valueQuantity>'
    target.send(f'<Observation xmlns="http://hl7.org/fhir">{told}</Observation>'.encode(), XML, "Observation")


def test_a_gzip_body_is_unpacked_no_further_than_a_body_may_be(target: Target) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(bytes(16 * MIB)) for _ in range(64)) + packer.flush()
    assert len(bomb) < 2 * MIB
    assert "larger than" in target.said(bomb, **{"Content-Encoding": "gzip"})
    assert "larger than" in target.said(gzip.compress(bytes(32 * MIB)) * 3, **{"Content-Encoding": "gzip"})


def test_a_gzip_body_of_a_million_streams_is_refused(target: Target) -> None:
    assert "streams" in target.said(gzip.compress(b"") * 1_000_000, where="", **{"Content-Encoding": "gzip"})
    assert "streams" in target.said(gzip.compress(b" ") * 10_000 + bytes(MIB), where="", **{"Content-Encoding": "gzip"})


def test_gzip_within_gzip_and_other_packings_are_refused(target: Target) -> None:
    body = b'{"resourceType":"Patient"}'
    target.send(gzip.compress(gzip.compress(body)), **{"Content-Encoding": "gzip"})
    for packing in ("gzip, gzip", "br", "deflate", "zstd", "compress"):
        assert target.send(gzip.compress(body), **{"Content-Encoding": packing}).status_code == 415
    for broken in (gzip.compress(body)[:-5], b"\x1f\x8b" + body, gzip.compress(body) + b"more"):
        target.send(broken, **{"Content-Encoding": "gzip"})


def test_a_body_larger_than_is_allowed_is_refused_declared_or_not(target: Target) -> None:
    assert target.send(b" " * (BODY_MAX + 1)).status_code == 413

    def pieces() -> Iterator[bytes]:
        for _ in range(80):
            yield b" " * MIB

    try:
        answer = target.client.post(f"{target.platform.base}/Patient", content=pieces())
    except httpx.TransportError:  # it hung up before we had said all: also a refusal
        return
    assert answer.status_code == 413


def raw(target: Target, *parts: bytes) -> bytes:
    """Send bytes as they are; what comes back until the server hangs up."""
    address = urlsplit(target.platform.base)
    with socket.create_connection((address.hostname, address.port), timeout=ANSWER_S_MAX) as line:
        answer = b""
        try:
            for part in parts:
                line.sendall(part)
            while piece := line.recv(65536):
                answer += piece
        except (ConnectionResetError, BrokenPipeError):  # it hung up before we had said all
            pass
    return answer


@pytest.mark.parametrize(
    ("begins", "goes_on"),
    [
        (b"GET /fhir/Patient HTTP/1.1\r\nHost: x\r\nX-Long: ", b"a" * MIB),
        (b"GET /fhir/Patient HTTP/1.1\r\nHost: x\r\n", b"X-Many: a\r\n" * 90_000),
        (b"GET /fhir/Patient?name=", b"a" * MIB),
        (b"POST /fhir/Patient HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\n", b"X-Trailer: a\r\n" * 70_000),
        (b"GET /fhir/Patient HTTP/1.1\r\nHost: x\r\n" + b"X" * 1000, b"Y" * MIB),
    ],
    ids=["a header", "headers", "an address", "trailers", "a header's name"],
)
def test_the_head_of_a_request_does_not_go_on_for_ever(target: Target, begins: bytes, goes_on: bytes) -> None:
    before = memory(target.process, "VmRSS")
    answer = raw(target, begins, *[goes_on] * 100)
    assert answer.startswith(b"HTTP/1.1 4") or answer == b""
    assert memory(target.process, "VmHWM") - before < 50 * MIB


def test_a_head_that_is_merely_long_is_told_what_is_too_long(target: Target) -> None:
    base = target.platform.base
    assert raw(target, b"GET /fhir/Patient?name=" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n").startswith(b"HTTP/1.1 400")
    assert target.client.get(f"{base}/Patient?name={'a' * 60_000}").status_code < 500
    assert target.client.get(f"{base}/Patient", headers={"X-Long": "a" * 20_000}).status_code == 413
    assert target.client.get(f"{base}/Patient/{'a' * 10_000}").status_code in (400, 404)
    assert target.client.get(f"{base}/{'a/' * 1000}").status_code == 400
    assert 400 <= target.client.get(f"{base}/Patient?{'&'.join(['name=a'] * 1001)}").status_code < 500


def test_a_form_and_a_patch_are_bounded_too(target: Target) -> None:
    target.send(b"name=" + b"a" * 2 * MIB, "application/x-www-form-urlencoded", "Patient/_search")
    target.send(b"&".join([b"name=a"] * 100_000), "application/x-www-form-urlencoded", "Patient/_search")
    for media in ("application/json-patch+json", "application/merge-patch+json", JSON):
        answer = target.client.patch(f"{target.platform.base}/Patient/x", content=b"[" * 100_000, headers={"Content-Type": media})
        assert 400 <= answer.status_code < 500


def test_a_bundle_of_more_entries_than_allowed_is_refused_and_none_is_written(target: Target) -> None:
    entry = {"resource": {"resourceType": "Patient"}, "request": {"method": "POST", "url": "Patient"}}
    for kind in ("transaction", "batch"):
        body = json.dumps({"resourceType": "Bundle", "type": kind, "entry": [entry] * 10_001}).encode()
        assert target.send(body, where="").status_code == 413


def test_a_transaction_with_a_bomb_for_its_last_entry_writes_none_of_the_others(target: Target) -> None:
    entries = [{"resource": {"resourceType": "Patient"}, "request": {"method": "POST", "url": "Patient"}} for _ in range(20)]
    deep: object = {"url": "urn:x", "valueString": "x"}
    for _ in range(400):
        deep = {"url": "urn:x", "extension": [deep]}
    entries.append({"resource": {"resourceType": "Patient", "extension": [deep]}, "request": {"method": "POST", "url": "Patient"}})
    target.send(json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}).encode(), where="")
