"""`$validate-code` of CodeSystem and ValueSet: is this code one of them, and is it called so.

Source: https://hl7.org/fhir/R4/codesystem-operation-validate-code.html and https://hl7.org/fhir/R4/valueset-operation-validate-code.html
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from xinglin.base.errors import Malformed, NotFound
from xinglin.fhir.codec import Resource
from xinglin.fhir.terminology.arguments import (
    Arguments,
    Coding,
    Input,
    parameter,
    parameters,
    read_arguments,
)
from xinglin.fhir.terminology.canonical import join, split
from xinglin.fhir.terminology.members import Members
from xinglin.fhir.terminology.registry import Terminology
from xinglin.fhir.terminology.system import (
    System,
    designations,
    display,
    find,
    is_abstract,
    make_system,
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer: `text` says why not, or what is doubtful; `name` is what the code is called."""

    valid: bool
    text: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class _Manner:
    """How to judge: the language of displays, and whether abstract codes are refused."""

    language: str | None
    abstract: bool | None


def validate_code_in_system(terminology: Terminology, given: Input, id: str | None = None) -> Resource:
    """CodeSystem/$validate-code. Raises `NotFound` when the code system is not loaded."""
    asked = read_arguments(given)
    sent = asked.resource("codeSystem", "CodeSystem") or (terminology.by_id("CodeSystem", id) if id else None)
    if id and sent is None:
        raise NotFound("CodeSystem/{id} is not loaded.", id=id)
    named, version = split((sent or {}).get("url") or asked.text("url") or "")
    version = asked.text("version") or version
    manner = _Manner(asked.text("displayLanguage"), asked.flag("abstract"))

    def judge(coding: Coding) -> Verdict:
        url = named or coding.system or ""
        if coding.system not in (None, url):
            return Verdict(False, f"The coding is of {coding.system}, not of {url}.")
        system = make_system(sent) if sent else terminology.system(url, coding.version or version)
        if system is None:
            raise NotFound("The code system {system} is not loaded.", system=join(url, coding.version or version))
        return _in_system(system, coding, manner)

    codings = _codings(asked, system=named or None)
    if not named and any(coding.system is None for coding in codings):
        raise Malformed("Name the code system by url, or give the coding a system.")
    return _answer([judge(coding) for coding in codings])


def validate_code_in_value_set(terminology: Terminology, given: Input, id: str | None = None) -> Resource:
    """ValueSet/$validate-code. Raises `NotFound` when the value set is not loaded."""
    asked = read_arguments(given)
    members = _members(terminology, asked, id)
    manner = _Manner(asked.text("displayLanguage"), asked.flag("abstract"))
    codings = _codings(asked, system=asked.text("system"), version=asked.text("systemVersion"))
    if asked.flag("inferSystem"):
        codings = [_inferred(coding, members) for coding in codings]
    if asked.text("code") and any(coding.system is None for coding in codings):
        raise Malformed("Give the system of the code.")
    return _answer([_in_value_set(terminology, members, coding, manner) for coding in codings])


def _codings(asked: Arguments, *, system: str | None, version: str | None = None) -> list[Coding]:
    """The one code, the one coding, or all codings of the CodeableConcept."""
    code, coding, concept = asked.text("code"), asked.coding("coding"), asked.one("codeableConcept")
    if (code is not None) + (coding is not None) + (concept is not None) != 1:
        raise Malformed("Give one of code, coding and codeableConcept.")
    if code is not None:
        return [Coding(system, version, code, asked.text("display"))]
    return [coding] if coding else list(asked.codings("codeableConcept"))


def _members(terminology: Terminology, asked: Arguments, id: str | None) -> Members:
    sent = asked.resource("valueSet", "ValueSet") or (terminology.by_id("ValueSet", id) if id else None)
    if sent is not None:
        return terminology.members_of(sent)
    url, version = split(asked.text("url") or "")
    if not url and not id:
        raise Malformed("Name the value set by url, or send it as valueSet.")
    canonical = join(url, asked.text("valueSetVersion") or version)
    members = None if id else terminology.members(canonical)
    if members is None:
        raise NotFound("The value set {canonical} is not loaded.", canonical=id or canonical)
    return members


def _inferred(coding: Coding, members: Members) -> Coding:
    """The coding with the one system of the value set that has its code."""
    systems = [url for url, codes in members.codes.items() if coding.code in codes]
    return Coding(systems[0], coding.version, coding.code, coding.text) if coding.system is None and len(systems) == 1 else coding


def _answer(verdicts: list[Verdict]) -> Resource:
    """Valid when one coding is (a CodeableConcept has several); else what was wrong with each."""
    best = next((verdict for verdict in verdicts if verdict.valid), None)
    text = best.text if best else " ".join(v.text for v in verdicts if v.text) or "There is no code to validate."
    name = best.name if best else next((v.name for v in verdicts if v.name), None)
    return parameters(
        parameter("result", "Boolean", best is not None), parameter("message", "String", text), parameter("display", "String", name)
    )


# --- one coding ---


def _in_system(system: System, coding: Coding, manner: _Manner) -> Verdict:
    code = find(system, coding.code)
    if code is None:
        partial = system.resource.get("content") in ("fragment", "example", "not-present")
        why = f" Only a part of it is loaded ({system.resource['content']}), so the code may be right all the same." if partial else ""
        return Verdict(False, f"The code {coding.code} is not in {system.url}.{why}")
    if manner.abstract is False and is_abstract(system, code):
        return Verdict(False, f"The code {code} of {system.url} is abstract: it groups others and is not for use.", display(system, code))
    return _named(code, coding.text, display(system, code, manner.language), lambda: _names(system, code))


def _in_value_set(terminology: Terminology, members: Members, coding: Coding, manner: _Manner) -> Verdict:
    url, code = coding.system or "", coding.code
    version = coding.version or members.versions.get(url)
    system = terminology.system(url, version)
    code = (find(system, code) if system else None) or code
    if not members.has(url, code):
        why = f" {members.missing[0]} is not loaded, so this is not certain." if members.missing else ""
        unknown = f" {url} has no such code." if system and code not in system.concepts else ""
        return Verdict(False, f"The code {code} of {url} is not in the value set.{unknown}{why}")
    used = members.versions.get(url)
    if coding.version and used and coding.version != used:
        return Verdict(False, f"The value set has version {used} of {url}, not {coding.version}.")
    said = members.stated.get((url, code), {})
    system = system if system and code in system.concepts else None
    abstract = is_abstract(system, code) if system else said.get("abstract", False)
    name = said.get("display") or (display(system, code, manner.language) if system else None)
    if manner.abstract is False and abstract:
        return Verdict(False, f"The code {code} of {url} is abstract: it groups others and is not for use.", name)
    own = [said["display"]] if "display" in said else []
    own += [x.get("value", "") for x in said.get("designation", ())]
    return _named(code, coding.text, name, lambda: own + (_names(system, code) if system else []))


def _named(code: str, given: str | None, name: str | None, names: Callable[[], list[str]]) -> Verdict:
    """Whether the display given is one of the code's; letter case and spacing do not matter. Without known names any will do."""
    if given is None or (name is not None and _plain(given) == _plain(name)):
        return Verdict(True, None, name)
    known = names()
    if not known or _plain(given) in map(_plain, known):
        return Verdict(True, None, name)
    return Verdict(False, f"The code {code} is not called “{given}” but “{name or known[0]}”.", name)


def _names(system: System, code: str) -> list[str]:
    own = system.concepts[code].get("display")
    return ([own] if own else []) + [said.get("value", "") for said in designations(system, code)]


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()
