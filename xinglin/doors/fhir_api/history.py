"""history: of one resource, a type, or all. Source: R4 http.html#history (`_count`, `_since`, `_at`)."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from xinglin.base.clock import wall_us
from xinglin.base.errors import Malformed, NotFound, TooCostly, TooLarge, Unknown
from xinglin.base.ids import is_id
from xinglin.doors.fhir_api.bundles import bundle, url_of, version_entry
from xinglin.doors.fhir_api.call import Call
from xinglin.doors.fhir_api.reply import Reply
from xinglin.doors.fhir_api.search import CURSOR
from xinglin.doors.fhir_api.subset import subset_of
from xinglin.fhir.dates import span_of
from xinglin.store import Stored

_KNOWN = ("_count", "_since", "_at", "_summary", "_elements", CURSOR)


@dataclass(frozen=True, slots=True)
class _Asked:
    count: int
    since: int | None
    at: tuple[int, int] | None
    cursor: str | None


async def history(call: Call) -> Reply:
    """Versions newest first, paged. A deletion is an entry without a resource; 404 for a resource that never was."""
    if call.id and not is_id(call.id):
        raise NotFound("There is no {type} with the id {id}.", type=call.type, id=call.id[:80])
    asked = _read(call)
    if asked.at is not None:
        return _bundle(call, await _current_in(call, asked.at), None, None)
    page = await call.records.history(call.type or None, call.id or None, since=asked.since, count=asked.count, cursor=asked.cursor)
    return _bundle(call, list(page.entries), page.next, page.total)


def _bundle(call: Call, versions: list[Stored], next_: str | None, total: int | None) -> Reply:
    path = "/".join(part for part in (call.type, call.id, "_history") if part)
    pairs = tuple(pair for pair in call.asked if pair[0] in _KNOWN)
    links = [("self", url_of(call.base, path, pairs))]
    if next_:
        links.append(("next", url_of(call.base, path, tuple(p for p in pairs if p[0] != CURSOR), (CURSOR, next_))))
    part = subset_of(call.query) if call.query else None
    entries = (version_entry(call.base.encode(), stored, part) for stored in versions)
    return Reply(200, bundle("history", entries, links=links, total=total, at=wall_us()))


def _read(call: Call) -> _Asked:
    given = dict(call.asked)
    if call.conditions.strict and (unknown := [name for name in given if name not in _KNOWN]):
        raise Unknown("A history takes no {names}.", names=", ".join(unknown)[:200])
    settings = call.means.settings
    zone = ZoneInfo(settings.timezone)
    count = given.get("_count", str(settings.page_size))
    if not count.isascii() or not count.isdecimal() or len(count) > 9:
        raise Malformed("_count={count} is not a whole number.", count=count[:40])
    since = span_of(given["_since"], zone)[0] if "_since" in given else None
    at = span_of(given["_at"], zone) if "_at" in given else None
    return _Asked(max(1, min(int(count), settings.page_size_max)), since, at, given.get(CURSOR))


async def _current_in(call: Call, span: tuple[int, int]) -> list[Stored]:
    """Versions that were current at some moment of the span; raises `TooCostly`, `TooLarge` beyond the limits."""
    settings = call.means.settings
    found: list[Stored] = []
    settled: set[tuple[str, str]] = set()
    cursor, seen = None, 0
    while True:
        page = await call.records.history(call.type or None, call.id or None, since=None, count=settings.page_size_max, cursor=cursor)
        seen += len(page.entries)
        for stored in page.entries:
            key = (stored.type, stored.id)
            if stored.tick >= span[1] or key in settled:
                continue
            found.append(stored)
            if stored.tick <= span[0]:
                settled.add(key)
        if len(found) > settings.page_size_max:
            raise TooLarge("More than {most} versions were current then: ask for one resource's history.", most=settings.page_size_max)
        if page.next is None:
            return found
        if seen >= settings.scan_rows_max:
            raise TooCostly("_at would read more than {most} versions: ask for one resource's history.", most=settings.scan_rows_max)
        cursor = page.next
