"""The table of contents of the health record."""

from __future__ import annotations

from xinglin.capabilities.health_record import pages, queries
from xinglin.kit.capability import Capability, Finder, MenuEntry, Panel, Tile
from xinglin.kit.i18n import t
from xinglin.kit.pages import Page, Request
from xinglin.kit.unit import Unit


async def _people(unit: Unit, _request: Request) -> int | None:
    return await queries.count_people(unit)


async def _visits_today(unit: Unit, request: Request) -> int | None:
    return await queries.count_visits(unit, 1, request.timezone)


async def _visits_this_week(unit: Unit, request: Request) -> int | None:
    return await queries.count_visits(unit, 7, request.timezone)


async def _lying(unit: Unit, _request: Request) -> int | None:
    return await queries.count_lying(unit)


async def _referred(unit: Unit, _request: Request) -> int | None:
    return await queries.count_referred(unit)


CLINICAL = ("Patient", "Encounter", "Condition", "AllergyIntolerance", "Flag", "Observation", "MedicationRequest", "DiagnosticReport")
"""What a role must be allowed to read before it may open a record."""

_TREATING = ("doctor", "nurse")
STAFF = ("clinic", "hospital", "emergency", "public-health")

CAPABILITY = Capability(
    title=t("Health record"),
    systems=("S-EHR", "S-EHRV"),
    workspaces=(*STAFF, "resident"),
    pages=(
        Page("GET", "/person", pages.show_people, ("Patient",)),
        Page("GET", "/my-record", pages.show_own_record, CLINICAL, roles=("resident",)),
        Page("GET", "/person/{id}", pages.show_record, CLINICAL),
        Page("GET", "/person/{id}/year/{year}", pages.show_year, CLINICAL),
        Page("GET", "/person/{id}/visit/{visit}", pages.show_visit, CLINICAL),
        Page("GET", "/person/{id}/result", pages.show_result, CLINICAL),
        Page("GET", "/visit", pages.show_recent_visits, ("Patient", "Encounter")),
        Page("GET", "/lying", pages.show_lying, ("Patient", "Encounter"), _TREATING),
        Page("GET", "/referred", pages.show_referred, ("Patient", "ServiceRequest"), _TREATING),
    ),
    finders=(Finder(t("Residents"), "/person", pages.find_residents),),
    menu=(
        MenuEntry(t("Residents"), "/person", "users", STAFF, 10),
        MenuEntry(t("Recent visits"), "/visit", "calendar-event", STAFF, 20),
        MenuEntry(t("My record"), "/my-record", "folder-heart", ("resident",), 10),
    ),
    tiles=(
        Tile(t("On my wards now"), "/lying", "bed", _lying, ("hospital",)),
        Tile(t("Referred to us"), "/referred", "arrow-right-circle", _referred, ("hospital",)),
        Tile(t("Visits today"), "/visit?days=1", "calendar-event", _visits_today, STAFF),
        Tile(t("Visits in 7 days"), "/visit?days=7", "calendar-week", _visits_this_week, STAFF),
        Tile(t("Residents"), "/person", "users", _people, STAFF),
    ),
    panels=(Panel(t("Recent visits"), "/visit", "health_record/recent_panel.html", pages.load_recent_visits, STAFF),),
)
