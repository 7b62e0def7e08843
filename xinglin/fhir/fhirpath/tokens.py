"""FHIRPath text -> tokens (N1, appendix B)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from xinglin.fhir.fhirpath.limits import LENGTH_MAX, PathError

Kind = Literal["number", "string", "name", "quoted", "moment", "time", "variable", "dollar", "sign", "end"]

_TOKEN = re.compile(
    r"(?P<space>\s+|//[^\n]*|/\*.*?\*/)"
    r"|(?P<number>[0-9]+(?:\.[0-9]+)?)"
    r"|'(?P<string>(?:[^'\\]|\\.)*)'"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|`(?P<quoted>(?:[^`\\]|\\.)*)`"
    r"|@T(?P<time>[0-9]{2}(?::[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?)?)"
    r"|@(?P<moment>[0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2})?)?"
    r"(?:T(?:[0-9]{2}(?::[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?)?(?:Z|[+-][0-9]{2}:[0-9]{2})?)?)?)"
    r"|%(?P<variable>[A-Za-z_][A-Za-z0-9_-]*|`(?:[^`\\]|\\.)*`|'(?:[^'\\]|\\.)*')"
    r"|\$(?P<dollar>this|index|total)\b"
    r"|(?P<sign><=|>=|!=|!~|[+*/.,()\[\]{}|&=~<>-])",
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPED = {"`": "`", "'": "'", '"': '"', "\\": "\\", "/": "/", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


@dataclass(frozen=True, slots=True)
class Token:
    """One token and where it starts."""

    kind: Kind
    text: str
    at: int


def tokens_of(expression: str) -> list[Token]:
    """All tokens, ended by one of kind `end`; raises `PathError`."""
    if len(expression) > LENGTH_MAX:
        raise PathError("The FHIRPath expression is longer than {most} characters.", most=LENGTH_MAX)
    tokens: list[Token] = []
    at = 0
    while at < len(expression):
        found = _TOKEN.match(expression, at)
        if found is None:
            raise wrong(expression, at)
        kind = found.lastgroup
        if kind != "space":
            tokens.append(Token(kind, _text(kind, found[kind], expression, at), at))  # type: ignore[arg-type]
        at = found.end()
    tokens.append(Token("end", "", at))
    return tokens


def wrong(expression: str, at: int) -> PathError:
    """The error for what stands at a place."""
    seen = expression[at : at + 30] or "its end"
    return PathError("The FHIRPath expression cannot be read at character {at}: {seen}", at=at + 1, seen=seen)


def _text(kind: str | None, raw: str, expression: str, at: int) -> str:
    if kind == "variable" and raw[0] in "`'":
        raw, kind = raw[1:-1], "quoted"
    return _unescaped(raw, expression, at) if kind in ("string", "quoted") and "\\" in raw else raw


def _unescaped(raw: str, expression: str, at: int) -> str:
    def plain(found: re.Match[str]) -> str:
        code = found[1]
        if len(code) == 5:
            return chr(int(code[1:], 16))
        if code not in _ESCAPED:
            raise wrong(expression, at)
        return _ESCAPED[code]

    text = _ESCAPE.sub(plain, raw)
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")  # \ud83d\ude00 is one character
    except UnicodeDecodeError as lone:
        raise wrong(expression, at) from lone
