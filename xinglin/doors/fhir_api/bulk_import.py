"""$import: NDJSON in the body, or Parameters naming files already in the home's import folder or holding them inline.

Source: the SMART bulk import draft (smart-on-fhir/bulk-import), narrowed: no address is fetched from elsewhere.
The body is put into `import/`, so that the job can go on after a kill; it goes when the job has ended.
"""

from __future__ import annotations

import asyncio
import os
from base64 import b64decode
from binascii import Error as NotBase64
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from xinglin.base.errors import Malformed, TooLarge
from xinglin.base.ids import new_id
from xinglin.doors.fhir_api.bulk import JOBS
from xinglin.doors.fhir_api.call import Call, resource_of
from xinglin.doors.fhir_api.formats import NDJSON
from xinglin.doors.fhir_api.outcome import told
from xinglin.doors.fhir_api.permits import permit
from xinglin.doors.fhir_api.reply import Reply
from xinglin.fhir.codec import Resource

IMPORTS = "import"
INPUTS_MAX = 1000
_NDJSON = (NDJSON, "application/ndjson", "application/x-ndjson")
_ENDINGS = (".ndjson", ".ndjson.gz", ".json", ".json.gz")


async def import_ndjson(call: Call) -> Reply:
    """202 with the job's address. Raises `Malformed` for an input outside the import folder, `Forbidden` by role."""
    permit(call, "import", None if call.actor.role == "system" else "Patient")
    folder = call.means.settings.home_path / IMPORTS
    jobs = call.means.working_jobs()
    bodies: list[str] = []
    with ExitStack() as undone:
        undone.callback(_remove, folder, bodies)
        if call.media in _NDJSON:
            files = [await _kept(folder, bodies, call.body)]
        else:
            files = await _inputs(folder, bodies, resource_of(call))
        parameters = {"files": files, "uploads": bodies, "owner": call.actor.id, "role": call.actor.role}
        job = await jobs.start("import", parameters)
        undone.pop_all()
    where = f"{call.base}/{JOBS}/{job}".encode()
    return Reply(202, told(f"Accepted: ask {JOBS}/{job} how it stands."), headers=((b"content-location", where),), outcome=True)


async def _kept(folder: Path, bodies: list[str], body: bytes) -> str:
    bodies.append(await asyncio.to_thread(_keep, folder, body))
    return bodies[-1]


def _remove(folder: Path, bodies: list[str]) -> None:
    for name in bodies:
        (folder / name).unlink(missing_ok=True)


def _keep(folder: Path, body: bytes) -> str:
    """Put a body on disk, safe from a power cut; its path below the import folder."""
    if not body.strip():
        raise Malformed("There is nothing to import: the body is empty.")
    name = f"{new_id()}.ndjson"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(body)
        out.flush()
        os.fsync(out.fileno())
    return name


async def _inputs(folder: Path, bodies: list[str], parameters: Resource) -> list[str]:
    inputs = [part for part in _list(parameters, "parameter") if part.get("name") == "input"]
    if not inputs:
        raise Malformed("$import takes application/fhir+ndjson, or Parameters with one or more input.")
    if len(inputs) > INPUTS_MAX:
        raise TooLarge("$import takes at most {most} inputs.", most=INPUTS_MAX)
    return [await _input(folder, bodies, part) for part in inputs]


async def _input(folder: Path, bodies: list[str], part: Resource) -> str:
    parts = {inner.get("name"): inner for inner in _list(part, "part")}
    attachment = parts.get("attachment", {}).get("valueAttachment")
    if isinstance(attachment, dict):
        return await _kept(folder, bodies, _data(attachment))
    path = next((parts["url"][key] for key in ("valueUrl", "valueUri", "valueString") if key in parts.get("url", {})), None)
    if not isinstance(path, str):
        raise Malformed("An input holds a url (a path below the import folder) or an attachment.")
    return _below(folder, path)


def _below(folder: Path, path: str) -> str:
    """A path below the import folder, proved to be one."""
    if "\x00" in path or "://" in path or not path.endswith(_ENDINGS):
        raise Malformed("{path} is not an NDJSON file below the import folder; nothing is fetched from elsewhere.", path=path[:200])
    root = folder.resolve()
    try:
        file = (root / path).resolve()
        inside = file.is_relative_to(root) and file.is_file()
    except OSError as broken:
        raise Malformed("{path} cannot be a file.", path=path[:200]) from broken
    if not inside:
        raise Malformed("There is no file {path} in the import folder.", path=path[:200])
    return str(file.relative_to(root))


def _data(attachment: Resource) -> bytes:
    try:
        return b64decode(str(attachment.get("data", "")), validate=True)
    except (NotBase64, ValueError) as broken:
        raise Malformed("The attachment's data is not base64.") from broken


def _list(holder: Resource, name: str) -> list[Any]:
    parts = holder.get(name, [])
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise Malformed("{name} is not a list of objects.", name=name)
    return parts
