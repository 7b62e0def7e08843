"""The pages of the directory: the tree of institutions, one institution, staff, equipment, teams; forms; files in and out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from urllib.parse import urlencode

from xinglin.access.policy import allowed, require
from xinglin.base.errors import Conflict, Malformed, NotFound, Stale, TooLarge
from xinglin.base.text import mask_number, mask_phone
from xinglin.capabilities.directory import actions, queries, rules
from xinglin.capabilities.directory.model import Institution, codes, tables
from xinglin.capabilities.directory.rules import Settled
from xinglin.fhir.codec import Resource
from xinglin.kit.coding import id_of
from xinglin.kit.i18n import Phrase, in_language, t
from xinglin.kit.pages import Download, Moved, Request, Shown
from xinglin.kit.sheets import CSV_MEDIA, XLSX_MEDIA, write_csv, write_xlsx
from xinglin.kit.tables import Column, Fault, Table, headings_in, lines_in, read_row, say_cell
from xinglin.kit.unit import Unit

ROWS_SHOWN = 100
OFFERED_MAX = 500
WHATS: Mapping[str, Phrase] = {"new": t("New"), "changed": t("Changed"), "unchanged": t("Unchanged"), "refused": t("Refused")}
STANDINGS: Mapping[str, Phrase] = {
    "ended": t("Expired"), "soon": t("Ends within 90 days"), "fine": t("In order"), "open": t("No end"), "none": t("None recorded"),
}  # fmt: skip


def _today(unit: Unit, request: Request) -> date:
    return unit.now.astimezone(request.timezone).date()


def _may(unit: Unit, table: str) -> bool:
    return allowed(unit.actor.role, "update", rules.TYPES[table])


def _page_of(request: Request) -> int:
    asked = request.query.get("page", "")
    return max(int(asked), 1) if asked.isdigit() and len(asked) < 6 else 1


def _address(path: str, **query: str | int) -> str:
    told = {name: value for name, value in query.items() if value}
    return f"{path}?{urlencode(told)}" if told else path


# --- looking ---


async def show_institutions(unit: Unit, request: Request) -> Shown:
    """The tree; with `q`, `kind` or `level` the list of those that fit; `at` looks at one branch."""
    q, kind, level = (request.query.get(name, "").strip() for name in ("q", "kind", "level"))

    def wanted(one: Institution) -> bool:
        named = not q or q.casefold() in one.name.casefold() or q.upper() in one.code
        told = (one.kind.code if one.kind else "", one.level.code if one.level else "")
        return named and (not kind or told[0] == kind) and (not level or told[1] == level)

    tree = await queries.tree(unit, request.query.get("at", ""), wanted if q or kind or level else None)
    page = _page_of(request)
    shown = tree.found[(page - 1) * ROWS_SHOWN : page * ROWS_SHOWN]
    more = _address("/institution", q=q, kind=kind, level=level, page=page + 1) if len(tree.found) > page * ROWS_SHOWN else None
    return Shown(
        "directory/institutions.html",
        {
            "tree": tree, "shown": shown, "q": q, "kind": kind, "level": level, "filtered": bool(q or kind or level), "more": more,
            "kinds": codes("kinds"), "levels": codes("levels"), "may_edit": _may(unit, "institution"),
        },
    )  # fmt: skip


async def show_institution(unit: Unit, request: Request) -> Shown:
    """One institution: what it is, departments, staff, equipment, what belongs to it."""
    today = _today(unit, request)
    house = await queries.read_house(unit, request.path["id"], today)
    chosen = request.query.get("department", "")
    positions = [one for one in house.positions if not chosen or one.department == chosen]
    return Shown(
        "directory/institution.html",
        {
            "house": house, "one": house.institution, "chosen": chosen,
            "positions": positions[:ROWS_SHOWN], "position_count": len(positions),
            "names": {part.code: part.name for part, _ in house.departments}, "today": today, "standings": STANDINGS,
            "standing": queries.standing,
            "may_edit": _may(unit, "institution"),
        },
    )  # fmt: skip


async def show_staff(unit: Unit, request: Request) -> Shown:
    """The list of staff, filtered by name, institution, department, profession, licence and number of sites."""
    query = request.query
    asked = queries.StaffAsked(
        query.get("q", "").strip(), query.get("institution", ""), query.get("department", ""), query.get("profession", ""),
        query.get("licence", ""), query.get("sites", ""),
    )  # fmt: skip
    page, today = _page_of(request), _today(unit, request)
    staff = await queries.find_staff(unit, asked, page, today)
    all_ = await queries.institutions(unit)
    house = all_.get(asked.institution)
    departments = (await queries.read_house(unit, house.id, today)).departments if house else ()
    kept = {
        "q": asked.text, "institution": asked.institution, "department": asked.department, "profession": asked.profession,
        "licence": asked.licence, "sites": asked.sites,
    }  # fmt: skip
    more = _address("/staff", **kept, page=page + 1) if page < staff.pages else None
    return Shown(
        "directory/staff.html",
        {
            "staff": staff, "asked": asked, "page": page, "more": more, "standings": STANDINGS, "professions": codes("posts"),
            "institutions": _staffed(all_), "departments": departments, "may_edit": _may(unit, "staff"),
        },
    )  # fmt: skip


def _staffed(all_: Mapping[str, Institution]) -> Sequence[Institution]:
    """Those to choose from, the large ones first."""
    order = {code.code: n for n, code in enumerate(codes("kinds"))}
    return sorted(all_.values(), key=lambda one: (order.get(one.kind.code, 99) if one.kind else 99, one.code))[:OFFERED_MAX]


async def show_worker(unit: Unit, request: Request) -> Shown:
    """Somebody of the staff: certificates with their verification, positions here and elsewhere."""
    today = _today(unit, request)
    worker, positions, departments = await queries.read_worker(unit, request.path["id"], today)
    return Shown(
        "directory/worker.html",
        {
            "worker": worker, "positions": positions, "names": departments, "today": today, "standing": queries.standing,
            "standings": STANDINGS, "may_edit": _may(unit, "staff"),
            "sites": len({one.institution for one in positions if one.active}),
        },
    )  # fmt: skip


async def show_equipment(unit: Unit, request: Request) -> Shown:
    """Devices of institutions, those due for calibration first."""
    institution, kind, due = (request.query.get(name, "") for name in ("institution", "kind", "due"))
    page, today = _page_of(request), _today(unit, request)
    found = await queries.find_equipment(unit, institution, kind, due, today)
    kept = {"institution": institution, "kind": kind, "due": due}
    more = _address("/equipment", **kept, page=page + 1) if len(found) > page * ROWS_SHOWN else None
    return Shown(
        "directory/equipment.html",
        {
            "rows": found[(page - 1) * ROWS_SHOWN : page * ROWS_SHOWN], "total": len(found), "kind": kind, "due": due, "more": more,
            "institution": institution, "kinds": codes("equipment"), "today": today, "standing": queries.standing,
            "institutions": _staffed(await queries.institutions(unit)), "may_edit": _may(unit, "equipment"),
        },
    )  # fmt: skip


async def show_teams(unit: Unit, _request: Request) -> Shown:
    """The family doctors' teams of each institution."""
    return Shown("directory/teams.html", {"teams": await queries.find_teams(unit)})


# --- forms ---


async def show_form(unit: Unit, request: Request) -> Shown:
    """A form for something new (filled with what the address says), or about what is there."""
    table = _table(unit, request.path["table"])
    known = await queries.known_of(unit, table.name)
    about = _about(known, table, request)
    which = request.query.get("which", "")
    cells = dict(rules.TELL[table.name](known, about, which)) if about else dict(request.query)
    return _form(known, table, request, cells, (), about)


async def save_form(unit: Unit, request: Request) -> Shown | Moved:
    """Write the form; shown again, nothing lost, with words beside each field that cannot be."""
    table = _table(unit, request.path["table"])
    cells = {column.key: request.form.get(column.key, "") for column in table.asked}
    row = read_row(table, cells)
    which, version = request.form.get("which", ""), request.form.get("version", "")
    try:
        settled, saved = await actions.save(unit, table.name, row, _today(unit, request), request.path.get("id", ""), which, version)
    except (Conflict, Stale):
        settled, saved = None, None
    if saved is not None:
        return Moved(_home(saved, table.name))
    faults = settled.faults if settled else (Fault("", t("Somebody has changed this meanwhile. Open it again and compare.")),)
    known = await queries.known_of(unit, table.name)
    return _form(known, table, request, cells, faults, _about(known, table, request), status=422)


def _table(unit: Unit, name: str) -> Table:
    table = tables().get(name)
    if table is None:
        raise NotFound("There is no such table.")
    require(unit.actor, "update", rules.TYPES[name])
    return table


def _about(known: rules.Known, table: Table, request: Request) -> Resource | None:
    if "id" not in request.path:
        return None
    found = known.resources.get(f"{rules.TYPES[table.name]}/{request.path['id']}")
    if found is None:
        raise NotFound("There is nothing of this kind any more.")
    return found


def _form(
    known: rules.Known,
    table: Table,
    request: Request,
    cells: Mapping[str, str],
    faults: Sequence[Fault],
    about: Resource | None,
    status: int = 200,
) -> Shown:
    houses = _staffed({one.id: one for one in map(Institution.of, known.of("Organization")) if one.kind and one.code})
    offered = [(one.code, one.name) for one in houses] if len(houses) < OFFERED_MAX else []
    return Shown(
        "directory/form.html",
        {
            "table": table, "cells": cells, "faults": {fault.column: fault.why for fault in faults}, "about": about, "offered": offered,
            "version": request.form.get("version") or (about or {}).get("meta", {}).get("versionId", ""),
            "which": request.form.get("which") or request.query.get("which", ""),
            "back": _home(about, table.name) if about else _back(known, table.name, cells),
        },
        status,
    )  # fmt: skip


def _home(saved: Resource, table: str) -> str:
    """Where what was written is shown."""
    if table in ("institution", "staff", "licence"):
        return f"/{'institution' if table == 'institution' else 'staff'}/{saved['id']}"
    if table == "position":
        return f"/staff/{id_of(saved.get('practitioner'))}"
    return f"/institution/{id_of(saved.get('partOf') if table == 'department' else saved.get('owner'))}"


def _back(known: rules.Known, table: str, cells: Mapping[str, str]) -> str:
    house, worker = known.find("institution", cells.get("institution", "")), known.find("staff", cells.get("staff", ""))
    if table in ("licence", "position") and worker:
        return f"/staff/{worker['id']}"
    if house:
        return f"/institution/{house['id']}"
    return {"staff": "/staff", "equipment": "/equipment"}.get(table, "/institution")


async def end_position(unit: Unit, request: Request) -> Moved:
    """Today is the last day of a position."""
    await actions.end_position(unit, request.path["id"], request.path["position"], _today(unit, request))
    return Moved(f"/staff/{request.path['id']}")


# --- files ---


async def export(unit: Unit, request: Request) -> Download:
    """A whole table as a file; who may not change the directory gets numbers and telephones masked."""
    table = tables().get(request.path["table"])
    if table is None:
        raise NotFound("There is no such table.")
    require(unit.actor, "search", rules.TYPES[table.name])
    rows = await queries.rows_of(unit, table.name)
    if not _may(unit, table.name):
        rows = [_masked(table, row) for row in rows]
    lines = lines_in(table, rows, request.language)
    return _file(table, request, headings_in(table, request.language), lambda _: lines, str(_today(unit, request)))


def _masked(table: Table, row: rules.Values) -> rules.Values:
    numbers = {"staff": ("number",), "licence": ("staff",), "position": ("staff",)}.get(table.name, ())
    phones = ("phone",) if table.name == "staff" else ()
    masks = dict.fromkeys(numbers, mask_number) | dict.fromkeys(phones, mask_phone)
    return {key: masks[key](text) if text and key in masks else text for key, text in row.items()}


async def template(_unit: Unit, request: Request) -> Download:
    """A file with the headings alone, to fill in."""
    table = tables().get(request.path["table"])
    if table is None:
        raise NotFound("There is no such table.")
    asked = Table(table.name, table.title, table.asked)
    return _file(asked, request, headings_in(asked, request.language), lambda _: (), "")


Lines = Callable[[Callable[[Phrase], str]], Sequence[Sequence[str]]]


def _file(table: Table, request: Request, header: Sequence[str], lines: Lines, mark: str) -> Download:
    title = in_language(request.language, table.title)
    name = "-".join(part for part in (title, mark) if part)
    if request.query.get("format") == "csv":
        return Download(f"{name}.csv", CSV_MEDIA, lambda say: write_csv(header, lines(say)))
    return Download(f"{name}.xlsx", XLSX_MEDIA, lambda say: write_xlsx(title, header, lines(say)))


async def show_import(unit: Unit, request: Request) -> Shown:
    """Where a file is chosen, with the templates."""
    chosen = request.query.get("table", "institution")
    return _choose(unit, chosen, None)


def _choose(unit: Unit, chosen: str, why: Phrase | None, status: int = 200) -> Shown:
    require(unit.actor, "update", "Organization")
    most = unit.store.store.ground.settings.upload_bytes_max // (1024 * 1024)
    return Shown("directory/import.html", {"tables": tables().values(), "chosen": chosen, "why": why, "most_mb": most}, status)


async def send_import(unit: Unit, request: Request) -> Shown | Moved:
    """Take a file; on to its preview, or back with words why it cannot be read."""
    name, file = request.form.get("table", ""), request.files.get("file")
    if name not in tables():
        raise NotFound("There is no such table.")
    if file is None or not file.content:
        return _choose(unit, name, t("Choose a file first."), 422)
    try:
        return Moved(f"/directory/import/{await actions.take_file(unit, name, file)}")
    except (Malformed, TooLarge) as refused:
        return _choose(unit, name, Phrase(refused.text, tuple(refused.places.items())), refused.status)


async def show_preview(unit: Unit, request: Request) -> Shown:
    """What a file would do, row by row; what it has done, once it was confirmed."""
    return await _preview(unit, request)


async def _preview(unit: Unit, request: Request, why: Phrase | None = None, status: int = 200) -> Shown:
    paper = await actions.waiting_file(unit, request.path["key"])
    waiting, table = paper.value, tables()[paper.value.table]
    values: dict[str, object] = {"key": paper.key, "waiting": waiting, "table": table, "whats": WHATS, "why": why}
    if waiting.state != "waiting":
        return Shown("directory/receipt.html", values, status)
    seen = await actions.preview(unit, waiting, request.timezone)
    show, page = request.query.get("show", ""), _page_of(request)
    rows = [one for one in seen.rows if not show or one.what == show]
    more = _address(f"/directory/import/{paper.key}", show=show, page=page + 1) if len(rows) > page * ROWS_SHOWN else None
    counts = {what: seen.count(what) for what in WHATS}
    shown = [_told(table, one, request.language) for one in rows[(page - 1) * ROWS_SHOWN : page * ROWS_SHOWN]]
    return Shown(
        "directory/preview.html",
        values | {"seen": seen, "counts": counts, "rows": shown, "show": show, "more": more, "writes": counts["new"] + counts["changed"]},
        status,
    )


def _told(table: Table, one: Settled, language: str) -> Mapping[str, object]:
    """A row as the preview tells it: what stands in it, what changes, why it is refused."""
    columns = {column.key: column for column in table.columns}
    lead = [column for column in table.asked if column.required][:4]
    return {
        "number": one.row.number,
        "what": one.what,
        "lead": [(column.title, one.row.cells.get(column.key, "")) for column in lead],
        "changes": [
            (change.column.title, say_cell(change.column, change.before, language), say_cell(change.column, change.after, language))
            for change in (one.changes if one.what == "changed" else ())
        ],
        "faults": [(_title(columns, fault), one.row.cells.get(fault.column, ""), fault.why) for fault in one.faults],
    }


def _title(columns: Mapping[str, Column], fault: Fault) -> tuple[str, ...]:
    return columns[fault.column].title if fault.column in columns else ()


async def confirm_import(unit: Unit, request: Request) -> Shown | Moved:
    """Write what the preview showed; the preview again when the directory has changed since."""
    key = request.path["key"]
    try:
        await actions.confirm(unit, key, request.form.get("mark", ""), request.timezone)
    except (Conflict, Stale) as refused:
        return await _preview(unit, request, Phrase(refused.text, tuple(refused.places.items())), refused.status)
    return Moved(f"/directory/import/{key}")


async def reasons(unit: Unit, request: Request) -> Download:
    """The file as it came, with a column more that says of each row what becomes of it and why; `only` refused rows."""
    paper = await actions.waiting_file(unit, request.path["key"])
    waiting, table = paper.value, tables()[paper.value.table]
    seen = await actions.preview(unit, waiting, request.timezone)
    heading = in_language(request.language, actions.REASON_HEADINGS)
    places = [n for n, text in enumerate(waiting.header) if text not in actions.REASON_HEADINGS]
    raw: dict[int, tuple[str, ...]] = dict(waiting.rows)
    wanted = [one for one in seen.rows if one.what == "refused" or not request.query.get("only")]

    def lines(say: Callable[[Phrase], str]) -> list[tuple[str, ...]]:
        return [(*(raw[one.row.number][n] for n in places), _why(table, one, request.language, say)) for one in wanted]

    return _file(table, request, [*(waiting.header[n] for n in places), heading], lines, "")


def _why(table: Table, one: Settled, language: str, say: Callable[[Phrase], str]) -> str:
    """Why a row is refused, in one line; what becomes of it otherwise."""
    columns = {column.key: column for column in table.columns}
    told = [": ".join(part for part in (in_language(language, _title(columns, fault)), say(fault.why)) if part) for fault in one.faults]
    return " ".join(told) or say(WHATS[one.what])
