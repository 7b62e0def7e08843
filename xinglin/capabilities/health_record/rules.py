"""What a record says about itself: which search was meant, what is one series, which part of the timeline is asked for. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TypeVar
from zoneinfo import ZoneInfo

from xinglin.capabilities.health_record.model import KINDS, Allergy, Latest, Medicine, Problem, Result, Visit
from xinglin.kit.i18n import Phrase, is_chinese
from xinglin.kit.times import year_of

TYPED_LENGTH_MAX = 64

_TAIL = re.compile(r"\d{3}(\d{2})?[\dXx]\Z")
_PHONE = re.compile(r"\+?\d[\d\- ]{5,18}\d\Z")
_IDENTIFIER = re.compile(r"(?=.*\d)[A-Za-z0-9\-_.]{3,64}\Z")
_LETTERS = re.compile(r"[A-Za-zÀ-ɏ' .\-]+\Z")
_RESIDENT_NUMBER = re.compile(r"\d{15}(\d{2}[\dXx])?\Z")


@dataclass(frozen=True, slots=True)
class Meant:
    """The Patient search parameters a typed text stands for, to be tried in turn until one finds someone; (): too short to search."""

    params: tuple[str, ...]
    value: str


def meaning_of(typed: str) -> Meant:
    """Characters mean a name; letters pinyin, then a name; 4 or 6 digits the end of the id number; more digits a telephone or number."""
    text = " ".join(typed.split())[:TYPED_LENGTH_MAX]
    if is_chinese(text):
        return Meant(("name",), text.replace(" ", ""))
    if _TAIL.match(text):
        return Meant(("id-tail",), text.upper())
    if _RESIDENT_NUMBER.match(text):
        return Meant(("identifier", "phone"), text.upper())
    if _PHONE.match(text):
        return Meant(("phone", "identifier"), text)
    if _LETTERS.match(text):
        return Meant(("pinyin", "name"), text.lower())
    return Meant(("identifier",), text) if _IDENTIFIER.match(text) else Meant((), text)


Repeated = TypeVar("Repeated", Problem, Medicine)


def gathered(entries: Iterable[Repeated]) -> tuple[Repeated, ...]:
    """One entry for each key, the first of them (give the newest first), counting the rest; an active one stands before ended ones."""
    found: dict[str, Repeated] = {}
    for entry in sorted(entries, key=lambda entry: not entry.active):
        key = entry.key or entry.id
        found[key] = replace(found[key], times=found[key].times + 1) if key in found else entry
    return tuple(found.values())


def allergy_order(allergies: Iterable[Allergy]) -> tuple[Allergy, ...]:
    """Severe ones first."""
    return tuple(sorted(allergies, key=lambda allergy: not allergy.severe))


def latest_of_each(results: Iterable[Result]) -> tuple[Latest, ...]:
    """The newest of each series; abnormal ones are not moved, so that a reader finds each where it was. Give the newest first."""
    series: dict[str, list[Result]] = {}
    for result in results:
        series.setdefault(result.key, []).append(result)
    return tuple(Latest(found[0], tuple(reversed(found))) for found in series.values())


def most_telling(latest: Sequence[Latest]) -> Latest | None:
    """The series to draw first: blood pressure or another of several measures, then the longest with numbers."""
    drawable = [one for one in latest if len(one.series) > 1 and any(m.number is not None for m in one.result.measures)]
    return max(drawable, key=lambda one: (len(one.result.measures), len(one.series)), default=None)


@dataclass(frozen=True, slots=True)
class Filter:
    """What part of the timeline is asked for; "" = all."""

    place_id: str = ""
    kind: str = ""

    def lets(self, visit: Visit) -> bool:
        """Whether a visit is part of it. Kinds that people call alike are alike."""
        same_kind = not self.kind or visit.kind_phrase == KINDS.get(self.kind) or visit.kind == self.kind
        return same_kind and self.place_id in ("", visit.place_id)


@dataclass(frozen=True, slots=True)
class Year:
    """One year of the timeline, newest first. `open`: its visits are shown at once."""

    year: int | None
    visits: tuple[Visit, ...]
    open: bool


SHOWN_AT_ONCE = 30
"""Visits of the newest years that are on the page from the start; the rest of the years open on demand."""


def by_year(visits: Sequence[Visit], timezone: ZoneInfo) -> tuple[Year, ...]:
    """The timeline by calendar year, newest first; visits without a time stand last."""
    ordered = sorted(visits, key=lambda visit: visit.start, reverse=True)
    years: list[Year] = []
    shown = 0
    for year, found in groupby(ordered, key=lambda visit: year_of(visit.start, timezone)):
        group = tuple(found)
        years.append(Year(year, group, open=shown == 0 or shown + len(group) <= SHOWN_AT_ONCE))
        shown += len(group)
    return tuple(years)


def places_of(visits: Iterable[Visit]) -> tuple[tuple[str, str, int], ...]:
    """(id, name, number of visits) of each institution, the most visited first."""
    counts: dict[tuple[str, str], int] = {}
    for visit in visits:
        if visit.place_id:
            counts[visit.place_id, visit.place] = counts.get((visit.place_id, visit.place), 0) + 1
    return tuple((*place, count) for place, count in sorted(counts.items(), key=lambda entry: -entry[1]))


def kinds_of(visits: Iterable[Visit]) -> tuple[tuple[str, Phrase, int], ...]:
    """(class, words, number of visits) of each kind, the most frequent first; kinds of one name are one."""
    counts: dict[Phrase, tuple[str, int]] = {}
    for visit in visits:
        kind, count = counts.get(visit.kind_phrase, (visit.kind, 0))
        counts[visit.kind_phrase] = (kind, count + 1)
    return tuple((kind, phrase, count) for phrase, (kind, count) in sorted(counts.items(), key=lambda entry: -entry[1][1]))
