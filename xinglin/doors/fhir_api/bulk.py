"""$export and the addresses of long jobs. Source: HL7 Bulk Data Access 2.0 (system, Patient and Group level; asynchronous pattern).

The door starts a job and shows how it stands; the worker does it. A job's files lie in `exports/<job>/` of the home folder.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from xinglin.base.clock import utc_now
from xinglin.base.errors import Invalid, Issue, Malformed, NotAcceptable, NotFound, Unknown
from xinglin.base.ids import is_id
from xinglin.doors.fhir_api.asked import pairs_of
from xinglin.doors.fhir_api.call import Call, JobStatus
from xinglin.doors.fhir_api.formats import NDJSON
from xinglin.doors.fhir_api.narrowing import filters_within
from xinglin.doors.fhir_api.operations import listed, parameters_of, text_of, texts_of
from xinglin.doors.fhir_api.outcome import told
from xinglin.doors.fhir_api.permits import permit, permitted
from xinglin.doors.fhir_api.reply import Reply
from xinglin.fhir.codec import Resource
from xinglin.fhir.dates import is_instant
from xinglin.fhir.definitions import RESOURCE_TYPES, compartment
from xinglin.fhir.search.grammar import read_search

JOBS = "_jobs"
EXPORTS = "exports"
POLL_AFTER_S = 2
_FILE = re.compile(r"[A-Za-z0-9._\-]{1,120}\.(?:ndjson|ndjson\.gz)\Z")
_FORMATS = ("application/fhir+ndjson", "application/ndjson", "ndjson", "application/fhir ndjson")
_NEVER = ("AuditEvent", "Provenance")


async def export_system(call: Call) -> Reply:
    """Everything of the types the role may export."""
    return await _start(call, "system", RESOURCE_TYPES)


async def export_patients(call: Call) -> Reply:
    """The compartments of all patients."""
    return await _start(call, "patient", tuple(compartment("Patient")))


async def export_group(call: Call) -> Reply:
    """The compartments of a group's members; 404 when there is no such group."""
    permit(call, "read", "Group")
    await call.records.read("Group", call.id)
    return await _start(call, "group", tuple(compartment("Patient")))


async def _start(call: Call, level: str, within: tuple[str, ...]) -> Reply:
    asked = parameters_of(call)
    types = _types(call, asked, within)
    since = text_of(asked, "_since")
    if since is not None and not is_instant(since):
        raise Malformed("_since is an instant (2021-05-17T08:30:00+08:00), not {text}.", text=since[:40])
    if (form := text_of(asked, "_outputFormat")) and form not in _FORMATS:
        raise NotAcceptable("_outputFormat={format} cannot be made: NDJSON only.", format=form[:80])
    query = "&".join(f"{name}={value}" for name, value in call.query)
    parameters = {
        "level": level,
        "group": call.id or None,
        "types": list(types),
        "since": since,
        "type_filters": filters_within(call.actor, types, _filters(call, asked, types)),
        "request": f"{call.base}/{'/'.join(call.path)}" + (f"?{query}" if query else ""),
        "owner": call.actor.id,
        "role": call.actor.role,
        "actor": msgspec.to_builtins(call.actor),
    }
    return _accepted(call, await call.means.working_jobs().start("export", parameters))


def _types(call: Call, asked: Resource, within: tuple[str, ...]) -> tuple[str, ...]:
    wanted = listed(asked, "_type")
    for type_ in wanted:
        if type_ not in within:
            raise Unknown("_type names {type}, which this export does not hold.", type=type_[:80])
        permit(call, "export", type_)
    types = wanted or tuple(type_ for type_ in permitted(call, "export", within) if type_ not in _NEVER)
    if not types:
        permit(call, "export", None)
    return types


def _filters(call: Call, asked: Resource, types: tuple[str, ...]) -> list[str]:
    """Each `Type?search`, read once here so that a wrong one is refused now and not in an hour."""
    zone = ZoneInfo(call.means.settings.timezone)
    filters = [text.strip() for text in texts_of(asked, "_typeFilter")]
    split = [part for text in filters for part in re.split(r",(?=[A-Z][A-Za-z]+\?)", text)]
    for text in split:
        type_, mark, query = text.partition("?")
        if not mark or type_ not in types:
            raise Malformed("_typeFilter is Type?search with an exported type, not {text}.", text=text[:200])
        read_search(type_, pairs_of(query.encode()), strict=True, zone=zone)
    return split


def _accepted(call: Call, job: str) -> Reply:
    where = f"{call.base}/{JOBS}/{job}".encode()
    return Reply(202, told(f"Accepted: ask {JOBS}/{job} how it stands."), headers=((b"content-location", where),), outcome=True)


# --- how a job stands ---


async def job_status(call: Call) -> Reply:
    """202 with X-Progress while it runs, 200 with the manifest when done, 422 with the reason when it failed, 404 when cancelled."""
    job = call.path[1]
    status = await _mine(call, job)
    if status.state in ("waiting", "running"):
        headers = ((b"x-progress", _header(status.progress or status.state)), (b"retry-after", str(POLL_AFTER_S).encode()))
        return Reply(202, told(f"The job is {status.state}."), headers=headers, outcome=True)
    if status.state == "cancelled":
        raise NotFound("The job {job} was cancelled.", job=job)
    if status.state != "done":
        why = f"The job failed: {status.error or 'no reason was left'}"
        raise Invalid("The job failed.", issues=(Issue("error", "processing", why),))
    return Reply(200, msgspec.json.encode(_manifest(call, job, status)), media=b"application/json")


async def job_cancel(call: Call) -> Reply:
    """202: the job is stopped and its files go."""
    job = call.path[1]
    await _mine(call, job)
    await call.means.working_jobs().cancel(job)
    return Reply(202, told("The job is cancelled."), outcome=True)


async def job_file(call: Call) -> Reply:
    """One file of a finished job, as NDJSON."""
    job, name = call.path[1], call.path[2]
    status = await _mine(call, job)
    file = _folder(call, job) / name
    if status.state != "done" or not _FILE.match(name) or not file.is_file():
        raise NotFound("The job {job} has no file {name}.", job=job[:80], name=name[:80])
    packed = ((b"content-encoding", b"gzip"),) if name.endswith(".gz") else ()
    return Reply(200, headers=packed, media=NDJSON.encode(), file=file)


async def _mine(call: Call, job: str) -> JobStatus:
    """The job, if the actor started it; for anyone else it is not there."""
    if is_id(job):
        status = await call.means.working_jobs().status(job)
        if status.owner == call.actor.id:
            return status
    raise NotFound("There is no job {job}.", job=job[:80])


def _folder(call: Call, job: str) -> Path:
    return call.means.settings.home_path / EXPORTS / job


def _header(text: str) -> bytes:
    return text.encode("ascii", errors="replace").replace(b"\n", b" ").replace(b"\r", b" ")[:200]


def _manifest(call: Call, job: str, status: JobStatus) -> Mapping[str, Any]:
    result = status.result or {}
    return {
        "transactionTime": result.get("transactionTime") or utc_now().isoformat(),
        "request": result.get("request", ""),
        "requiresAccessToken": True,
        "output": [_output(call, job, part) for part in result.get("output", ())],
        "deleted": [_output(call, job, part) for part in result.get("deleted", ())],
        "error": [_output(call, job, part) for part in result.get("error", ())],
        **({"count": result["count"]} if "count" in result else {}),
    }


def _output(call: Call, job: str, part: Mapping[str, Any]) -> Mapping[str, Any]:
    """A part of the result (`type`, `file`, `count`) with its address."""
    rest = {key: value for key, value in part.items() if key != "file"}
    return rest | ({"url": f"{call.base}/{JOBS}/{job}/{part['file']}"} if "file" in part else {})
