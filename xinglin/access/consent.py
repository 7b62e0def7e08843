"""A resident's consent as rules on access: permit or deny, by institution, person and purpose, for a time, of kinds of data.

Source: R4 Consent. The root provision is a rule, each nested one an exception to it, which goes before. A rule with a purpose holds for
who acts for it; with classes for these resource types; with a restricted security label for what is labelled most sensitive alone.
What the law gives goes before any consent: one's own record, breaking the glass, and the duties of public health, insurance and the
platform itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from xinglin.base.errors import Malformed
from xinglin.fhir.codec import Resource
from xinglin.fhir.dates import span_of
from xinglin.store.relations import ANYONE, FOREVER_US, Held, Relation

RESTRICTED_LABELS = frozenset({"R", "V", "5"})
SENSITIVE = "sensitive"
"""The limit of a rule about what is labelled most sensitive alone."""
_PURPOSE = "purpose:"
_DEPTH_MAX = 4


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule that holds for an actor now. `depth`: 0 for a root, more for exceptions; `named`: it names who, not everyone."""

    permit: bool
    depth: int
    named: bool
    types: frozenset[str]
    sensitive: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a patient's rules come to: of everything and of single types, whether they permit (True), deny (False) or say nothing."""

    whole: bool | None
    named: bool
    types: Mapping[str, bool]
    sensitive: bool | None


def consent_relations(one: Resource) -> Iterator[Relation]:
    """The rules of a Consent as relations of kinds `permit N` and `deny N` (N: the depth); none unless it is active."""
    type_, _, patient = one.get("patient", {}).get("reference", "").partition("/")
    if type_ != "Patient" or one.get("status") != "active" or not patient:
        return
    yield from _provision(one.get("provision", {}), patient, 0, (0, FOREVER_US))


def _provision(provision: Any, patient: str, depth: int, within: tuple[int, int]) -> Iterator[Relation]:
    starts, ends = _bounds(provision.get("period"), within)
    kind = f"{provision.get('type', '')} {depth}"
    if provision.get("type") in ("permit", "deny") and starts < ends:
        holders = [reference for actor in provision.get("actor", ()) if (reference := actor.get("reference", {}).get("reference"))]
        for holder in holders or [ANYONE]:
            yield Relation(holder, patient, kind, starts, ends, tuple(_limits(provision)))
    if depth < _DEPTH_MAX:
        for nested in provision.get("provision", ()):
            yield from _provision(nested, patient, depth + 1, (starts, ends))


def _limits(provision: Any) -> Iterator[str]:
    yield from sorted(coding["code"] for coding in provision.get("class", ()) if coding.get("code"))
    yield from sorted(_PURPOSE + coding["code"] for coding in provision.get("purpose", ()) if coding.get("code"))
    if any(coding.get("code") in RESTRICTED_LABELS for coding in provision.get("securityLabel", ())):
        yield SENSITIVE


def _bounds(period: Any, within: tuple[int, int]) -> tuple[int, int]:
    starts, ends = within
    try:
        if period and period.get("start"):
            starts = max(starts, span_of(str(period["start"]), UTC)[0])
        if period and period.get("end"):
            ends = min(ends, span_of(str(period["end"]), UTC)[1])
    except Malformed:
        return 0, 0  # a rule whose time cannot be read holds at no time
    return starts, ends


def rule_of(held: Held, *, named: bool, purpose: str) -> Rule | None:
    """The rule a relation stands for; None when it is for another purpose."""
    word, _, depth = held.kind.partition(" ")
    purposes = [limit.removeprefix(_PURPOSE) for limit in held.limits if limit.startswith(_PURPOSE)]
    if purposes and purpose not in purposes:
        return None
    types = frozenset(limit for limit in held.limits if limit != SENSITIVE and not limit.startswith(_PURPOSE))
    return Rule(word == "permit", int(depth), named, types, SENSITIVE in held.limits)


def is_rule(kind: str) -> bool:
    """Whether a relation is a rule of consent."""
    return kind.startswith(("permit ", "deny "))


def verdict(rules: Collection[Rule]) -> Verdict:
    """What rules come to. An exception goes before its root, a rule that names who before one for all; else deny goes before permit."""
    whole = _first(rule for rule in rules if not rule.types and not rule.sensitive)
    sensitive = _first(rule for rule in rules if rule.sensitive)
    types = sorted({type_ for rule in rules for type_ in rule.types})
    told: dict[str, bool] = {}
    for type_ in types:
        first = _first(rule for rule in rules if not rule.sensitive and (not rule.types or type_ in rule.types))
        if first is not None:
            told[type_] = first.permit
    return Verdict(whole.permit if whole else None, whole.named if whole else False, told, sensitive.permit if sensitive else None)


def _first(rules: Iterable[Rule]) -> Rule | None:
    return min(rules, key=lambda rule: (-rule.depth, not rule.named, rule.permit), default=None)
