"""An act of the ledger as a FHIR R4 AuditEvent, in the manner of IHE Basic Audit Log Patterns (ITI BALP 1.1: RESTful activities).

The ledger's row is the truth, this is how it is told. What the patterns have no code for carries our own, `urn:xinglin:interaction`.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from xinglin.base.clock import instant
from xinglin.base.ids import is_id
from xinglin.fhir.codec import Resource
from xinglin.fhir.definitions import RESOURCE_TYPES
from xinglin.store.ledger.looking import REFUSED_FROM, Act

GROUND = "urn:xinglin:extension:audit-ground"
"""The extension that says on what ground an act was allowed: a care relationship, a role, broken glass."""
INTERACTION, ROLE = "urn:xinglin:interaction", "urn:xinglin:role"
BREAK_GLASS = "break-glass"
_TYPE = "http://terminology.hl7.org/CodeSystem/audit-event-type"
_REST = "http://hl7.org/fhir/restful-interaction"
_DICOM = "http://dicom.nema.org/resources/ontology/DCM"
_ENTITY, _OBJECT_ROLE = "http://terminology.hl7.org/CodeSystem/audit-entity-type", "http://terminology.hl7.org/CodeSystem/object-role"
_REASON, _PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ActReason", "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
_REQUEST = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType"
_TYPES = frozenset(RESOURCE_TYPES)


@dataclass(frozen=True, slots=True)
class Form:
    """How an interaction is told: its type, its standard subtypes, its action (C, R, U, D, E)."""

    type: tuple[str, str, str]
    action: str
    subtypes: tuple[tuple[str, str, str], ...] = ()


def _rest(action: str, *codes: str) -> Form:
    return Form((_TYPE, "rest", "Restful Operation"), action, tuple((_REST, code, code) for code in codes))


def _dicom(type_: tuple[str, str], action: str, *subtypes: tuple[str, str]) -> Form:
    return Form((_DICOM, *type_), action, tuple((_DICOM, *one) for one in subtypes))


_AUTHENTICATION, _ALERT = ("110114", "User Authentication"), ("110113", "Security Alert")
FORMS: dict[str, Form] = {
    "read": _rest("R", "read"), "vread": _rest("R", "vread"), "capabilities": _rest("R", "capabilities"),
    **{name: _rest("R", name) for name in ("history-instance", "history-type", "history-system")},
    **{name: _rest("E", "search", name) for name in ("search-type", "search-system")},
    "create": _rest("C", "create"), "update": _rest("U", "update"), "patch": _rest("U", "patch"), "delete": _rest("D", "delete"),
    **{name: _rest("E", name) for name in ("batch", "transaction", "operation")},
    "page-get": _rest("R"), "page-head": _rest("R"), "page-post": _rest("E"), "reveal": _rest("R"),
    "export": _dicom(("110106", "Export"), "R"), "print": _dicom(("110106", "Export"), "R"), "import": _dicom(("110107", "Import"), "C"),
    "sign-in": _dicom(_AUTHENTICATION, "E", ("110122", "Login")), "sign-out": _dicom(_AUTHENTICATION, "E", ("110123", "Logout")),
    "second-factor": _dicom(_AUTHENTICATION, "E"), "step-up": _dicom(_AUTHENTICATION, "E"),
    BREAK_GLASS: _dicom(_ALERT, "E", ("110127", "Emergency Override Started")),
    **{name: _dicom(_ALERT, "U", ("110137", "User Security Attributes Changed")) for name in ("password-change", "factor-change")},
    "permission": _dicom(_ALERT, "U", ("110136", "Security Roles Changed")),
}  # fmt: skip
"""How each interaction is told; any other is an application activity (`OTHER`)."""
OTHER = _dicom(("110100", "Application Activity"), "E")

_PURPOSES = {
    **dict.fromkeys(("doctor", "nurse", "pharmacist", "dispatcher"), "TREAT"), "registrar": "HOPERAT", "public_health": "PUBHLTH",
    "insurer": "HPAYMT", "regulator": "HOPERAT", "resident": "PATRQT",
    **dict.fromkeys(("system_admin", "security_admin", "audit_admin", "system", "reader"), "HSYSADMIN"),
}  # fmt: skip


def form_of(interaction: str) -> Form:
    """How an interaction is told."""
    return FORMS.get(interaction, OTHER)


def event(act: Act, ids: Mapping[int, str], observer: str) -> Resource:
    """The AuditEvent of an act. `ids`: logical ids of its patients, by number; `observer`: who kept the row, shown as its source."""
    form = form_of(act.interaction)
    told: Resource = {"resourceType": "AuditEvent", "id": str(act.n), "meta": {"versionId": "1", "lastUpdated": instant(act.at)}}
    if act.ground:
        told["extension"] = [{"url": GROUND, "valueString": act.ground}]
    told |= {
        "type": _coding(*form.type),
        "subtype": [*(_coding(*one) for one in form.subtypes), {"system": INTERACTION, "code": act.interaction}],
        "action": form.action,
        "recorded": instant(act.at),
        "outcome": outcome_of(act.status),
    }
    if act.status >= REFUSED_FROM:
        told["outcomeDesc"] = f"HTTP {act.status}"
    told["purposeOfEvent"] = [{"coding": [{"system": _REASON, "code": code}]} for code in _purposes(act)]
    told["agent"] = _agents(act, form, observer)
    told["source"] = {"observer": {"display": observer}, "type": [_coding(_SOURCE, "4", "Application Server")]}
    if entities := _entities(act, ids):
        told["entity"] = entities
    return told


_SOURCE = "http://terminology.hl7.org/CodeSystem/security-source-type"


def outcome_of(status: int) -> str:
    """The outcome of an HTTP status: 0 done, 4 refused, 8 failed (R4 audit-event-outcome)."""
    return "0" if status < REFUSED_FROM else "4" if status < 500 else "8"


def statuses_of(outcome: str) -> tuple[int, int] | None:
    """[from, to) of the statuses with an outcome; None when no status has it."""
    return {"0": (0, REFUSED_FROM), "4": (REFUSED_FROM, 500), "8": (500, 1000)}.get(outcome)


def _agents(act: Act, form: Form, observer: str) -> list[Resource]:
    """Who asked, from which machine, and who answered. A read flows to the client, all else from it (BALP, as in DICOM)."""
    asks, answers = ("110152", "Destination Role ID"), ("110153", "Source Role ID")
    if form.action != "R":
        asks, answers = answers, asks
    user: Resource = {
        "type": {"coding": [{"system": _PARTICIPATION, "code": "IRCP" if form.action in ("R", "E") else "AUT"}]},
        "role": [{"coding": [{"system": ROLE, "code": act.role}]}],
        "who": {"identifier": {"value": act.actor}},
        "requestor": True,
    }
    client: Resource = {"type": {"coding": [_coding(_DICOM, *asks)]}, "requestor": False}
    if act.address:
        client["network"] = {"address": act.address, "type": "2"}
    server: Resource = {"type": {"coding": [_coding(_DICOM, *answers)]}, "who": {"display": observer}, "requestor": False}
    return [user, client, server] if act.address else [user, server]


def _entities(act: Act, ids: Mapping[int, str]) -> list[Resource]:
    found: list[Resource] = []
    if act.type in _TYPES and act.id and is_id(act.id):
        found.append(_entity("2", "System Object", "4", "Domain Resource", {"reference": f"{act.type}/{act.id}"}))
    elif act.type or act.id:
        found.append({"type": _coding(_ENTITY, "2", "System Object"), "name": "/".join(part for part in (act.type, act.id) if part)})
    shown = [f"Patient/{ids[number]}" for number in act.patients if number in ids]
    found += [_entity("1", "Person", "1", "Patient", {"reference": reference}) for reference in shown]
    if act.query:
        asked: Resource = {"type": _coding(_ENTITY, "2", "System Object"), "role": _coding(_OBJECT_ROLE, "24", "Query")}
        found.append({**asked, "query": base64.b64encode(act.query.encode()).decode()})
    if act.request:
        found.append({"what": {"identifier": {"value": act.request}}, "type": {"system": _REQUEST, "code": "XrequestId"}})
    return found


def _entity(type_: str, type_name: str, role: str, role_name: str, what: Resource) -> Resource:
    return {"what": what, "type": _coding(_ENTITY, type_, type_name), "role": _coding(_OBJECT_ROLE, role, role_name)}


def _purposes(act: Act) -> Iterable[str]:
    if act.ground and BREAK_GLASS in act.ground:
        return ("BTG", "ETREAT")
    return (_PURPOSES.get(act.role, "HOPERAT"),)


def _coding(system: str, code: str, display: str) -> Resource:
    return {"system": system, "code": code, "display": display}


# --- which interactions are meant ---


@dataclass(frozen=True, slots=True)
class Interactions:
    """A set of interactions: those of `only` (None: all there are, known or not) but for `without`."""

    only: frozenset[str] | None = None
    without: frozenset[str] = frozenset()

    def also(self, other: Interactions) -> Interactions:
        """What is in both."""
        without = self.without | other.without
        if self.only is None and other.only is None:
            return Interactions(None, without)
        sets = [only for only in (self.only, other.only) if only is not None]
        return Interactions(frozenset.intersection(*sets) - without)


def of_action(action: str) -> Interactions:
    """The interactions of an action."""
    return _where(lambda form: form.action == action)


def of_type(code: str) -> Interactions:
    """The interactions told under a type's code."""
    return _where(lambda form: form.type[1] == code)


def of_subtype(code: str) -> Interactions:
    """The interactions told under a subtype's code: a standard one, or an interaction's own name."""
    named = {name for name, form in FORMS.items() if any(code == subtype[1] for subtype in form.subtypes)}
    return Interactions(frozenset(named | {code}))


def _where(true: Callable[[Form], bool]) -> Interactions:
    """Those whose form is such; when the form of unknown ones is, all but those whose form is not."""
    if true(OTHER):
        return Interactions(None, frozenset(name for name, form in FORMS.items() if not true(form)))
    return Interactions(frozenset(name for name, form in FORMS.items() if true(form)))
