"""A resident's consent as rules on access: permit or deny, by institution, person and purpose, for a time, of kinds of data.

Source: R4 Consent. The root provision is a rule, each nested one an exception to it, which goes before and holds within what it is an
exception to. A rule with a purpose holds for who acts for it; with classes for these resource types; with a restricted security label for
what is labelled most sensitive alone. Of several consents, what names who goes before what names nobody, then denial before permission.
A permission that is limited in a way not known here (codes, single data, periods of data, deeds) gives nothing, and a denial so limited
denies all that it may mean: nobody sees more than was permitted. What is a consent to a treatment says nothing of sharing.
What the law gives goes before any consent: one's own record, breaking the glass, and the duties of public health, insurance and the
platform itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC
from typing import Any

from xinglin.base.errors import Malformed
from xinglin.fhir.codec import Resource
from xinglin.fhir.dates import span_of
from xinglin.fhir.sensitivity import SENSITIVITIES
from xinglin.store.relations import ANYONE, FOREVER_US, Held, Relation

RESTRICTED_LABELS = frozenset({"R", "V", "5"}) | SENSITIVITIES
_ORDINARY_LABELS = frozenset({"U", "L", "M", "N", "1", "2", "3", "4"})
SENSITIVE = "sensitive"
"""The limit of a rule about what is labelled most sensitive alone."""
_PURPOSE = "purpose:"
_DEPTH_MAX = 4
_NOT_APPLIED = ("code", "data", "dataPeriod")
"""Limits of a provision that no predicate can hold to."""
_DEEDS = frozenset({"access", "use", "disclose", "collect"})
_SHARING = frozenset({"patient-privacy", "research"})
"""The scopes of a Consent that say who may see the record; an advance directive denies a treatment, not a look."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule that holds for an actor now. `depth`: 0 for a root, more for exceptions; `named`: it names who, not everyone.

    `source`: whatever tells its Consent from others: an exception goes before its own root alone.
    """

    permit: bool
    depth: int
    named: bool
    types: frozenset[str]
    sensitive: bool
    source: object = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a patient's rules come to: of everything and of single types, whether they permit (True), deny (False) or say nothing.

    `types` permits only where a rule names who: what is permitted to everyone opens nothing to who is no one's doctor.
    """

    whole: bool | None
    named: bool
    types: Mapping[str, bool]
    sensitive: bool | None


def consent_relations(one: Resource) -> Iterator[Relation]:
    """The rules of a Consent as relations of kinds `permit N` and `deny N` (N: the depth); none unless it is active."""
    type_, _, patient = one.get("patient", {}).get("reference", "").partition("/")
    scopes = {coding.get("code") for coding in one.get("scope", {}).get("coding", ())}
    if type_ != "Patient" or one.get("status") != "active" or not patient or (scopes and not scopes & _SHARING):
        return
    purposes = frozenset({"HRESCH"}) if scopes == {"research"} else None
    yield from _provision(one.get("provision", {}), _Bounds(patient, purposes=purposes))


@dataclass(frozen=True, slots=True)
class _Bounds:
    """Within what a provision holds: that of the provisions it is an exception to. None: no limit of this sort."""

    patient: str
    depth: int = 0
    starts: int = 0
    ends: int = FOREVER_US
    holders: tuple[str, ...] | None = None
    types: frozenset[str] | None = None
    purposes: frozenset[str] | None = None
    sensitive: bool = False
    known: bool = True

    @property
    def limits(self) -> tuple[str, ...]:
        purposes = (_PURPOSE + code for code in sorted(self.purposes or ()))
        return (*sorted(self.types or ()), *purposes, *((SENSITIVE,) if self.sensitive else ()))

    @property
    def holds(self) -> bool:
        """Whether there is anything left it could be about."""
        return self.starts < self.ends and self.types != frozenset() and self.purposes != frozenset()


def _provision(provision: Any, outer: _Bounds) -> Iterator[Relation]:
    bounds, word = _narrowed(provision, outer), provision.get("type")
    if bounds.holds and (word == "deny" or (word == "permit" and bounds.known)):
        for holder in (ANYONE,) if bounds.holders is None else bounds.holders:
            yield Relation(holder, bounds.patient, f"{word} {bounds.depth}", bounds.starts, bounds.ends, bounds.limits)
    if bounds.depth < _DEPTH_MAX:
        for nested in provision.get("provision", ()):
            yield from _provision(nested, replace(bounds, depth=bounds.depth + 1))


def _narrowed(provision: Any, outer: _Bounds) -> _Bounds:
    starts, ends = _bounds(provision.get("period"), (outer.starts, outer.ends))
    labels = _codes(provision, "securityLabel")
    deeds = {coding.get("code") for concept in provision.get("action", ()) for coding in concept.get("coding", ())}
    strange = any(name in provision for name in _NOT_APPLIED) or (deeds and not deeds & _DEEDS)
    strange = strange or labels - RESTRICTED_LABELS - _ORDINARY_LABELS
    holders, deny = outer.holders, provision.get("type") == "deny"
    if provision.get("actor"):
        named = tuple(dict.fromkeys(_holder(actor, deny=deny) for actor in provision["actor"]))
        holders = None if deny and "" in named else tuple(holder for holder in named if holder)
    return replace(
        outer, starts=starts, ends=ends, holders=holders, types=_within(outer.types, _codes(provision, "class")),
        purposes=_within(outer.purposes, _codes(provision, "purpose")), sensitive=outer.sensitive or bool(labels & RESTRICTED_LABELS),
        known=outer.known and not strange,
    )  # fmt: skip


def _holder(actor: Any, *, deny: bool) -> str:
    """Whom a provision's actor names, "" when it cannot be told: a permission is then for nobody, a denial for everybody."""
    reference = str(actor.get("reference", {}).get("reference", "")).partition("/_history/")[0]
    if "://" in reference:
        reference = "/".join(reference.split("/")[-2:]) if deny else ""
    return reference if reference.count("/") == 1 else ""


def _codes(provision: Any, name: str) -> frozenset[str]:
    return frozenset(coding["code"] for coding in provision.get(name, ()) if coding.get("code"))


def _within(outer: frozenset[str] | None, own: frozenset[str]) -> frozenset[str] | None:
    if not own:
        return outer
    return own if outer is None else outer & own


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
    return Rule(word == "permit", int(depth), named, types, SENSITIVE in held.limits, held.source)


def is_rule(kind: str) -> bool:
    """Whether a relation is a rule of consent."""
    return kind.startswith(("permit ", "deny "))


def verdict(rules: Collection[Rule]) -> Verdict:
    """What rules come to. In a Consent an exception goes before its root; then who is named before all, deny before permit."""
    whole = _first(rule for rule in rules if not rule.types and not rule.sensitive)
    sensitive = _first(rule for rule in rules if rule.sensitive and not (rule.permit and rule.types))
    types = sorted({type_ for rule in rules for type_ in rule.types})
    told: dict[str, bool] = {}
    for type_ in types:
        first = _first(rule for rule in rules if not rule.sensitive and (not rule.types or type_ in rule.types))
        if first is not None and (first.named or not first.permit):
            told[type_] = first.permit
    return Verdict(whole.permit if whole else None, whole.named if whole else False, told, sensitive.permit if sensitive else None)


def _first(rules: Iterable[Rule]) -> Rule | None:
    deepest: dict[object, Rule] = {}
    for rule in sorted(rules, key=lambda rule: (-rule.depth, not rule.named, rule.permit)):
        deepest.setdefault(rule.source, rule)
    return min(deepest.values(), key=lambda rule: (not rule.named, rule.permit), default=None)
