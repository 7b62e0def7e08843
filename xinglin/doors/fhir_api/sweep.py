"""Several types searched one after the other as one paged list: system-level search, `Patient/1/*`, `$everything`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from xinglin.base.errors import Malformed
from xinglin.fhir.search.model import Search
from xinglin.store import Records, Stored

_SEPARATOR = "~"


@dataclass(frozen=True, slots=True)
class Swept:
    """A page over several types. `next`: the mark to go on from, None at the end."""

    matches: tuple[Stored, ...]
    included: tuple[Stored, ...]
    next: str | None


async def sweep(records: Records, searches: Sequence[Search], count: int, mark: str | None) -> Swept:
    """The next `count` matches in the order of `searches` (one per type), from `mark` on; raises `Malformed` for a mark that is none."""
    place, cursor = _place_of(searches, mark)
    matches: list[Stored] = []
    included: list[Stored] = []
    while place < len(searches) and len(matches) < count:
        page = await records.search(replace(searches[place], count=count - len(matches), cursor=cursor, total="none"))
        matches += page.matches
        included += page.included
        cursor = page.next
        place += cursor is None
    ended = place >= len(searches)
    following = None if ended else f"{searches[place].type}{_SEPARATOR}{cursor or ''}"
    return Swept(tuple(matches), tuple({(s.type, s.id): s for s in included}.values()), following)


def _place_of(searches: Sequence[Search], mark: str | None) -> tuple[int, str | None]:
    if mark is None:
        return 0, None
    type_, _, cursor = mark.partition(_SEPARATOR)
    for place, search in enumerate(searches):
        if search.type == type_:
            return place, cursor or None
    raise Malformed("The page mark {mark} belongs to another search: start from the first page.", mark=mark[:80])


async def count_all(records: Records, searches: Sequence[Search]) -> int:
    """How many resources match in all types together."""
    return sum([await count_of(records, search) for search in searches])


async def count_of(records: Records, search: Search) -> int:
    """How many resources match one search."""
    page = await records.search(replace(search, summary="count", count=0, total="accurate", cursor=None, includes=()))
    return page.total or 0
