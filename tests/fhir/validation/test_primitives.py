"""The formats of R4's primitives."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from xinglin.fhir.validation import validate


def accepts(type: str, value: Any) -> bool:
    key = "value" + type[0].upper() + type[1:]
    patient = {"resourceType": "Patient", "extension": [{"url": "urn:x", key: value}]}
    return not any(issue.severity == "error" for issue in validate(patient))


@pytest.mark.parametrize(
    ("type", "values"),
    [
        ("date", ["1980", "1980-02", "1980-02-29", "2021-12-31"]),
        ("dateTime", ["1980", "2021-05-17T08:30:00+08:00", "2021-05-17T08:30:00.123456789Z", "2016-12-31T23:59:60Z"]),
        ("instant", ["2021-05-17T08:30:00Z", "2021-05-17T08:30:00.1-14:00"]),
        ("time", ["08:30:00", "23:59:59.999"]),
        ("integer", [0, -(2**31), 2**31 - 1]),
        ("unsignedInt", [0, 1]),
        ("positiveInt", [1, 2**31 - 1]),
        ("decimal", [0, Decimal("1.50"), Decimal("-1E-22"), Decimal("1E+40")]),
        ("boolean", [True, False]),
        ("code", ["a", "a b", "中文"]),
        ("id", ["a", "A-1.b", "x" * 64]),
        ("oid", ["urn:oid:2.16.156.10011.1.3"]),
        ("uuid", ["urn:uuid:c757873d-ec9a-4326-a141-556f43239520"]),
        ("uri", ["http://a/b?c=d#e", "urn:oid:1", "%20"]),
        ("url", ["mailto:a@b.cn"]),
        ("canonical", ["http://a/b|1.0"]),
        ("string", ["a", "多行\n文字\t", " lead"]),
        ("markdown", ["# a\r\n- b"]),
        ("base64Binary", ["YQ==", "YWJj\nZGVm", "AAAA"]),
    ],
)
def test_what_r4_allows_is_accepted(type: str, values: list[Any]) -> None:
    assert [value for value in values if not accepts(type, value)] == []


@pytest.mark.parametrize(
    ("type", "values"),
    [
        (
            "date",
            [
                "0000",
                "80-01-01",
                "1980-13",
                "2021-02-29",
                "2021-02-30",
                "1900-02-29",
                "2021-04-31",
                "1980-1-1",
                "1980-01-01\n",
                "１９８０",
                1980,
            ],
        ),
        (
            "dateTime",
            [
                "2021-05-17T08:30",
                "2021-05-17T08:30:00",
                "2021-02-30T08:30:00Z",
                "2021-05-17T24:00:00Z",
                "2021-05-17 08:30:00Z",
                "2021-05-17T08:30:00+15:00",
            ],
        ),
        ("instant", ["2021-05-17", "2021-05-17T08:30:00"]),
        ("time", ["8:30:00", "08:30", "24:00:00", "08:30:00Z"]),
        ("integer", [2**31, Decimal("1.0"), "1", True, 1.5]),
        ("unsignedInt", [-1]),
        ("positiveInt", [0]),
        ("decimal", ["1", True, Decimal("NaN"), float("inf")]),
        ("boolean", ["true", 1, 0, None]),
        ("code", [" a", "a ", "a  b", "", 1, "a\n"]),
        ("id", ["a_b", "x" * 65, "", "a\n", "a/b"]),
        ("oid", ["2.16.156", "urn:oid:3.1", "urn:oid:1.02"]),
        ("uuid", ["urn:uuid:C757873D-EC9A-4326-A141-556F43239520", "c757873d-ec9a-4326-a141-556f43239520"]),
        ("uri", ["a b", "", "a\n", 5]),
        ("string", ["", "a\x00", "a\x1b", "\ud800", 1, ["a"], {"a": 1}, "x" * (1024 * 1024 + 1)]),
        ("markdown", ["", 1]),
        ("base64Binary", ["a", "YQ", "中文", "", "YQ==YQ=="]),
    ],
)
def test_what_r4_refuses_is_refused(type: str, values: list[Any]) -> None:
    assert [value for value in values if accepts(type, value)] == []


def narrative(div: Any) -> list[str]:
    return [i.text for i in validate({"resourceType": "Patient", "text": {"status": "generated", "div": div}}) if i.severity == "error"]


@pytest.mark.parametrize(
    "inner",
    [
        "text",
        "<p>a &amp; b &lt; c&#160;d&nbsp;e</p>",
        '<img src="#a" alt="a"/>',
        '<table class="x"><tr><td colspan="2">1</td></tr></table>',
        "<b xml:lang='zh'>a</b>",
    ],
)
def test_plain_narrative_is_accepted(inner: str) -> None:
    assert narrative(f'<div xmlns="http://www.w3.org/1999/xhtml">{inner}</div>') == []
    assert narrative(f"<div>{inner}</div>") == []


@pytest.mark.parametrize(
    "div",
    [
        "text",
        "<p>text</p>",
        "<div></div>",
        "<div>  \n </div>",
        "<div>open",
        "<div>a</div><div>b</div>",
        "<div><script>alert(1)</script></div>",
        '<div onclick="x()">a</div>',
        '<div><a href=" javascript:x()">a</a></div>',
        "<div><iframe/>a</div>",
        "<div><form>a</form></div>",
        '<div xmlns="urn:other">a</div>',
        '<!DOCTYPE div [<!ENTITY a "aaaa">]><div>&a;</div>',
        "<div>&unheard;</div>",
        "<?xml version='1.0'?><div>a</div>",
        "<div>\ud800</div>",
        5,
        None,
    ],
)
def test_narrative_that_acts_or_is_broken_is_refused(div: Any) -> None:
    assert len(narrative(div)) == 1
