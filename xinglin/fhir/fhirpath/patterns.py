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
_SAMPLE = frozenset(map(chr, range(256))) | {"\u4e2d", "\u0416", "\u0660", "\u2028"}
_NO_SIGN = frozenset[str]()
_REPEATS_MAX = 20
"""Repeats of one pattern: each `a?` of a row can double the ways to read a text."""


_Signs = frozenset[str]


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a group: the signs it may take more or fewer of, and the signs it must start with (None: it may be absent)."""

    free: _Signs
    lead: _Signs | None


@dataclass(slots=True)
class _Group:
    """An open group. For each alternative: its first and last atom (None: not known, or may be absent), and how many atoms it has so far.

    `parts` in their order; `unclear`: two of them can share one text in several ways.
    """

    firsts: list[str | None] = field(default_factory=lambda: [None])
    lasts: list[str | None] = field(default_factory=lambda: [None])
    counts: list[int] = field(default_factory=lambda: [0])
    parts: list[_Part] = field(default_factory=list[_Part])
    unclear: bool = False

    @property
    def free(self) -> _Signs:
        """All signs that some part may take more or fewer of."""
        return _NO_SIGN.union(*(part.free for part in self.parts))


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
    """The pattern in Python's words, and how many repeats it has."""
    groups, closed, last, out, repeats = [_Group()], _Group(), "", list[str](), 0
    for piece in _PIECE.finditer(text):
        kind, raw = piece.lastgroup, piece[0]
        out.append(r"\Z" if kind == "end" else raw)
        match kind:
            case "open":
                groups.append(_Group())
            case "close":
                closed = groups.pop() if len(groups) > 1 else _Group()
                closed.unclear = closed.unclear or not _differ(closed) or _shared(closed.parts)
                _atom(groups[-1], closed.firsts[0] if len(closed.firsts) == 1 else None)
                groups[-1].unclear = groups[-1].unclear or closed.unclear
                groups[-1].parts += closed.parts
            case "bar":
                for edge in (groups[-1].firsts, groups[-1].lasts):
                    edge.append(None)
                groups[-1].counts.append(0)
            case "repeat":
                repeats += 1
                _repeat(groups[-1], closed if last == ")" else None, last, raw, text)
            case _:
                if raw not in ("^", "$"):
                    _atom(groups[-1], raw)
                    groups[-1].parts.append(_Part(_NO_SIGN, _signs(raw)))
        last = raw if kind != "repeat" else ""
    if repeats > _REPEATS_MAX:
        raise _endless(text)
    return "".join(out), repeats


def _atom(group: _Group, atom: str | None) -> None:
    group.counts[-1] += 1
    group.lasts[-1] = atom
    if group.counts[-1] == 1:
        group.firsts[-1] = atom


def _repeat(group: _Group, closed: _Group | None, last: str, repeat: str, text: str) -> None:
    fixed = re.fullmatch(r"\{[0-9]+\}", repeat) is not None
    if not fixed:
        group.lasts[-1] = None  # no longer what every round ends with, once
        group.firsts[-1] = None if group.counts[-1] == 1 else group.firsts[-1]
    if closed is None:
        if not fixed and group.parts:
            group.parts[-1] = _Part(_signs(last), None)
        return
    if repeat[0] != "?" and (closed.unclear or (closed.free and not _apart(closed))):
        raise _endless(text)
    if not fixed:
        del group.parts[len(group.parts) - len(closed.parts) :]
        lead = _signs(closed.firsts[0]) if len(closed.firsts) == 1 and closed.firsts[0] else None
        group.parts.append(_Part(closed.free | (lead if lead is not None else _SAMPLE), lead))


def _shared(parts: list[_Part]) -> bool:
    """Whether two parts can share a text: what both may take, with nothing between them that tells where the one ends."""
    for place, part in enumerate(parts):
        for after in range(place + 1, len(parts)):
            between = parts[place + 1 : after + 1]
            if part.free & parts[after].free and not any(one.lead is not None and not one.lead & part.free for one in between):
                return True
    return False


def _apart(group: _Group) -> bool:
    """Whether a text shows by itself where each round of a repeated group begins or ends."""
    edges = [group.firsts, group.lasts] if len(group.lasts) == 1 else [group.firsts]
    return any(all(atom is not None and not _signs(atom) & group.free for atom in edge) for edge in edges)


def _differ(group: _Group) -> bool:
    """Whether the first sign of a text tells which alternative it is."""
    signs = [_signs(first) for first in group.firsts]
    return len(signs) == 1 or (None not in group.firsts and sum(map(len, signs)) == len(_NO_SIGN.union(*signs)))


def _endless(text: str) -> PathError:
    return PathError("The regular expression {text} has a repeat within a repeat that could take for ever.", text=text[:100])


@lru_cache(maxsize=2048)
def _signs(atom: str | None) -> _Signs:
    """Which of a sample of characters an atom takes; all of them where that is not known."""
    if atom is None:
        return _SAMPLE
    try:
        return frozenset(sign for sign in _SAMPLE if re.fullmatch(atom, sign, re.DOTALL))
    except re.error:
        return _SAMPLE
