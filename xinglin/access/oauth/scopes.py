"""SMART scopes: read, reduced to what a role may do, and asked what they permit. Pure.

Source: SMART App Launch 2.2, Scopes and Launch Context. Version 1 scopes (`patient/*.read`) mean what version 2 says they do: `.read` is
`rs`, `.write` is `cud`, `.*` is `cruds`. Scopes of version 1 and unknown ones are never widened; what cannot be read is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal
from urllib.parse import parse_qsl

from xinglin.access.policy import allowed
from xinglin.base.errors import XinglinError
from xinglin.fhir.definitions import RESOURCE_TYPES
from xinglin.fhir.search.grammar import read_search
from xinglin.fhir.search.model import All, Clause, Some, Term

Whose = Literal["patient", "user", "system"]
LETTERS = "cruds"
SCOPES_MAX = 100
SCOPE_CHARACTERS_MAX = 4000
"""Of all scopes of one request together: they travel in every access token."""

PLAIN = ("openid", "fhirUser", "profile", "launch", "launch/patient", "launch/encounter", "offline_access", "online_access")
"""Scopes that are about the person and the launch, not about data."""

_FORM = re.compile(r"(patient|user|system)/(\*|[A-Z][A-Za-z]+)\.(read|write|\*|[cruds]{1,5})(?:\?(\S+))?\Z")
_VERSION_1 = {"read": "rs", "write": "cud", "*": "cruds"}
_DEEDS = {
    "c": ("create",), "r": ("read", "vread", "history"), "u": ("update", "patch"), "d": ("delete",), "s": ("search",),
}  # fmt: skip
_LETTERS_OF = {deed: letter for letter, deeds in _DEEDS.items() for deed in deeds} | {"export": "rs", "import": "cu"}
_TYPES = frozenset(RESOURCE_TYPES)


@dataclass(frozen=True, slots=True)
class Scope:
    """One scope about data. `type` "*": every type. `query`: the search its resources must match, "" = all."""

    whose: Whose
    type: str
    letters: str
    query: str = ""

    def __str__(self) -> str:
        return f"{self.whose}/{self.type}.{self.letters}" + (f"?{self.query}" if self.query else "")

    def covers(self, type_: str) -> bool:
        """Whether it is about a type."""
        return self.type in ("*", type_)


@lru_cache(maxsize=4096)
def parse(text: str) -> Scope | None:
    """A scope about data, None for any other text: one of another form, of a type there is not, with a search that cannot be read."""
    found = _FORM.match(text)
    if found is None:
        return None
    type_, letters, query = found.group(2, 3, 4)
    whose: Whose = "patient" if found[1] == "patient" else "user" if found[1] == "user" else "system"
    wanted = _VERSION_1.get(letters) or letters
    if "".join(letter for letter in LETTERS if letter in wanted) != wanted:  # the standard's order, each once
        return None
    if type_ != "*" and type_ not in _TYPES:
        return None
    if query is not None and (letters in _VERSION_1 or not _readable(type_, query)):
        return None
    return Scope(whose, type_, wanted, query or "")


def _readable(type_: str, query: str) -> bool:
    """Whether the search could narrow: criteria only, all known. `*` takes none: a criterion differs between types."""
    if type_ == "*":
        return False
    try:
        read = read_search(type_, parse_qsl(query, keep_blank_values=True), strict=True)
    except XinglinError:
        return False
    shapes = read.includes or read.order or read.elements or read.summary or read.cursor or read.total or read.count is not None
    return bool(read.where.terms) and not shapes and _plain(read.where)


def _plain(term: Term) -> bool:
    """Whether one resource alone can tell: no chains, no lists, no terminology."""
    if isinstance(term, Clause):
        return term.param.name != "_list" and term.modifier not in ("in", "not-in", "above", "below")
    return isinstance(term, All | Some) and all(_plain(part) for part in term.terms)


def listed(text: str) -> tuple[str, ...]:
    """The scopes of a request's text, each once, those that can be understood, version 1 put as version 2."""
    parts = tuple(dict.fromkeys(text.split()))
    if len(parts) > SCOPES_MAX or len(text) > SCOPE_CHARACTERS_MAX:
        return ()
    return tuple(dict.fromkeys(said for part in parts if (said := _said(part))))


def _said(part: str) -> str:
    if part in PLAIN:
        return part
    scope = parse(part)
    return str(scope) if scope else ""


def within(asked: Iterable[str], registered: Iterable[str]) -> tuple[str, ...]:
    """What of the asked scopes an application registered with `registered` may have: letters and types that one of those covers."""
    most = tuple(registered)
    wide = [scope for text in most if (scope := parse(text))]
    kept: list[str] = []
    for text in asked:
        scope = parse(text)
        cut = _cut(scope, wide) if scope else None
        if cut or (scope is None and text in most):
            kept.append(str(cut or text))
    return tuple(dict.fromkeys(kept))


def _cut(scope: Scope, wide: Iterable[Scope]) -> Scope | None:
    """A scope with the letters that some registered scope gives for its type, of the same narrowing or wider."""
    fitting = [one for one in wide if one.whose == scope.whose and one.type in ("*", scope.type) and one.query in ("", scope.query)]
    letters = "".join(letter for letter in scope.letters if any(letter in one.letters for one in fitting))
    return Scope(scope.whose, scope.type, letters, scope.query) if letters else None


def reduced(asked: Iterable[str], role: str) -> tuple[str, ...]:
    """Those scopes, and of each those letters, that mean something for a role: what the role may do to no type of it is taken away.

    A wildcard keeps a letter when the role may do it to any type; each interaction is checked against the role again.
    """
    return tuple(said for text in asked if (said := _reduced(text, role)))


def _reduced(text: str, role: str) -> str:
    scope = parse(text)
    if scope is None:
        return text
    types = RESOURCE_TYPES if scope.type == "*" else (scope.type,)
    letters = "".join(one for one in scope.letters if any(allowed(role, deed, type_) for deed in _DEEDS[one] for type_ in types))
    return str(Scope(scope.whose, scope.type, letters, scope.query)) if letters else ""


@lru_cache(maxsize=8192)
def permits(scopes: tuple[str, ...], type_: str | None, interaction: str) -> bool:
    """Whether scopes permit an interaction on a type; None: on the whole system, which needs `*` without narrowing."""
    wanted = _LETTERS_OF.get(interaction, "")
    own = [scope for text in scopes if (scope := parse(text)) and scope.type in ("*", type_)]
    return bool(wanted) and all(any(letter in scope.letters for scope in own) for letter in wanted)


@lru_cache(maxsize=8192)
def narrowing(scopes: tuple[str, ...], type_: str, letter: str = "s") -> tuple[str, ...] | None:
    """The searches of which a resource of the type must match one, for an interaction's letter; None = no limit, () = nothing passes."""
    own = [scope for text in scopes if (scope := parse(text)) and scope.covers(type_) and letter in scope.letters]
    if any(not scope.query for scope in own):
        return None
    return tuple(dict.fromkeys(scope.query for scope in own))


def about_patient(scopes: Iterable[str]) -> bool:
    """Whether any scope is confined to the launch's patient."""
    return any((scope := parse(text)) is not None and scope.whose == "patient" for text in scopes)


def needs_patient(scopes: Iterable[str]) -> bool:
    """Whether a patient must be chosen before a code can be given."""
    asked = tuple(scopes)
    return "launch/patient" in asked or about_patient(asked)
