"""What a write answers: status, Location, ETag and the body the client prefers. Source: R4 http.html#ops (Prefer: return)."""

from __future__ import annotations

from xinglin.base.errors import Invalid
from xinglin.doors.fhir_api.asked import Conditions
from xinglin.doors.fhir_api.outcome import told
from xinglin.doors.fhir_api.reply import Reply, version_location
from xinglin.fhir.codec import Resource
from xinglin.fhir.validation import validate
from xinglin.store.changes import Outcome

_WORDS = {
    "created": "Created.",
    "updated": "Updated.",
    "unchanged": "Nothing to change.",
    "deleted": "Deleted.",
    "absent": "It was not there.",
}


def checked(resource: Resource) -> Resource:
    """The resource itself, once it keeps FHIR's rules; raises `Invalid` with an issue for every breach."""
    issues = validate(resource)
    if issues and any(issue.severity in ("error", "fatal") for issue in issues):
        raise Invalid("The resource breaks rules of FHIR.", issues=issues)
    return resource


def reply_to(outcome: Outcome, conditions: Conditions, *, default: str = "representation") -> Reply:
    """The answer to a create, update or patch; `default`: what is sent back when the client has no preference."""
    stored = outcome.stored
    if stored is None:
        return Reply(200, told(_WORDS[outcome.status]), outcome=True)
    back = conditions.back or default
    body = stored.content if back == "representation" else told(_WORDS[outcome.status]) if back == "OperationOutcome" else b""
    location = version_location(stored.type, stored.id, stored.version)
    status = 201 if outcome.status == "created" else 200
    return Reply(status, body, stored.version, stored.tick, location, outcome=back == "OperationOutcome")


def reply_to_delete(outcome: Outcome, conditions: Conditions) -> Reply:
    """The answer to a delete: 204, or 200 with an OperationOutcome for who prefers one (R4 http.html#delete)."""
    version = outcome.stored.version if outcome.stored else None
    if conditions.back == "OperationOutcome":
        return Reply(200, told(_WORDS[outcome.status]), version, outcome=True)
    return Reply(204, version=version)
