"""The pages of the health record: find a resident, read the record, open a visit, follow one result through time."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlencode

from xinglin.base.errors import NotFound
from xinglin.capabilities.health_record import queries, rules
from xinglin.capabilities.health_record.model import Latest, Result
from xinglin.kit.banner import read_banner
from xinglin.kit.capability import Found, marks_of, person_panels_of
from xinglin.kit.coding import Names
from xinglin.kit.i18n import in_language
from xinglin.kit.pages import Moved, Request, Shown
from xinglin.kit.person import Person
from xinglin.kit.unit import Unit

DAYS = (1, 7, 30, 365)
"""The periods the list of recent visits offers."""
ROWS_AT_HOME = 10
"""Visits a workspace's home shows."""
RESULTS_SHOWN = 8
"""Results of each group shown before "all" is asked for."""


async def show_people(unit: Unit, request: Request) -> Shown:
    """The list of residents, with one box for name, pinyin, end of the id number or telephone (`q`)."""
    typed = request.query.get("q", "").strip()
    meant = rules.meaning_of(typed) if typed else None
    by, cursor = request.query.get("by", ""), request.query.get("cursor")
    people = await queries.find_people(unit, meant, request.timezone, by=by, cursor=cursor)
    more = _address("/person", q=typed, by=people.by, cursor=people.next) if people.next else None
    too_short = meant is not None and not meant.params
    return Shown(
        "health_record/people.html", {"people": people, "typed": typed, "more": more, "too_short": too_short, "later": bool(cursor)}
    )


async def find_residents(unit: Unit, request: Request, typed: str, limit: int) -> list[Found]:
    """Residents a text typed into the bar means."""
    meant = rules.meaning_of(typed)
    people = await queries.find_people(unit, meant, request.timezone, count=limit) if meant.params else None
    return [_found(person) for person in people.found] if people else []


def _found(person: Person) -> Found:
    told = (person.sex, person.age.phrase() if person.age else "", person.number, person.phone)
    return Found(person.name, tuple(one for one in told if one), f"/person/{person.id}", "user")


async def show_own_record(unit: Unit, _request: Request) -> Moved:
    """A resident's own record. Raises NotFound for one who is not known in the population yet."""
    if not unit.actor.person.startswith("Patient/"):
        raise NotFound("Your account is not yet linked to your record. Ask at the registration desk.")
    return Moved("/person/" + unit.actor.person.removeprefix("Patient/"))


async def show_record(unit: Unit, request: Request) -> Shown:
    """The record of one resident; `place` and `kind` filter its timeline, `result` chooses the chart, `all` opens all results."""
    record = await queries.read_record(unit, request.path["id"], request.timezone)
    wanted = request.query.get("result", "")
    chosen = next((one for one in record.latest if one.result.key == wanted), None) or rules.most_telling(record.latest)
    return Shown(
        "health_record/record.html",
        {
            "record": record,
            "banner": record.banner,
            "groups": _groups(record.latest),
            "shown": RESULTS_SHOWN,
            "chosen": chosen,
            "trend": _trend(chosen, request.language) if chosen else None,
            "panels": await person_panels_of(unit, request, request.path["id"]),
        }
        | _timeline(queries.Visits(record.visits, record.has_more_visits), request),
    )


async def show_year(unit: Unit, request: Request) -> Shown:
    """One year of the timeline, filtered like it."""
    if not request.path["year"].isdigit():
        raise NotFound("There is no such year in this resident's record.")
    banner = await read_banner(unit, request.path["id"], request.timezone)
    stays = await queries.read_visits(unit, request.path["id"], request.timezone)
    values = _timeline(stays, request)
    years: tuple[rules.Year, ...] = values["years"]  # type: ignore[assignment]
    year = next((one for one in years if str(one.year) == request.path["year"]), None)
    if year is None:
        raise NotFound("There is no such year in this resident's record.")
    return Shown("health_record/year.html", values | {"banner": banner, "year": year})


async def show_visit(unit: Unit, request: Request) -> Shown:
    """One visit with everything written in it."""
    opened = await queries.read_visit(unit, request.path["id"], request.path["visit"], request.timezone)
    banner = await read_banner(unit, request.path["id"], request.timezone)
    papers, medicines = (f"{one.type}/{one.id}" for one in opened.papers), (f"MedicationRequest/{one.id}" for one in opened.medicines)
    marks = await marks_of(unit, request, (*papers, *medicines))
    return Shown("health_record/visit.html", {"banner": banner, "opened": opened, "marks": marks})


async def show_result(unit: Unit, request: Request) -> Shown:
    """One kind of result (`code` as system|code) through time."""
    chosen = await queries.read_series(unit, request.path["id"], request.query.get("code", ""), request.timezone)
    banner = await read_banner(unit, request.path["id"], request.timezone)
    return Shown("health_record/result.html", {"banner": banner, "chosen": chosen, "trend": _trend(chosen, request.language)})


async def show_recent_visits(unit: Unit, request: Request) -> Shown:
    """Visits of the last `days` in the region."""
    asked = request.query.get("days", "")
    days = int(asked) if asked.isdigit() and int(asked) in DAYS else 7
    cursor = request.query.get("cursor")
    recent = await queries.recent_visits(unit, days, request.timezone, cursor)
    more = _address("/visit", days=str(days), cursor=recent.next) if recent.next else None
    return Shown("health_record/recent_visits.html", {"recent": recent, "days": days, "choices": DAYS, "more": more, "later": bool(cursor)})


async def show_lying(unit: Unit, request: Request) -> Shown:
    """Who lies on the wards the hat works on."""
    recent = await queries.lying(unit, request.timezone, request.query.get("cursor"))
    more = _address("/lying", cursor=recent.next) if recent.next else None
    return Shown("health_record/lying.html", {"recent": recent, "more": more})


async def show_referred(unit: Unit, request: Request) -> Shown:
    """What is referred to the hat's person or institution."""
    referrals = await queries.referred(unit, request.timezone, request.query.get("cursor"))
    more = _address("/referred", cursor=referrals.next) if referrals.next else None
    return Shown("health_record/referred.html", {"referrals": referrals, "more": more})


async def load_recent_visits(unit: Unit, request: Request) -> dict[str, object]:
    """The newest visits of the week, for a workspace's home."""
    recent = await queries.recent_visits(unit, 7, request.timezone)
    return {"recent": replace(recent, rows=recent.rows[:ROWS_AT_HOME])}


def _timeline(stays: queries.Visits, request: Request) -> dict[str, object]:
    wanted = rules.Filter(request.query.get("place", ""), request.query.get("kind", ""))
    visits = tuple(visit for visit in stays.visits if wanted.lets(visit))
    return {
        "person_id": request.path["id"],
        "wanted": wanted,
        "wanted_query": _address("", place=wanted.place_id, kind=wanted.kind),
        "visit_count": len(visits),
        "years": rules.by_year(visits, request.timezone),
        "places": rules.places_of(stays.visits),
        "kinds": rules.kinds_of(stays.visits),
        "has_more_visits": stays.has_more,
    }


def _groups(latest: tuple[Latest, ...]) -> tuple[tuple[str, tuple[Latest, ...]], ...]:
    groups = ("vital-signs", "laboratory", "other")
    found = ((group, tuple(one for one in latest if one.result.group == group)) for group in groups)
    return tuple((group, members) for group, members in found if members)


def _trend(chosen: Latest, language: str) -> dict[str, object]:
    """What the chart module draws: a line for each measure, [time, number] points, the reference range when there is one measure."""
    newest = chosen.result.measures
    names = [in_language(language, measure.name) for measure in newest]
    return {
        "title": in_language(language, chosen.result.name),
        "unit": newest[0].unit if newest else "",
        "low": newest[0].low if len(newest) == 1 else None,
        "high": newest[0].high if len(newest) == 1 else None,
        "lines": [{"name": name, "points": _points(chosen.series, one.name)} for name, one in zip(names, newest, strict=True)],
    }


def _points(series: tuple[Result, ...], name: Names) -> list[list[object]]:
    measured = ((result.time, measure.number) for result in series for measure in result.measures if measure.name == name)
    return [[time, float(number)] for time, number in measured if number is not None and time]


def _address(path: str, **query: str | None) -> str:
    told = {name: value for name, value in query.items() if value}
    return f"{path}?{urlencode(told)}" if told else path
