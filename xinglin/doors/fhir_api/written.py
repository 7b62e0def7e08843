"""Writing: the rules a resource must keep, the write with its audit rows, and what is answered.

Source: R4 http.html#ops (Prefer: return).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from xinglin.base.errors import Invalid, Issue
from xinglin.doors.fhir_api.asked import Conditions
from xinglin.doors.fhir_api.attached import require_context
from xinglin.doors.fhir_api.call import Call, heavy
from xinglin.doors.fhir_api.conditional import permit_references
from xinglin.doors.fhir_api.outcome import told
from xinglin.doors.fhir_api.profiles import CONFORMANCE
from xinglin.doors.fhir_api.reply import Reply, version_location
from xinglin.fhir.codec import Resource
from xinglin.fhir.validation import validate
from xinglin.store import AuditRow, Change, Outcome

_WORDS = {
    "created": "Created.",
    "updated": "Updated.",
    "unchanged": "Nothing to change.",
    "deleted": "Deleted.",
    "absent": "It was not there.",
}


async def checked(call: Call, resource: Resource) -> Resource:
    """The resource itself, once it keeps the rules of FHIR and of its profiles; raises `Invalid` with an issue for every breach."""
    large = heavy(call)
    _refuse(await asyncio.to_thread(validate, resource) if large else validate(resource))
    permit_references(call, resource)
    if resource["resourceType"] == "Binary":
        await require_context(call, resource)
    claimed = resource.get("meta", {}).get("profile", ())
    if claimed and not call.means.shelf.settled(claimed):
        _refuse(await call.means.shelf.issues(call.records, resource, large=large))
    return resource


def checked_now(call: Call, resource: Resource) -> Resource:
    """The same for the result of a patch, which cannot wait: against R4 and the profiles at hand."""
    _refuse(call.means.shelf.issues_now(resource))
    return resource


def _refuse(issues: tuple[Issue, ...]) -> None:
    if issues and any(issue.severity in ("error", "fatal") for issue in issues):
        raise Invalid("The resource breaks rules of FHIR.", issues=issues)


async def write_one(call: Call, change: Change, interaction: str, status: int) -> Outcome:
    """One change with its audit row; `status`: what the row says, as the row is written with the change."""
    return (await write(call, [change], [call.pen.row(interaction, call.type, call.id, status)]))[0]


async def write(call: Call, changes: Sequence[Change], rows: Sequence[AuditRow]) -> Sequence[Outcome]:
    """Changes with an audit row for each, in the same order: all or nothing."""
    outcomes = await call.records.write(changes, rows)
    call.pen.written = True
    if any(outcome.stored is not None and outcome.stored.type in CONFORMANCE for outcome in outcomes):
        call.means.shelf.forget()
    return outcomes


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
