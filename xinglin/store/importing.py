"""$import as a job: files of the import folder into the record, each resource checked, in batches that are each one transaction.

The place in the file is stored in the transaction of the batch itself: whatever happens, each line is written once.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import asyncpg
from asyncpg import Connection

from xinglin.base.clock import instant, wall_us
from xinglin.base.errors import Forbidden, Invalid, Issue, Malformed, TooMany, Unavailable, Unknown, XinglinError
from xinglin.base.ids import is_id
from xinglin.fhir.codec import Resource, decode_resource, encode
from xinglin.fhir.definitions import RESOURCE_TYPES
from xinglin.fhir.validation import validate
from xinglin.store.applying import Step, apply
from xinglin.store.exported import IMPORTS, Output, folder_of, remove_others
from xinglin.store.ground import Ground
from xinglin.store.interning import Wants
from xinglin.store.jobs import Lost, Run, Work
from xinglin.store.lines import Line, Lines, lines_of
from xinglin.store.links import conditional
from xinglin.store.rows import draft

BATCH = 500
OUTCOMES_MAX = 10_000
"""Refused lines that are told of one by one; the rest is counted."""
ISSUES_MAX = 50
"""Findings told of one line."""
BATCH_BYTES_MAX = 16 * 1024 * 1024
_TRIES = 5

May = Callable[[str, str], bool]
"""Whether a role may import a type."""
Check = Callable[[Resource], Sequence[Issue]]
_RACES = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.UniqueViolationError)
_NOT_THE_LINE = (Lost, Unavailable, TooMany, asyncpg.PostgresConnectionError, asyncpg.InterfaceError, OSError, *_RACES)
_REFUSALS = (XinglinError, asyncpg.PostgresError, ArithmeticError, LookupError, TypeError, ValueError, AssertionError)
"""What a resource can be refused with by the store itself."""


def importer(may: May, check: Check = validate) -> Work:
    """The work of an import job. `check`: the findings about a resource; errors among them refuse it."""

    async def work(run: Run) -> Mapping[str, Any]:
        return await _Import(run, may, check).run()

    return work


@dataclass(frozen=True, slots=True)
class _Found:
    """What a batch of lines holds: steps to write, each with its line; and outcomes of lines that are refused."""

    steps: Sequence[tuple[Line, Step]]
    faults: Sequence[bytes]


@dataclass(slots=True)
class _Import:
    """One attempt at an import."""

    job: Run
    may: May
    check: Check
    errors: Output = field(init=False)
    counts: Counter[str] = field(default_factory=Counter[str])
    refused: int = 0

    @property
    def ground(self) -> Ground:
        return self.job.ground

    async def run(self) -> Mapping[str, Any]:
        files, at = self.job.parameters["files"], self.job.progress
        folder = folder_of(self.ground.settings, self.job.id)
        self.errors = await asyncio.to_thread(Output.resumed, folder, self.job.attempt, "errors.", at.get("errors", {}))
        self.counts.update(at.get("counts", {}))
        self.refused = at.get("refused", 0)
        try:
            for place, name in enumerate(files):
                if place == at.get("file", 0):
                    await self._file(place, name, at.get("line", 0), at.get("offset", 0))
                elif place > at.get("file", 0):
                    await self._file(place, name, 0, 0)
            if self.refused > OUTCOMES_MAX:
                await asyncio.to_thread(self.errors.write, "OperationOutcome", _rest(self.refused - OUTCOMES_MAX), 1)
            await asyncio.to_thread(self.errors.close)
        finally:
            self.errors.abandon()
        await asyncio.to_thread(remove_others, folder, self.errors)
        output = [{"type": type_, "count": count} for type_, count in sorted(self.counts.items())]
        told = {"transactionTime": instant(wall_us()), "request": "$import", "count": self.counts.total()}
        return {**told, "output": output, "error": self.errors.parts}

    async def _file(self, place: int, name: str, line: int, offset: int) -> None:
        lines = lines_of(self._path(name), line, offset, self._id_of)
        try:
            while batch := await asyncio.to_thread(_batch, lines):
                found = await asyncio.to_thread(self._read, name, batch)
                at = {"file": place, "line": batch[-1].number, "offset": batch[-1].behind}
                try:
                    await self._write(name, found, at, one_by_one=False)
                except _NOT_THE_LINE:
                    raise
                except _REFUSALS:  # one of them is at fault: find out which
                    await self._write(name, found, at, one_by_one=True)
                self.job.go_on()
        finally:
            lines.close()

    def _path(self, name: str) -> Path:
        root = (self.ground.settings.home_path / IMPORTS).resolve()
        path = (root / name).resolve()
        if not path.is_relative_to(root):
            raise Malformed("There is no file {name} in the import folder.", name=name[:200])
        return path

    # --- reading (in a thread) ---

    def _read(self, name: str, batch: Sequence[Line]) -> _Found:
        steps: list[tuple[Line, Step]] = []
        faults: list[bytes] = []
        for line in batch:
            try:
                steps.append((line, self._step(name, line)))
            except _REFUSALS as refusal:
                faults.append(_outcome(name, line, refusal))
        return _Found(steps, faults)

    def _step(self, name: str, line: Line) -> Step:
        if line.fault is not None:
            raise line.fault
        resource = decode_resource(line.content)
        type_, id_ = resource["resourceType"], resource.get("id")
        if type_ not in RESOURCE_TYPES:
            raise Unknown("There is no resource type {type}.", type=type_[:80])
        if not self.may(self.job.parameters["role"], type_):
            raise Forbidden("Your role may not import {type}.", type=type_)
        if id_ is not None and not (isinstance(id_, str) and is_id(id_)):
            raise Malformed("The id is not a FHIR id.")
        if errors := tuple(issue for issue in self.check(resource) if issue.severity in ("error", "fatal")):
            raise Invalid("The resource is not valid.", issues=errors)
        if conditional([resource]):
            raise Malformed("A conditional reference cannot be imported: refer by type and id.")
        step = Step(type_, id_ or self._id_of(f"{name}:{line.number}"), resource, put=id_ is not None)
        step.made = draft(resource, step.id, self.ground.hashes, Wants())  # tried here, where a refusal hurts no other
        step.made = None
        return step

    def _id_of(self, place: str) -> str:
        """The same id for the same place of the same job, so that a line met again is the same resource."""
        return str(uuid5(UUID(self.job.id), place))

    # --- writing ---

    async def _write(self, name: str, found: _Found, at: Mapping[str, Any], *, one_by_one: bool) -> None:
        """All of a batch, its refusals and the new place, in one transaction."""
        for _ in range(_TRIES):
            try:
                async with self.ground.pool.connection() as connection, connection.transaction():
                    if one_by_one:
                        written, faults = await self._put_each(connection, name, found)
                    else:
                        written, faults = await self._put_all(connection, found), list(found.faults)
                    counts, refused = self.counts + written, self.refused + len(faults)
                    shown = faults[: max(0, OUTCOMES_MAX - self.refused)]
                    await asyncio.to_thread(self.errors.write, "OperationOutcome", b"".join(shown), len(shown))
                    progress = {**at, "counts": counts, "refused": refused, "errors": self.errors.state()}
                    told = f"{name} line {at['line']}: {counts.total()} resources written, {refused} refused"
                    await self.job.save_in(connection, progress, told)
            except _RACES:
                continue
            self.counts, self.refused = counts, refused
            return
        raise Unavailable("Others keep writing the same records; try again in a moment.", retry_after_s=1)

    async def _put_all(self, connection: Connection, found: _Found) -> Counter[str]:
        for group in _apart(step for _, step in found.steps):
            await apply(self.ground, connection, group)
        return Counter(step.type for _, step in found.steps)

    async def _put_each(self, connection: Connection, name: str, found: _Found) -> tuple[Counter[str], list[bytes]]:
        written, faults = Counter[str](), list(found.faults)
        for line, step in found.steps:
            try:
                async with connection.transaction():
                    await apply(self.ground, connection, [step])
            except _NOT_THE_LINE:
                raise
            except _REFUSALS as refusal:
                faults.append(_outcome(name, line, refusal))
            else:
                written[step.type] += 1
        return written, faults


def _batch(lines: Lines) -> list[Line]:
    """The next lines: a batch by number or by size."""
    batch: list[Line] = []
    held = 0
    for line in itertools.islice(lines, BATCH):
        batch.append(line)
        held += len(line.content)
        if held > BATCH_BYTES_MAX:
            break
    return batch


def _apart(steps: Iterable[Step]) -> Generator[list[Step]]:
    """Steps in their order, cut where a resource comes a second time."""
    group: list[Step] = []
    keys: set[tuple[int, str]] = set()
    for step in steps:
        if step.key in keys:
            yield group
            group, keys = [], set()
        group.append(step)
        keys.add(step.key)
    if group:
        yield group


def _outcome(name: str, line: Line, refusal: Exception) -> bytes:
    """An OperationOutcome about one line, as NDJSON."""
    known = isinstance(refusal, XinglinError)
    issues = refusal.as_issues() if known else (Issue("error", "exception", "The store cannot take this resource."),)
    found = [
        {"severity": issue.severity, "code": issue.code, "diagnostics": f"{name} line {line.number}: {issue.text}"}
        | ({"expression": list(issue.at)} if issue.at else {})
        for issue in issues[:ISSUES_MAX]
    ]
    if len(issues) > ISSUES_MAX:
        more = f"{name} line {line.number}: and {len(issues) - ISSUES_MAX} more findings"
        found.append({"severity": "information", "code": "informational", "diagnostics": more})
    return encode({"resourceType": "OperationOutcome", "issue": found}) + b"\n"


def _rest(count: int) -> bytes:
    """An OperationOutcome that stands for the refused lines that are not told of one by one."""
    text = f"{count} more lines were refused; the first {OUTCOMES_MAX} are told one by one."
    return encode({"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "too-long", "diagnostics": text}]}) + b"\n"
