"""batch and transaction: POST [base] with a Bundle. Source: R4 http.html#transaction.

A transaction is read and validated whole before the store is asked for one atomic write; the store resolves `urn:uuid` links and
conditional references. Its reads are answered after the write. A batch's entries stand each for itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from xinglin.base.errors import Issue, Malformed, Unknown, XinglinError
from xinglin.doors.fhir_api.bundles import bundle, response_entry
from xinglin.doors.fhir_api.call import Call, read_resource
from xinglin.doors.fhir_api.create import creation
from xinglin.doors.fhir_api.delete import removal, removal_where
from xinglin.doors.fhir_api.entries import Entry, entries_of, entry_of, located
from xinglin.doors.fhir_api.outcome import reply_of
from xinglin.doors.fhir_api.patch import amendment, amendment_where
from xinglin.doors.fhir_api.permits import permit
from xinglin.doors.fhir_api.reply import Reply
from xinglin.doors.fhir_api.trail import made_id
from xinglin.doors.fhir_api.update import replacement, replacement_where
from xinglin.doors.fhir_api.written import reply_to, reply_to_delete, write
from xinglin.fhir.codec import Resource
from xinglin.fhir.definitions import RESOURCE_TYPES
from xinglin.store import Amend, AuditRow, Change, Delete, Outcome, Update

BREATH_ENTRIES = 40
"""After so many entries read, other requests get their turn."""
BATCH_AT_ONCE = 16
ISSUES_MAX = 50
INTERACTIONS = {"DELETE": "delete", "POST": "create", "PUT": "update", "PATCH": "patch", "GET": "read", "HEAD": "read"}
_TYPES = frozenset(RESOURCE_TYPES)


async def bundle_in(call: Call) -> Reply:
    """200 with a batch-response or transaction-response; a failing transaction answers with the error of its entry."""
    resource = await read_resource(call)
    if resource["resourceType"] != "Bundle":
        raise Malformed("A POST to the base takes a Bundle, not a {type}.", type=str(resource["resourceType"])[:80])
    kind = resource.get("type")
    if kind == "batch":
        return await _batch(call, resource)
    if kind == "transaction":
        return await _transaction(call, resource)
    raise Malformed("The bundle's type is {kind}: batch or transaction is needed.", kind=str(kind)[:40])


# --- transaction ---


async def _transaction(call: Call, resource: Resource) -> Reply:
    writes, reads = await _planned(call, resource)
    _refuse_overlaps(writes)
    writes.sort(key=lambda planned: planned[0].phase)
    outcomes = await _written(call, writes)
    replies = {entry.place: _reply(outcome, entry) for outcome, (entry, _) in zip(outcomes, writes, strict=True)}
    for entry in reads:
        replies[entry.place] = await _alone(call, entry)
    return Reply(200, bundle("transaction-response", (response_entry(replies[place]) for place in sorted(replies))))


Planned = tuple[Entry, Change]


async def _planned(call: Call, resource: Resource) -> tuple[list[Planned], list[Entry]]:
    """Every entry as a change or a read; raises the first failing entry's error with the issues of all of them."""
    writes: list[Planned] = []
    reads: list[Entry] = []
    failures: list[XinglinError] = []
    for place, raw in enumerate(entries_of(resource, call.means.settings.bundle_entries_max)):
        try:
            entry = entry_of(call, raw, place)
            change = await _change(entry)
        except XinglinError as error:
            failures.append(located(error, place))
            continue
        if change is None:
            reads.append(entry)
        else:
            writes.append((entry, change))
        if place % BREATH_ENTRIES == BREATH_ENTRIES - 1:
            await asyncio.sleep(0)
    if failures:
        raise _together(failures)
    return writes, reads


def _together(failures: Sequence[XinglinError]) -> XinglinError:
    first = failures[0]
    issues = tuple(issue for failure in failures for issue in failure.issues)
    if len(issues) > ISSUES_MAX:
        more = Issue("information", "informational", f"{len(issues) - ISSUES_MAX} further issues are not listed.")
        issues = (*issues[:ISSUES_MAX], more)
    return type(first)("{said}", issues=issues, said=str(first))


async def _change(entry: Entry) -> Change | None:
    """The change an entry asks for, None for a read; raises what the interaction alone would raise."""
    call = entry.call
    match (call.method, *call.path):
        case ("GET" | "HEAD", *_):
            return _read(call)
        case ("POST", *_, last) if last.startswith("$") or last == "_search":
            return _read(call)
        case ("POST", _):
            return await creation(_permitted(call, "create"), entry.full_url)
        case ("PUT", _, _):
            return await replacement(_permitted(call, "update"), entry.full_url)
        case ("PUT", _):
            return await replacement_where(_permitted(call, "update"), entry.full_url)
        case ("PATCH", _, _):
            return amendment(_permitted(call, "patch"), entry.full_url)
        case ("PATCH", _):
            return amendment_where(_permitted(call, "patch"), entry.full_url)
        case ("DELETE", _, _):
            return removal(_permitted(call, "delete"))
        case ("DELETE", _):
            return removal_where(_permitted(call, "delete"))
        case _:
            raise Malformed("{method} {url} is nothing a transaction can do.", method=call.method, url="/".join(call.path)[:200])


def _read(call: Call) -> None:
    """Nothing, once it is sure that the entry is there to be asked and changes nothing."""
    if call.means.writes(call):
        raise Unknown("An operation that changes something cannot be part of a transaction: call it alone.")


def _permitted(call: Call, deed: str) -> Call:
    if call.type not in _TYPES:
        raise Unknown("There is no resource type {type}.", type=call.type[:80])
    permit(call, deed, call.type)
    return call


def _refuse_overlaps(writes: Sequence[Planned]) -> None:
    """Two entries that write the same resource fail the transaction (R4 http.html#trules)."""
    seen: dict[tuple[str, str], int] = {}
    for entry, change in writes:
        key = _identity(change)
        if key is None:
            continue
        if key in seen:
            text = "Entries {first} and {second} both write {type}/{id}."
            raise located(Malformed(text, first=seen[key], second=entry.place, type=key[0], id=key[1]), entry.place)
        seen[key] = entry.place


def _identity(change: Change) -> tuple[str, str] | None:
    if isinstance(change, Update):
        return change.resource["resourceType"], change.id
    return (change.type, change.id) if isinstance(change, Delete | Amend) else None


async def _written(call: Call, writes: Sequence[Planned]) -> Sequence[Outcome]:
    if not writes:
        return ()
    try:
        return await write(call, [change for _, change in writes], [_row(entry) for entry, _ in writes])
    except XinglinError as error:
        place = _culprit(error, writes)
        raise error if place is None else located(error, place) from error


def _culprit(error: XinglinError, writes: Sequence[Planned]) -> int | None:
    """The place of the entry the store's error is about: by the change's number, or by what the error names."""
    number = error.places.get("change")
    if isinstance(number, int) and 0 <= number < len(writes):
        return writes[number][0].place
    named = (error.places.get("type"), error.places.get("id"))
    return next((entry.place for entry, change in writes if _identity(change) == named), None)


def _reply(outcome: Outcome, entry: Entry) -> Reply:
    if entry.call.method == "DELETE":
        return reply_to_delete(outcome, entry.call.conditions)
    return reply_to(outcome, entry.call.conditions, default="minimal")


# --- batch ---


async def _batch(call: Call, resource: Resource) -> Reply:
    replies: dict[int, Reply] = {}
    phases: dict[int, list[Entry]] = {}
    for place, raw in enumerate(entries_of(resource, call.means.settings.bundle_entries_max)):
        try:
            entry = entry_of(call, raw, place)
        except XinglinError as error:
            replies[place] = reply_of(located(error, place))
        else:
            phases.setdefault(entry.phase, []).append(entry)
    for phase in sorted(phases):
        await _side_by_side(call, phases[phase], replies)
    return Reply(200, bundle("batch-response", (response_entry(replies[place]) for place in sorted(replies))))


async def _side_by_side(call: Call, entries: Sequence[Entry], replies: dict[int, Reply]) -> None:
    """Entries of one phase, a few at once, so that their writes share a commit."""
    waiting = iter(entries)

    async def work() -> None:
        for entry in waiting:
            replies[entry.place] = await _alone(call, entry)
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        for _ in range(min(BATCH_AT_ONCE, len(entries))):
            group.create_task(work())


async def _alone(call: Call, entry: Entry) -> Reply:
    """An entry performed as a request of its own; its error is its answer."""
    try:
        if not entry.call.path and entry.call.method == "POST":
            raise Malformed("A bundle cannot hold a batch or transaction.")
        reply = await call.means.perform(entry.call)
    except XinglinError as error:
        reply = reply_of(located(error, entry.place))
    _note(entry, reply)
    return reply


def _note(entry: Entry, reply: Reply) -> None:
    """An audit row for the entry: what was done to which resource."""
    path = entry.call.path
    type_, id_ = path[0] if path else "", path[1] if len(path) > 1 else made_id(reply)
    entry.call.pen.note(INTERACTIONS[entry.call.method], type_, id_, reply.status)


def _row(entry: Entry) -> AuditRow:
    path, method = entry.call.path, entry.call.method
    return entry.call.pen.row(INTERACTIONS[method], path[0], path[1] if len(path) > 1 else "", 201 if method == "POST" else 200)
