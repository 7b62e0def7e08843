r"""Regular expressions of FHIRPath, refused when they could take for ever: a repeat within a repeat that can share its text in many ways.

Python's engine goes back and tries again. What makes that explode is `(a+)+` or `(a|ab)*`: a repeated group whose rounds can be divided in
more than one way. A repeated group is taken when each round starts with a sign of its own that the repeats inside cannot take,
as in `(\.[^.]+)*`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

from xinglin.fhir.fhirpath.limits import PATTERN_MAX, PathError

_PIECE = re.compile(
    r"(?P<class>\[\^?\]?(?:\\.|[^\]\\])*\])|(?P<open>\((?:\?(?::|=|!|<=|<!|P?<[A-Za-z_]\w*>))?)|(?P<close>\))"
    r"|(?P<repeat>(?:[*+?]|\{[0-9]*,?[0-9]*\})[?+]?)|(?P<bar>\|)|(?P<escape>\\.)|(?P<end>\$)|(?P<plain>.)",
    re.DOTALL,
)
_SHORT, _LONG = 1_000, 10_000


@dataclass(slots=True)
class _Group:
    """What is known of an open group: its alternatives' first signs, and the atoms repeated without end inside it."""

    firsts: list[str | None] = field(default_factory=lambda: [None])
    started: list[bool] = field(default_factory=lambda: [False])
    repeated: list[str] = field(default_factory=list[str])


@lru_cache(maxsize=512)
def pattern_of(text: str) -> tuple[re.Pattern[str], int]:
    """The compiled pattern (`.` takes line ends, `$` only the end) and the longest text it may be tried on; raises `PathError`."""
    if len(text) > PATTERN_MAX:
        raise PathError("The regular expression is longer than {most} characters.", most=PATTERN_MAX)
    source, repeats = _checked(text)
    try:
        return re.compile(source, re.DOTALL), _LONG * 100 if repeats < 2 else _LONG if repeats < 4 else _SHORT
    except (re.error, RecursionError, OverflowError) as wrong:
        raise PathError("The regular expression {text} cannot be read: {why}.", text=text[:100], why=str(wrong)) from wrong


def _checked(text: str) -> tuple[str, int]:
    """The pattern in Python's words, and how many endless repeats it has."""
    groups, closed, last, out, repeats = [_Group()], _Group(), "", list[str](), 0
    for piece in _PIECE.finditer(text):
        kind, raw = piece.lastgroup, piece[0]
        out.append(r"\Z" if kind == "end" else raw)
        match kind:
            case "open":
                groups.append(_Group())
            case "close":
                closed = groups.pop() if len(groups) > 1 else _Group()
                _inherit(groups[-1], closed)
            case "bar":
                groups[-1].firsts.append(None)
                groups[-1].started.append(False)
            case "repeat":
                if _endless(raw):
                    repeats += 1
                    _repeat(groups[-1], closed if last == ")" else None, last, text)
                elif raw[0] in "?{" and groups[-1].firsts[-1] == last and _may_be_absent(raw):
                    groups[-1].firsts[-1] = None
            case _:
                _start(groups[-1], raw if kind in ("plain", "escape", "class") else None)
        last = raw if kind != "repeat" else ""
    return "".join(out), repeats


def _endless(repeat: str) -> bool:
    return repeat[0] in "*+" or (repeat.startswith("{") and "," in repeat and (repeat.rstrip("?+").endswith(",}") or len(repeat) > 7))


def _may_be_absent(repeat: str) -> bool:
    return repeat[0] == "?" or repeat.startswith(("{0", "{,"))


def _start(group: _Group, first: str | None) -> None:
    if not group.started[-1]:
        group.started[-1] = True
        group.firsts[-1] = None if first == "." else first


def _inherit(outer: _Group, closed: _Group) -> None:
    """A closed group is an atom of the one around it."""
    outer.repeated += closed.repeated
    _start(outer, closed.firsts[0] if len(closed.firsts) == 1 else None)


def _repeat(group: _Group, closed: _Group | None, last: str, text: str) -> None:
    if closed is None:
        group.repeated.append(last)
        if group.firsts[-1] == last:
            group.firsts[-1] = None
        return
    if closed.repeated or len(closed.firsts) > 1:
        signs = [_sign(first) for first in closed.firsts]
        apart = None not in signs and len(set(signs)) == len(signs)
        if not apart or any(_takes(atom, sign) for atom in closed.repeated for sign in signs if sign):
            raise PathError("The regular expression {text} has a repeat within a repeat that could take for ever.", text=text[:100])
    group.repeated.append(".")


def _sign(first: str | None) -> str | None:
    """The one character an atom stands for; None when it may be several."""
    if first is None or len(first) > 2 or (len(first) == 2 and first[1].isalnum()):
        return None
    return first[-1]


def _takes(atom: str, sign: str) -> bool:
    try:
        return re.fullmatch(atom, sign, re.DOTALL) is not None
    except re.error:
        return True
