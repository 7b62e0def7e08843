"""Long jobs in memory: started, then set by the test to whatever state it needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from xinglin.base.errors import NotFound
from xinglin.base.ids import new_id


@dataclass
class Job:
    """A job a test can set to any state."""

    kind: str
    parameters: Mapping[str, Any]
    owner: str
    state: str = "running"
    progress: str = "3 of 10"
    result: Mapping[str, Any] | None = None
    error: str | None = None


@dataclass
class MemoryJobs:
    """All jobs by id."""

    jobs: dict[str, Job] = field(default_factory=dict)

    async def start(self, kind: str, parameters: Mapping[str, Any]) -> str:
        id_ = new_id()
        self.jobs[id_] = Job(kind, parameters, parameters["owner"])
        return id_

    async def status(self, id: str) -> Job:
        if id not in self.jobs:
            raise NotFound("There is no job {id}.", id=id)
        return self.jobs[id]

    async def cancel(self, id: str) -> None:
        self.jobs[id].state = "cancelled"
