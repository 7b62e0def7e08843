"""The pages of the inbox: what waits and what is new; all notices by day; opening one is reading it."""

from __future__ import annotations

from xinglin.base.errors import NotFound
from xinglin.capabilities.inbox import queries
from xinglin.kit.notices import listed, mark_read, notices_of
from xinglin.kit.pages import Moved, Request, Shown
from xinglin.kit.unit import Unit

NEW_SHOWN = 10
"""Unread notices the inbox shows below the work."""


async def show_inbox(unit: Unit, request: Request) -> Shown:
    """The work that waits, the lists with most in them first, and the newest unread notices."""
    return Shown("inbox/inbox.html", await load_new(unit, request))


async def load_new(unit: Unit, request: Request) -> dict[str, object]:
    """What waits and what is new, for the inbox and for a workspace's home."""
    works = await queries.waiting(unit, request)
    notices = await listed(notices_of(unit.store.store), unit.actor, unit.now)
    fresh = [one for one in notices if not one.read]
    return {"works": works, "days": queries.by_day(fresh[:NEW_SHOWN], request.timezone)}


async def show_notices(unit: Unit, request: Request) -> Shown:
    """Everything someone was told, by day, the newest first."""
    notices = await listed(notices_of(unit.store.store), unit.actor, unit.now)
    unread = any(not one.read for one in notices)
    return Shown("inbox/notices.html", {"days": queries.by_day(notices, request.timezone), "unread": unread})


async def open_notice(unit: Unit, request: Request) -> Moved:
    """Reads one notice and goes where it leads. Raises NotFound when it is not theirs."""
    papers, key = notices_of(unit.store.store), request.path["key"]
    notice = next((one for one in await listed(papers, unit.actor, unit.now) if one.key == key), None)
    if notice is None:
        raise NotFound("This notice is no longer there.")
    await mark_read(papers, unit.actor, [key], unit.now)
    return Moved(notice.href or "/notice")


async def mark_all_read(unit: Unit, _request: Request) -> Moved:
    """Reads all notices at once."""
    papers = notices_of(unit.store.store)
    await mark_read(papers, unit.actor, [one.key for one in await listed(papers, unit.actor, unit.now)], unit.now)
    return Moved("/notice")
