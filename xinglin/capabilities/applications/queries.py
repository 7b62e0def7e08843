"""What the pages of applications read."""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from xinglin.access.oauth import grants
from xinglin.access.oauth.model import Drawers, Grant, drawers
from xinglin.access.policy import require
from xinglin.base.clock import moment_of, tick_of
from xinglin.base.errors import Gone, NotFound
from xinglin.capabilities.applications import rules
from xinglin.capabilities.applications.model import Allowed, Registered
from xinglin.kit.person import Person
from xinglin.kit.unit import Unit

PEOPLE_SHOWN = 20


def papers_of(unit: Unit) -> Drawers:
    """The papers of applications."""
    return drawers(unit.store.store.ground)


async def registered(unit: Unit) -> list[Registered]:
    """Every application, newest first."""
    found = await papers_of(unit).applications.all(tick_of(unit.now))
    return [Registered(paper.key, paper.value, _said(paper.value.made_us)) for paper in reversed(found)]


async def one(unit: Unit, client: str) -> Registered:
    """One application. Raises `NotFound`."""
    papers = papers_of(unit)
    paper = await papers.applications.look(client, tick_of(unit.now))
    if paper is None:
        raise NotFound("There is no such application.")
    count = len(await papers.grants.find(f"client {client}", tick_of(unit.now)))
    return Registered(client, paper.value, _said(paper.value.made_us), count)


async def startable(unit: Unit) -> list[Registered]:
    """The applications that can be started from our pages."""
    return [found for found in await registered(unit) if found.application.launch and not found.application.disabled]


async def allowed(unit: Unit, timezone: ZoneInfo) -> list[Allowed]:
    """What the person who is signed in has allowed, newest first."""
    papers = papers_of(unit)
    found = await grants.of_account(papers, unit.actor.id, unit.now)
    return [await _allowed(unit, papers, paper.key, paper.value, timezone) for paper in reversed(found)]


async def own_grant(unit: Unit, id_: str) -> Grant:
    """A grant of the person who is signed in. Raises `NotFound` for anybody else's."""
    paper = await papers_of(unit).grants.look(id_, tick_of(unit.now))
    if paper is None or paper.value.who.id != unit.actor.id:
        raise NotFound("There is no such permission.")
    return paper.value


async def people(unit: Unit, typed: str, timezone: ZoneInfo) -> list[Person]:
    """Residents within the actor's reach by name, number or telephone."""
    if not typed:
        return []
    require(unit.actor, "search", "Patient")
    kinds = ("name", "identifier", "phone") if any(letter.isdigit() for letter in typed) else ("name",)
    found = {
        patient["id"]: Person.of(patient, unit.now, timezone)
        for kind in kinds
        for patient in await unit.store.find("Patient", urlencode({kind: typed.replace(",", r"\,")}), PEOPLE_SHOWN)
    }
    return list(found.values())[:PEOPLE_SHOWN]


async def person(unit: Unit, patient: str, timezone: ZoneInfo) -> Person:
    """One resident within the actor's reach. Raises `NotFound`, `Forbidden`."""
    require(unit.actor, "read", "Patient")
    return Person.of((await unit.store.read("Patient", patient)).resource(), unit.now, timezone)


async def _allowed(unit: Unit, papers: Drawers, id_: str, grant: Grant, timezone: ZoneInfo) -> Allowed:
    paper = await papers.applications.look(grant.client, tick_of(unit.now))
    about = ""
    if grant.patient:
        try:
            about = (await person(unit, grant.patient, timezone)).name
        except (NotFound, Gone):
            about = grant.patient
    name = paper.value.name if paper else grant.client
    return Allowed(
        id_, name, about, rules.wishes(grant.scopes), _said(grant.made_us), _said(grant.used_us), grant, rules.lasts(grant.scopes)
    )


def _said(us: int) -> str:
    moment: datetime = moment_of(us)
    return (moment - timedelta(microseconds=moment.microsecond)).isoformat()
