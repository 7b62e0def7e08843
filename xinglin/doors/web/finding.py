"""The bar's search: residents and whatever else capabilities find, and pages by name, in one box that works with and without scripts."""

from __future__ import annotations

from asyncio import gather
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from urllib.parse import urlencode

from starlette.requests import Request as HttpRequest
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from xinglin.access.actor import Actor
from xinglin.base.text import pinyin_of_name
from xinglin.doors.web.door import Door, asked, note, open_to, render, unit_of
from xinglin.kit.capability import Capability, Finder, Found, MenuEntry, may_open
from xinglin.kit.i18n import Phrase, is_chinese, t
from xinglin.kit.pages import Request, Shown
from xinglin.kit.unit import Unit
from xinglin.kit.workspaces import Workspace

FOUND_MAX = 8
TYPED_LENGTH_MAX = 64


@dataclass(frozen=True, slots=True)
class Group:
    """Answers of one kind; `more`: where all of them are, "" when these are all."""

    title: Phrase
    found: Sequence[Found]
    more: str = ""


def routes(door: Door) -> list[Route]:
    """The search page, which is also what the box asks while someone types."""
    return [Route("/find", partial(_find, door))]


async def _find(door: Door, http: HttpRequest) -> Response:
    unit = await unit_of(door, http)
    request = await asked(door, http, unit)
    typed = " ".join(request.query.get("q", "").split())[:TYPED_LENGTH_MAX]
    groups = await groups_of(door, unit, request, typed) if typed else []
    answers = [one for group in groups for one in group.found]
    if len(answers) == 1 and request.target is None and request.query.get("go"):
        response: Response = RedirectResponse(answers[0].href, status_code=303)
    else:
        template = "web/suggestions.html" if request.target == "suggestions" else "web/find.html"
        response = render(door, http, Shown(template, {"typed": typed, "groups": groups}), unit.actor)
    note(door, http, unit.actor, ("Patient", None), response.status_code, records=unit.store)
    return response


async def groups_of(door: Door, unit: Unit, request: Request, typed: str) -> list[Group]:
    """What a text means to each finder the actor's role may use, and the pages of that name. Groups without an answer are left out."""
    finders = [one for room in request.rooms for one in room.finders if may_open(unit.actor, room, one.href)]
    found = await gather(*(_asked(finder, unit, request, typed) for finder in finders))
    pages = Group(t("Pages"), pages_named(door, unit.actor, typed)[:FOUND_MAX])
    return [group for group in (*found, pages) if group.found]


async def _asked(finder: Finder, unit: Unit, request: Request, typed: str) -> Group:
    found = await finder.find(unit, request, typed, FOUND_MAX)
    more = f"{finder.href}?{urlencode({'q': typed})}" if len(found) == FOUND_MAX else ""
    return Group(finder.title, found[:FOUND_MAX], more)


def pages_named(door: Door, actor: Actor, typed: str) -> list[Found]:
    """Pages of the menus the role may open whose name, in either language or as pinyin, begins or goes on with the text."""
    entries = {entry.href: (entry.title, entry.icon, title) for title, entry in _entries(door, actor)}
    ranked = ((_rank(door, title, typed.lower()), title, icon, href, place) for href, (title, icon, place) in entries.items())
    fits = sorted((one for one in ranked if one[0] is not None), key=lambda one: one[0] or 0)
    return [Found(title, (place,), href, icon) for _, title, icon, href, place in fits]


def _entries(door: Door, actor: Actor) -> Iterator[tuple[Phrase, MenuEntry]]:
    workspaces = open_to(door, actor)
    for workspace in workspaces:
        yield t("Workspace"), MenuEntry(workspace.title, f"/{workspace.name}", workspace.icon)
    for room in door.house.capabilities.values():
        yield from ((room.title, entry) for entry in room.mine if may_open(actor, room, entry.href))
        for entry in room.menu:
            if _shown_somewhere(room, entry, workspaces) and may_open(actor, room, entry.href):
                yield room.title, entry


def _shown_somewhere(room: Capability, entry: MenuEntry, workspaces: Iterable[Workspace]) -> bool:
    return any(one.name in (entry.workspaces or room.workspaces) for one in workspaces)


def _rank(door: Door, title: Phrase, typed: str) -> int | None:
    """0 begins with it, 1 a word or a later syllable does; None not named so."""
    said = [renderer.catalogue.say(title).lower() for renderer in door.renderers.values()]
    names = [name for text in said for name in _spellings(text)]
    if any(name.startswith(typed) for name in names):
        return 0
    return 1 if any(f" {typed}" in name or (is_chinese(typed) and typed in name) for name in names) else None


@lru_cache(maxsize=2048)
def _spellings(title: str) -> tuple[str, ...]:
    if not is_chinese(title):
        return (title,)
    pinyin = pinyin_of_name(title)
    return (title, pinyin.full, pinyin.initials)
