"""$import as a job: files of the import folder into the record, each resource checked, in batches that are each one transaction.

The place in the file is stored in the transaction of the batch itself: whatever happens, each line is written once.
"""

from __future__ import annotations

import asyncio
import gzip
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast
from uuid import UUID, uuid5

import asyncpg

from xinglin.base.errors import Invalid, Issue, Malformed, TooLarge, Unavailable, XinglinError
from xinglin.base.ids import is_id
from xinglin.fhir.codec import Resource, decode_resource, encode
from xinglin.fhir.definitions import RESOURCE_TYPES
from xinglin.fhir.validation import validate
from xinglin.store.applying import Step, apply
from xinglin.store.exported import Output, folder_of, remove_others
from xinglin.store.ground import Ground
from xinglin.store.interning import Wants
from xinglin.store.jobs import FAULTS, Lost, Run, Work
from xinglin.store.links import conditional, rewritten
from xinglin.store.rows import draft

IMPORTS = "import"
BATCH = 500
LINE_BYTES_MAX = 64 * 1024 * 1024
BATCH_BYTES_MAX = 16 * 1024 * 1024
_TRIES = 5

May = Callable[[str, str], bool]
"""Whether a role may import a type."""
Check = Callable[[Resource], Sequence[Issue]]
_RACES = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.UniqueViolationError)


def importer(may: May, check: Check = validate) -> Work:
    """The work of an import job. `check`: the findings about a resource; errors among them refuse it."""

    async def work(run: Run) -> Mapping[str, Any]:
        return await _Import(run, may, check).run()

    return work


@dataclass(frozen=True, slots=True)
class _Line:
    """One resource of a file: where it stands, its bytes, or why there are none. `behind`: where to go on after it."""

    number: int
    content: bytes
    behind: int
    fault: XinglinError | None = None


@dataclass(slots=True)
class _Import:
    """One attempt at an import. `at`: file, line and offset after what is done, and the tallies."""

    job: Run
    may: May
    check: Check
    errors: Output = field(init=False)
    counts: Counter[str] = field(default_factory=Counter[str])

    @property
    def ground(self) -> Ground:
        return self.job.ground

    async def run(self) -> Mapping[str, Any]:
        files, at = self.job.parameters["files"], self.job.progress
        folder = folder_of(self.ground.settings, self.job.id)
        self.errors = await asyncio.to_thread(Output.resumed, folder, self.job.attempt, "errors.", at.get("errors", {}))
        self.counts.update(at.get("counts", {}))
        try:
            for place, name in enumerate(files):
                if place >= at.get("file", 0):
                    again = at if place == at.get("file", 0) else {}
                    await self._file(place, name, again.get("line", 0), again.get("offset", 0))
            await asyncio.to_thread(self.errors.close)
        finally:
            self.errors.abandon()
        await asyncio.to_thread(remove_others, folder, self.errors)
        output = [{"type": type_, "count": count} for type_, count in sorted(self.counts.items())]
        return {"output": output, "error": self.errors.parts, "count": self.counts.total(), "request": "$import"}

    async def _file(self, place: int, name: str, line: int, offset: int) -> None:
        path = _inside(self.ground.settings.home_path / IMPORTS, name)
        lines = _lines(path, line, offset)
        try:
            while batch := await asyncio.to_thread(_batch, lines):
                await self._take(place, name, batch)
                self.job.go_on()
        finally:
            lines.close()
        await self._save_place(place + 1, 0, 0)

    async def _take(self, place: int, name: str, batch: Sequence[_Line]) -> None:
        """Check a batch, write what is sound, store the place; a batch that is refused is written one by one to find the culprit."""
        read = await asyncio.to_thread(self._checked, name, batch)
        faults = [fault for fault in read if isinstance(fault, bytes)]
        steps = [step for step in read if isinstance(step, Step)]
        end = batch[-1]
        for group in _apart(steps):
            if refusal := await self._write(group, place, None):
                faults += await self._one_by_one(name, group, place) if len(group) > 1 else [_outcome(name, 0, group[0], refusal)]
        await asyncio.to_thread(self.errors.write, "OperationOutcome", b"".join(faults), len(faults))
        await self._save_place(place, end.number, end.behind)
