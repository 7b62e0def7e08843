"""Required bindings: the code, or a coding of the concept, is in the value set. Only value sets that can be enumerated are checked."""

from __future__ import annotations

from typing import Any

from xinglin.fhir.definitions import value_set
from xinglin.fhir.validation.findings import Check, Found, Scope, error, kind_of, shown

Parts = tuple[tuple[str, frozenset[str]], ...]


def bound(kind: str, url: str, base: Check) -> Check:
    """`base` and then the binding, for elements of type code, Coding, CodeableConcept (others have no codes)."""
    parts = value_set(url)
    return base if parts is None else in_set(kind, url, parts, base)


def in_set(kind: str, url: str, parts: Parts, base: Check) -> Check:
    """`base` and then membership of the codes in `parts`."""
    if kind == "CodeableConcept":
        return _concept_in(url, parts, base)
    if kind == "Coding":
        return _coding_in(url, parts, base)
    return _code_in(url, parts) if kind == "code" else base


def _code_in(url: str, parts: Parts) -> Check:
    codes = frozenset[str]().union(*(codes for _, codes in parts))

    def check(value: Any, _scope: Scope) -> Found:
        if type(value) is str and value in codes:
            return None
        if type(value) is not str:
            return error("structure", f"A code is a JSON string, not {kind_of(value)}.")
        return error("code-invalid", f"{shown(value)} is not one of the codes of {url}.")

    return check


def _coding_in(url: str, parts: Parts, base: Check) -> Check:
    def check(value: Any, scope: Scope) -> Found:
        found = base(value, scope)
        if found is not None or is_in(value, parts) or _only_extended(value):
            return found
        return error("code-invalid", f"{shown(value.get('code'))} of {shown(value.get('system'))} is not in {url}.")

    return check


def _concept_in(url: str, parts: Parts, base: Check) -> Check:
    def check(value: Any, scope: Scope) -> Found:
        found = base(value, scope)
        if found is not None or any(is_in(coding, parts) for coding in value.get("coding", ())) or _only_extended(value):
            return found
        return error("code-invalid", f"No coding of this concept is in {url}, which is required.")

    return check


def is_in(coding: Any, parts: Parts) -> bool:
    """Whether a Coding is a member."""
    system, code = coding.get("system"), coding.get("code")
    return any(code in codes and system == of for of, codes in parts)


def _only_extended(value: dict[str, Any]) -> bool:
    """A value that only an extension explains (data-absent-reason) has no code to check."""
    return not (value.keys() - {"id", "extension"})
