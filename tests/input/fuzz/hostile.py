"""Values nobody should send: for a text, for a place in a resource, for a header, for the wire. All drawn from one seeded generator."""

from __future__ import annotations

import copy
from collections.abc import Callable
from random import Random
from typing import Any
from urllib.parse import quote, quote_plus

TEXTS = (
    "", " ", "0", "-1", "1", "99999999999999999999999", "1e400", "-1e-400", "NaN", "Infinity", "0x10", "1_000", "١٢", "²", "½", "true",
    "null",
    "2020-02-30", "0000-00-00", "9999-12-31T23:59:60Z", "2020-01-01T25:00", "-0001", "2024-W10", "2020-13", "10000-01-01", "ge2020",
    "eq", "ap",
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1970-01-01T00:00:00.0000000000000001Z", "2024-02-29", "24:00",
    "' OR '1'='1", "'; DROP TABLE record.patient; --", "1) UNION ALL (", "$1", "%s%n", "\\", "\\'", "a,b", "a\\,b", "|", "a|b|c", "$",
    "a$b$c",
    "(a+)+$", "[", "(?P<", ".*{999999}", "*", "?", "^", "$..*", "$[?(@.a)]", "@.x", "a and", "(((((", "name eq", "not (", "id in http://a",
    "{{7*7}}", "{0.__class__}", "{minutes}", "${7*7}", "<%= 7 %>", "#{7}", "{", "%(x)s", "=1+1", "@SUM(A1)", "+1", "-1+1", "\t=1",
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "javascript:alert(1)", "data:text/html,<b>", "<!--", "]]>", "&lt;",
    "&#0;",
    "\u202egnp.exe", "\ufeff", "\u200b", "e\u0301", "𠀀", "😀" * 40, "ﷺ" * 20, "İ", "ß", "\u0130" * 9, "\uffff", "\U0010ffff", "\x1b[31m",
    "\x7f",
    "\r\nX-Injected: 1", "\nX-Injected: 1", "a\x00b", "\x00", "a\tb", "a\u2028b", "a\x85b",
    "../../../../etc/passwd", "..\\..\\windows", "/etc/passwd", "file:///etc/passwd", "C:\\x", "....//", "%2e%2e%2f", "%00", "%", "%zz",
    "+",
    "http://169.254.169.254/latest/meta-data/", "http://127.0.0.1:9/", "//evil.test/", "https://evil.test", "\\\\evil.test\\x",
    "/\\evil.test",
    "Patient/", "Patient/a/_history/1", "Patient/" + "a" * 64, "Patient/" + "a" * 65, "#x", "urn:uuid:x", "urn:oid:", "Nothing/1",
    "Patient?name=x",
    "A" * 300, "A" * 6000, "我" * 3000, "a" * 63 + "\u0301", "constructor", "__proto__", "__class__", "None", "undefined",
    "[object Object]", "[]", "{}",
    "zhang-guilan", "wang-jianguo", "village", "hospital", "张桂兰", "zgl", "580123195906181224", "15412347734", "8480-6", "I10",
)  # fmt: skip
"""Numbers, dates, languages of queries, patterns, templates, markup, letters drawn or read oddly, ends of lines, paths, addresses."""

RAW = (b"%00", b"%ff", b"%ED%A0%80", b"%C0%AE", b"%", b"%zz", b"%u0041", b"\xff", b"\x80", b"%250a", b"%0d%0aX-Injected:%201", b";",
b"&&", b"=", b"%F4%90%80%80")  # fmt: skip
"""Pieces of an address that are no text."""

NUMBERS = (0, -1, 1, 2**31, 2**63, -(2**63) - 1, 10**40, 0.1, 1e308, -0.0)
JSON_RAW = (b"1e400", b"-1e400", b"NaN", b"Infinity", b"1" * 400, b"0.1" + b"0" * 300 + b"1", b'"\\ud800"', b'"\\u0000"', b'"\xff"',
b"01", b"+1", b"'a'", b"/**/1")  # fmt: skip
"""Values as JSON text that most writers would not make."""
_MARK = "@@raw@@"


def text(chance: Random) -> str:
    """A text, sometimes two."""
    found = chance.choice(TEXTS)
    return found + chance.choice(TEXTS) if chance.random() < 0.1 else found


def in_address(chance: Random, value: str | None = None) -> bytes:
    """A text as part of an address: encoded once, mostly."""
    if value is None and chance.random() < 0.08:
        return chance.choice(RAW)
    value = text(chance) if value is None else value
    kind = chance.random()
    if kind < 0.9:
        return quote(value, safe="").encode()
    if kind < 0.96:
        return quote_plus(quote(value, safe="")).encode()
    return quote(value, safe="/:?#[]@!$&'()*+,;=%").encode()


def form(chance: Random, names: tuple[str, ...], known: Callable[[str], str | None] = lambda _: None) -> bytes:
    """A form with some of these fields, each with a hostile value, now and then a fitting one."""
    chosen = chance.sample(names, min(len(names), chance.randint(0, 8))) if names else []
    if names and chance.random() < 0.2:
        chosen = list(names)
    fields = [(name, known(name) if chance.random() < 0.4 else None) for name in chosen]
    if fields and chance.random() < 0.15:
        fields.append((chance.choice(chosen), None))  # twice
    return b"&".join(quote_plus(name).encode() + b"=" + in_address(chance, value) for name, value in fields)


def multipart(chance: Random, names: tuple[str, ...]) -> tuple[bytes, bytes]:
    """(content type, body) of a form in parts: files where texts belong, names that are paths, ends that do not come."""
    mark = b"b0undary"
    parts: list[bytes] = []
    for name in chance.sample(names, min(len(names), 4)) if names else ["x"]:
        file = b'; filename="' + text(chance).encode("utf-8").replace(b'"', b"'")[:200] + b'"' if chance.random() < 0.6 else b""
        content = text(chance).encode("utf-8") * chance.choice((1, 1, 50))
        parts.append(b'--%s\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n' % (mark, name.encode(), file, content))
    body = b"".join(parts) + (b"--%s--\r\n" % mark if chance.random() < 0.7 else b"")
    kind = chance.choice((b"; boundary=" + mark, b"; boundary=" + mark, b"; boundary=" + mark, b"", b"; boundary=other", b'; boundary=""'))
    return b"multipart/form-data" + kind, body


def spoilt(chance: Random, resource: Any) -> Any:
    """A copy with one to three places put wrong."""
    made = copy.deepcopy(resource)
    for _ in range(chance.randint(1, 3)):
        places = list(_places(made))
        if not places:
            break
        holder, key = chance.choice(places)
        _spoil(chance, holder, key)
    return made


def _places(value: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        found.append((value, key))
        found += _places(one)
    return found


def _spoil(chance: Random, holder: Any, key: Any) -> None:
    match chance.randint(0, 9):
        case 0 | 1 | 2:
            holder[key] = text(chance)
        case 3:
            holder[key] = chance.choice(NUMBERS)
        case 4:
            holder[key] = chance.choice((None, True, [], {}, [[]], [None], {"": ""}, {"value": 1}, [{}], {"resourceType": "Patient"}))
        case 5:
            holder[key] = [holder[key]] if chance.random() < 0.5 else {"extension": [{"url": "x", "valueString": holder[key]}]}
        case 6 if isinstance(holder, dict):
            del holder[key]
        case 7 if isinstance(holder, dict):
            holder[text(chance)[:80]] = holder[key]
            holder["_" + str(key)] = text(chance)
        case _:
            holder[key] = _MARK


def written(chance: Random, value: Any) -> bytes:
    """JSON text of a value; the places left for it hold what no value can be. Sometimes cut, doubled or followed by more."""
    import json

    made = json.dumps(value, ensure_ascii=chance.random() < 0.3).encode("utf-8", "surrogatepass")
    while (mark := f'"{_MARK}"'.encode()) in made:
        made = made.replace(mark, chance.choice(JSON_RAW), 1)
    match chance.randint(0, 24):
        case 0:
            return made[: chance.randint(0, len(made))]
        case 1:
            return made + chance.choice((b"x", b"\x00", made, b"}", b" " * 999))
        case 2:
            return made.replace(b":", b":" + made[:50] + b"," + b'"x":', 1)
        case 3:
            return b"\xef\xbb\xbf" + made
        case 4:
            return made.decode("utf-8", "replace").encode(chance.choice(("utf-16", "utf-32", "utf-8-sig")))
        case 5 if made:
            at = chance.randrange(len(made))
            return made[:at] + bytes([chance.randrange(256)]) + made[at + 1 :]
        case _:
            return made
