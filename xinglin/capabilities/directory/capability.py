"""The table of contents of the directory."""

from __future__ import annotations

from xinglin.capabilities.directory import pages, queries
from xinglin.kit.capability import Capability, MenuEntry, Tile
from xinglin.kit.i18n import t
from xinglin.kit.pages import Page, Request
from xinglin.kit.unit import Unit

STAFF = (
    "doctor", "nurse", "pharmacist", "registrar", "public_health", "dispatcher", "insurer", "regulator",
    "system_admin", "security_admin", "audit_admin", "system",
)  # fmt: skip
"""Everybody who works here may look somebody up; residents find institutions elsewhere."""
EDITORS = ("system_admin", "system")
FILES = ("Organization", "Practitioner", "PractitionerRole", "Device")


async def _institutions(unit: Unit, _request: Request) -> int | None:
    return len(await queries.institutions(unit))


async def _ending(unit: Unit, request: Request) -> int | None:
    today = unit.now.astimezone(request.timezone).date()
    return (await queries.find_staff(unit, queries.StaffAsked(licence="soon"), 1, today)).total


async def _ended(unit: Unit, request: Request) -> int | None:
    today = unit.now.astimezone(request.timezone).date()
    return (await queries.find_staff(unit, queries.StaffAsked(licence="ended"), 1, today)).total


async def _due(unit: Unit, request: Request) -> int | None:
    return len(await queries.find_equipment(unit, "", "", "ended", unit.now.astimezone(request.timezone).date()))


CAPABILITY = Capability(
    title=t("Directory"),
    systems=("S-RES", "S-TDI"),
    workspaces=("platform", "supervision"),
    pages=(
        Page("GET", "/institution", pages.show_institutions, ("Organization",), STAFF),
        Page("GET", "/institution/{id}", pages.show_institution, ("Organization", "PractitionerRole", "Device"), STAFF),
        Page("GET", "/staff", pages.show_staff, ("Practitioner", "PractitionerRole", "Organization"), STAFF),
        Page("GET", "/staff/{id}", pages.show_worker, ("Practitioner", "PractitionerRole", "VerificationResult"), STAFF),
        Page("POST", "/staff/{id}/position/{position}/ending", pages.end_position, ("PractitionerRole",), EDITORS),
        Page("GET", "/equipment", pages.show_equipment, ("Device", "Organization"), STAFF),
        Page("GET", "/team", pages.show_teams, ("CareTeam",), STAFF),
        Page("GET", "/directory/import", pages.show_import, FILES, EDITORS),
        Page("POST", "/directory/import", pages.send_import, FILES, EDITORS),
        Page("GET", "/directory/import/{key}", pages.show_preview, FILES, EDITORS),
        Page("POST", "/directory/import/{key}/confirmation", pages.confirm_import, FILES, EDITORS),
        Page("GET", "/directory/import/{key}/file", pages.reasons, FILES, EDITORS),
        Page("GET", "/directory/{table}/export", pages.export, FILES, STAFF),
        Page("GET", "/directory/{table}/template", pages.template, FILES, STAFF),
        Page("GET", "/directory/{table}/new", pages.show_form, FILES, EDITORS),
        Page("POST", "/directory/{table}/new", pages.save_form, FILES, EDITORS),
        Page("GET", "/directory/{table}/{id}/edit", pages.show_form, FILES, EDITORS),
        Page("POST", "/directory/{table}/{id}/edit", pages.save_form, FILES, EDITORS),
    ),
    menu=(
        MenuEntry(t("Institutions"), "/institution", "building-community"),
        MenuEntry(t("Staff"), "/staff", "id-badge-2"),
        MenuEntry(t("Equipment"), "/equipment", "device-heart-monitor"),
        MenuEntry(t("Teams"), "/team", "users-group"),
        MenuEntry(t("Bring in files"), "/directory/import", "file-import"),
    ),
    tiles=(
        Tile(t("Institutions"), "/institution", "building-community", _institutions),
        Tile(t("Certificates expired"), "/staff?licence=ended", "certificate-off", _ended),
        Tile(t("Certificates ending within 90 days"), "/staff?licence=soon", "certificate", _ending),
        Tile(t("Calibration overdue"), "/equipment?due=ended", "gauge", _due),
    ),
)
