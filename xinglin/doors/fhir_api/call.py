"""One interaction to perform: an HTTP request or one entry of a bundle, in the same shape, with all it works with."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from xinglin.base.errors import Malformed, Unavailable
from xinglin.base.settings import Settings
from xinglin.doors.fhir_api.asked import NONE, Conditions, Pairs
from xinglin.doors.fhir_api.body import THREAD_FROM_BYTES
from xinglin.doors.fhir_api.formats import read_body
from xinglin.doors.fhir_api.profiles import Shelf
from xinglin.doors.fhir_api.reply import Reply
from xinglin.doors.fhir_api.trail import Pen
from xinglin.fhir.codec import Resource, encode
from xinglin.store import Records

PRESENTATION = frozenset({"_format", "_pretty"})
"""Parameters of every GET that shape the answer and search nothing."""


class JobStatus(Protocol):
    """How a long job stands."""

    @property
    def kind(self) -> str:
        """What is done: export or import."""
        ...

    @property
    def state(self) -> str:
        """One of waiting, running, done, failed, cancelled."""
        ...

    @property
    def owner(self) -> str:
        """The id of the actor who started it."""
        ...

    @property
    def progress(self) -> str:
        """Words or a share, for X-Progress."""
        ...

    @property
    def result(self) -> Mapping[str, Any] | None:
        """What is left when done: transactionTime, request, output, deleted, error (each a list of type, file, count)."""
        ...

    @property
    def error(self) -> str | None:
        """Why it failed."""
        ...


class Jobs(Protocol):
    """Long work done elsewhere."""

    async def start(self, kind: str, parameters: Mapping[str, Any]) -> str:
        """The id of a new job; `parameters` hold `owner`, the id of who asks."""
        ...

    async def status(self, id: str) -> JobStatus:
        """How a job stands; raises `NotFound`."""
        ...

    async def cancel(self, id: str) -> None:
        """Stop a job and remove what it left; raises `NotFound`."""
        ...


@dataclass(frozen=True, slots=True)
class Means:
    """What every interaction works with besides its request.

    `perform` runs a bundle entry as if it had been asked alone; `writes` tells whether it would write (and raises when there is no such
    interaction). `statement`: the CapabilityStatement for a base.
    """

    settings: Settings
    operations: Mapping[str, Any]
    perform: Callable[[Call], Awaitable[Reply]]
    writes: Callable[[Call], bool]
    statement: Callable[[str], bytes]
    unit: Callable[[Any, Records], Any]
    shelf: Shelf
    jobs: Jobs | None = None

    def working_jobs(self) -> Jobs:
        """The jobs; raises `Unavailable` when this process runs without them."""
        if self.jobs is None:
            raise Unavailable("Long jobs are not running here: try again later.", retry_after_s=60)
        return self.jobs


@dataclass(frozen=True, slots=True)
class Call:
    """One interaction. `path`: segments below the base; `type`, `id`: what it is about ("" = none); `given`: an entry's resource.

    `pen` writes its audit rows.
    """

    method: str
    path: tuple[str, ...]
    query: Pairs
    base: str
    actor: Any
    records: Records
    means: Means
    pen: Pen
    conditions: Conditions = NONE
    type: str = ""
    id: str = ""
    body: bytes = b""
    media: str = ""
    given: Resource | None = None

    def about(self, type_: str, id_: str) -> Call:
        """The same call with its type and id known."""
        return replace(self, type=type_, id=id_)

    @property
    def asked(self) -> Pairs:
        """The query without what only shapes the answer."""
        return tuple(pair for pair in self.query if pair[0] not in PRESENTATION) if self.query else ()


def resource_of(call: Call) -> Resource:
    """The resource in the body, of whatever type; raises `Malformed`, `UnsupportedMedia`."""
    if call.given is not None:
        return call.given
    if not call.body:
        raise Malformed("The request has no body: send the resource.")
    return read_body(call.body, call.media)


def heavy(call: Call) -> bool:
    """Whether the resource is so large that reading or judging it would keep others waiting."""
    size = len(call.body) if call.given is None else len(encode(call.given))
    return size > THREAD_FROM_BYTES


async def read_resource(call: Call) -> Resource:
    """`resource_of`, in a thread when it is heavy, so that others are served meanwhile."""
    return await asyncio.to_thread(resource_of, call) if call.given is None and heavy(call) else resource_of(call)


async def typed_resource_of(call: Call) -> Resource:
    """The resource in the body, which must be of the type in the address; raises `Malformed`."""
    resource = await read_resource(call)
    if resource.get("resourceType") != call.type:
        raise Malformed("The body is a {found}, the address says {type}.", found=str(resource.get("resourceType"))[:80], type=call.type)
    return resource
