"""The FHIR door: one ASGI application below `/fhir`. Source: R4 http.html.

The way of a request: place (or 503), headers, format, path, route, token, body, interaction, answer, audit.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol
from uuid import uuid4
from zoneinfo import ZoneInfo

from xinglin.access.actor import Actor
from xinglin.access.pace import MACHINES, Pace, unlimited
from xinglin.base.clock import instant, tick_of, utc_now
from xinglin.base.errors import Malformed, Unauthenticated, XinglinError
from xinglin.base.settings import Settings
from xinglin.doors.fhir_api.admission import Admission
from xinglin.doors.fhir_api.asked import base_url, conditions_of, headers_of, pairs_of, path_of, request_id_of
from xinglin.doors.fhir_api.bearer import Access
from xinglin.doors.fhir_api.body import ClientLeft, Receive, Send, read_all, send_all, send_file, takes_gzip
from xinglin.doors.fhir_api.call import Call, Jobs, Means
from xinglin.doors.fhir_api.formats import PLAIN, Format, format_of, media_of, write_body
from xinglin.doors.fhir_api.metadata import statement
from xinglin.doors.fhir_api.narrowing import narrowed
from xinglin.doors.fhir_api.outcome import reply_of, unexpected
from xinglin.doors.fhir_api.permits import permit_actor
from xinglin.doors.fhir_api.profiles import Shelf
from xinglin.doors.fhir_api.reply import Reply, head_of
from xinglin.doors.fhir_api.routes import Route, route
from xinglin.doors.fhir_api.trail import Pen, made_id
from xinglin.kit.capability import Operation
from xinglin.kit.unit import Unit
from xinglin.store import AuditRow, Records, Scope

BASE = "/fhir"
_LOG = logging.getLogger("xinglin.fhir_api")
_SITE_MARK = "https://base.invalid"
EVERYONE = Scope.everyone()
NOBODY = Actor("", "", "")
"""Who asks for what needs no token."""
_OPEN = ("metadata", ".well-known")
_LARGE = frozenset({"Binary", "Bundle", "CodeSystem", "ValueSet", "ConceptMap"})
_GUARDS = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
"""Nothing here is a page: a browser keeps none of it, guesses no type, and runs nothing a resource may hold."""
_WITH_BODY = ("POST", "PUT", "PATCH")


class Store(Protocol):
    """What the door asks of the store."""

    def records(self, scope: Scope) -> Records:
        """The records as far as a scope may see them."""
        ...

    def note(self, row: AuditRow) -> None:
        """Keep an audit row; raises `Unavailable` when it cannot be kept."""
        ...


@dataclass(slots=True)
class _Talk:
    """What is known so far of one request, for its answer and its audit row."""

    id: str
    base: str = ""
    form: Format = PLAIN
    gzip: bool = False
    head: bool = False
    actor: Actor = NOBODY
    route: Route | None = None
    pen: Pen | None = None


class FhirDoor:
    """ASGI application. `operations`: those of the capabilities; `jobs`: for bulk work; `scope`: whom an actor may see."""

    def __init__(
        self,
        store: Store,
        access: Access,
        settings: Settings,
        operations: Iterable[Operation] = (),
        *,
        jobs: Jobs | None = None,
        scope: Callable[[Actor], Awaitable[Scope]],
        pace: Pace | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._pace = pace or unlimited()
        self._store, self._access, self._settings, self._scope, self._now = store, access, settings, scope, now
        self._zone = ZoneInfo(settings.timezone)
        self._operations: Mapping[str, Operation] = {operation.name: operation for operation in operations}
        self._admission = Admission(settings.requests_at_once_max, settings.writes_at_once_max)
        mine = uuid4().hex[:12]
        self._ids = (f"{mine}-{number:x}" for number in itertools.count())
        self._began = instant(tick_of(now()))
        self._statement = b""
        self._means = Means(settings, self._operations, self._entry, self._writes, self._state, self._unit, Shelf(), jobs)

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer one HTTP request; every error is an OperationOutcome."""
        talk = _Talk("")
        try:
            self._admission.enter()
        except XinglinError as busy:
            await self._send(send, reply_of(busy), talk)
            return
        try:
            reply = await self._reply(scope, receive, talk)
            await self._send(send, reply, talk)
        except ClientLeft:
            return
        finally:
            self._admission.leave()

    async def _reply(self, scope: dict[str, Any], receive: Receive, talk: _Talk) -> Reply:
        try:
            return _rendered(self._note(talk, await self._answer(scope, receive, talk)), talk)
        except ClientLeft:
            raise
        except Exception:  # noqa: BLE001 - the door's last resort: a fault of ours is logged whole and told without its insides
            _LOG.exception("request %s failed", talk.id)
            talk.form = PLAIN
            return self._note(talk, unexpected())

    async def _answer(self, scope: dict[str, Any], receive: Receive, talk: _Talk) -> Reply:
        try:
            return await self._perform(scope, receive, talk)
        except XinglinError as error:
            return reply_of(error)
        except RecursionError:
            return reply_of(Malformed("The request is nested too deep."))

    async def _perform(self, scope: dict[str, Any], receive: Receive, talk: _Talk) -> Reply:
        headers = headers_of(scope["headers"])
        talk.id = request_id_of(headers, self._ids.__next__)
        talk.gzip = takes_gzip(headers.get(b"accept-encoding", b""))
        method: str = scope["method"]
        talk.head = method == "HEAD"
        asked = scope.get("query_string", b"")
        query = pairs_of(asked)
        talk.form = format_of(query, headers.get(b"accept", b""))
        talk.base = base_url(scope, headers, self._settings.public_url, BASE)
        path = path_of(scope, BASE)
        address = scope["client"][0] if scope.get("client") else None
        talk.actor = await self._asker(headers, address, known=not path or path[0] not in _OPEN)
        talk.pen = Pen(talk.actor, address, talk.id, self._store.note, asked.decode("utf-8", errors="replace") if asked else "")
        found = talk.route = route(method, path, self._operations)
        _permit(found, talk.actor)
        body = await read_all(receive, headers, _most(found, self._settings)) if method in _WITH_BODY else b""
        if body and path and path[-1] == "_search":  # what is asked in a body is asked all the same
            talk.pen = talk.pen.of_entry("&".join(part.decode("utf-8", errors="replace") for part in (asked, body) if part))
        everything = self._store.records(await self._scope(talk.actor))
        records = talk.pen.records = narrowed(everything, talk.actor, self._zone)
        call = Call(
            method, path, query, talk.base, talk.actor, records, self._means,
            talk.pen, conditions_of(headers), found.type, found.id, body, media_of(headers.get(b"content-type", b"")) if body else "",
        )  # fmt: skip
        if not found.way.writes:
            return await found.way.run(call)
        with self._admission.write():
            return await found.way.run(call)

    async def _asker(self, headers: dict[bytes, bytes], address: str | None, *, known: bool) -> Actor:
        """Who asks, at a pace that is theirs. `known`: it must be someone. Raises `Unauthenticated`, `TooMany`."""
        now = self._now()
        try:
            actor = self._access.actor(headers, now) if known or b"authorization" in headers else NOBODY
            if actor.session:
                await self._access.require_signed_in(actor, now)
        except Unauthenticated:
            self._pace.of_address(address, now.timestamp())
            if known:
                raise
            return NOBODY
        if actor is NOBODY:
            self._pace.of_address(address, now.timestamp())
        elif actor.role not in MACHINES:
            self._pace.of_account(actor, now.timestamp())
        return actor if known else NOBODY

    async def _entry(self, call: Call) -> Reply:
        """A bundle's entry as a request of its own; its place among the writes is the bundle's."""
        found = route(call.method, call.path, self._operations)
        _permit(found, call.actor)
        call.pen.records = call.records
        return await found.way.run(call.about(found.type, found.id))

    def _writes(self, call: Call) -> bool:
        return route(call.method, call.path, self._operations).way.writes

    def _note(self, talk: _Talk, reply: Reply) -> Reply:
        """Leave an audit row; when the trail cannot take it, nothing is shown either."""
        found = talk.route
        if found is None or talk.pen is None or talk.actor is NOBODY:
            return reply
        try:
            talk.pen.note(found.way.interaction, found.type, found.id or made_id(reply), reply.status)
        except XinglinError as error:
            return reply_of(error)
        return reply

    def _unit(self, actor: Actor, records: Records) -> Unit:
        return Unit(actor, records, self._now())

    def _state(self, base: str) -> bytes:
        """The CapabilityStatement, made once; only the base differs between clients."""
        if not self._statement:
            self._statement = statement(_SITE_MARK + BASE, self._operations, self._began)
        return self._statement.replace(_SITE_MARK.encode(), base.removesuffix(BASE).encode())

    async def _send(self, send: Send, reply: Reply, talk: _Talk) -> None:
        headers = head_of(reply, talk.base)
        headers += _GUARDS
        if talk.id:
            headers.append((b"x-request-id", talk.id.encode()))
        if reply.file is not None:
            headers.append((b"content-type", reply.media))
            await send_file(send, headers, reply.file, head=talk.head)
            return
        if reply.body:
            headers.append((b"content-type", reply.media or talk.form.media + b"; charset=utf-8"))
        await send_all(send, reply.status, headers, reply.body, gzip=talk.gzip, head=talk.head)


def _rendered(reply: Reply, talk: _Talk) -> Reply:
    """The answer in the client's format; stored JSON that is wanted as it is stays untouched."""
    if talk.form is PLAIN or not reply.body or reply.media:
        return reply
    return replace(reply, body=write_body(reply.body, talk.form))


def _most(found: Route, settings: Settings) -> int:
    """How many bytes a body may have: what is one resource has less to say than a bundle or a picture."""
    small = found.type and found.type not in _LARGE
    return min(settings.body_bytes_max, settings.resource_bytes_max) if small else settings.body_bytes_max


def _permit(found: Route, actor: Actor) -> None:
    if found.way.deed:
        permit_actor(actor, found.way.deed, found.type or None)
