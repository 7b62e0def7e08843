"""The pages of the security centre. Which administrator opens which stands in the table of contents."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from xinglin.access.accounts import Register
from xinglin.access.accounts.attempts import BY_LOGIN
from xinglin.access.actor import ROLES
from xinglin.base.clock import instant, tick_of
from xinglin.base.errors import Conflict, Malformed
from xinglin.capabilities.consent import GROUNDS, STATES, answer, moves_for, people_of, what_of, where_of
from xinglin.capabilities.security_center import actions, queries, rules
from xinglin.capabilities.security_center.model import DEEDS, STANDINGS
from xinglin.kit.i18n import Phrase, in_language
from xinglin.kit.pages import Download, Moved, Request, Shown
from xinglin.kit.unit import Unit
from xinglin.kit.workspaces import ROLE_TITLES
from xinglin.store import inventory, resealing
from xinglin.store.ledger import looking

PAGE_SIZE = 50
EXPORTED_MAX = 10_000
HOURS = (24, 168)
_WORDS = {"roles": ROLE_TITLES, "states": STATES, "grounds": GROUNDS, "deeds": DEEDS, "instant": instant}


async def show_home(unit: Unit, _request: Request) -> Shown:
    """What needs attention."""
    return Shown("security_center/home.html", _WORDS | {"attention": await queries.attention(unit), "key_days_max": rules.KEY_DAYS_MAX})


# --- emergencies and objections ---


async def show_emergencies(unit: Unit, request: Request) -> Shown:
    """The emergency looks that wait, or with `judged` those that were judged."""
    judged = bool(request.query.get("judged"))
    found = await queries.emergencies(unit, request.timezone, judged=judged)
    return Shown("security_center/emergencies.html", _WORDS | {"cases": found, "judged": judged})


async def show_emergency(unit: Unit, request: Request) -> Shown:
    """One emergency look, to be judged."""
    return await _emergency(unit, request)


async def _emergency(unit: Unit, request: Request, refused: Malformed | Conflict | None = None) -> Shown:
    one = await queries.emergency(unit, request.path["key"], request.timezone)
    values = {"one": one, "error": _said(refused), "typed": request.form}
    return Shown("security_center/emergency.html", _WORDS | values, refused.status if refused else 200)


async def judge(unit: Unit, request: Request) -> Moved | Shown:
    """Judges an emergency look."""
    try:
        await actions.judge_emergency(unit, request.path["key"], request.form.get("state", ""), request.form.get("words", ""))
    except (Malformed, Conflict) as refused:
        return await _emergency(unit, request, refused)
    return Moved("/security/emergency")


async def show_objections(unit: Unit, request: Request) -> Shown:
    """The objections that wait, or with `closed` those that are closed."""
    closed = bool(request.query.get("closed"))
    found = await queries.complaints(unit, request.timezone, closed=closed)
    return Shown("security_center/objections.html", _WORDS | {"cases": found, "closed": closed})


async def show_objection(unit: Unit, request: Request) -> Shown:
    """One objection with the look it is about."""
    return await _objection(unit, request)


async def _objection(unit: Unit, request: Request, refused: Malformed | Conflict | None = None) -> Shown:
    one = await queries.complaint(unit, request.path["key"], request.timezone)
    act = await queries.complained_of(unit, one.case)
    who = (await people_of(unit.store.store, [one.case.about], unit.now))[one.case.about]
    grounds = [GROUNDS[name.strip()] for name in one.case.ground.split(",") if name.strip() in GROUNDS]
    values = {
        "one": one, "who": who, "name": queries.named(who), "grounds": grounds,
        "what": what_of(act) if act else None, "where": where_of(act.address) if act else None,
        "moves": moves_for(one.case, unit.actor.role), "error": _said(refused), "typed": request.form,
    }  # fmt: skip
    return Shown("security_center/objection.html", _WORDS | values, refused.status if refused else 200)


async def answer_objection(unit: Unit, request: Request) -> Moved | Shown:
    """Answers, upholds or dismisses an objection."""
    key = request.path["key"]
    try:
        await answer(unit, key, request.form.get("move", ""), request.form.get("words", ""))
    except (Malformed, Conflict) as refused:
        return await _objection(unit, request, refused)
    return Moved(f"/security/objection/{key}")


# --- signing in, sessions, accounts ---


async def show_sign_ins(unit: Unit, request: Request) -> Shown:
    """Failed sign-ins and what is locked now."""
    asked = request.query.get("hours", "")
    hours = int(asked) if asked.isdigit() and int(asked) in HOURS else HOURS[0]
    values = {"lines": await queries.failed(unit, hours), "locked": await queries.locked(unit), "hours": hours, "choices": HOURS}
    return Shown("security_center/sign_ins.html", _WORDS | values | {"limit": BY_LOGIN})


async def show_sessions(unit: Unit, _request: Request) -> Shown:
    """Who is signed in."""
    return Shown("security_center/sessions.html", _WORDS | {"sessions": await queries.signed_in(unit)})


async def end_session(unit: Unit, request: Request) -> Moved:
    """Ends a session."""
    await actions.end_session(unit, request.path["session"], request.address)
    return Moved("/security/session")


async def show_accounts(unit: Unit, _request: Request) -> Shown:
    """Accounts with something the matter."""
    return Shown("security_center/accounts.html", _WORDS | {"accounts": await queries.risky(unit)})


# --- keys, ledger, trail ---


async def show_keys(unit: Unit, _request: Request) -> Shown:
    """Data keys with their age, and how far re-sealing is."""
    ground = unit.store.store.ground
    keys, sample = await inventory.keys_seen(ground), await inventory.sealed_sample(ground)
    ages = [(one, (unit.now - one.seen).days, one.seen.isoformat()) for one in keys]
    values = {"keys": ages, "sample": sample, "job": await resealing.newest(ground), "cipher": ground.settings.cipher.upper()}
    return Shown("security_center/keys.html", _WORDS | values | {"days_max": rules.KEY_DAYS_MAX})


async def show_ledger(unit: Unit, _request: Request) -> Shown:
    """How the audit ledger stands."""
    ground = unit.store.store.ground
    began = await inventory.trail_began(ground)
    values = {"state": await looking.state(ground), "began": instant(began) if began else "", "days_min": ground.settings.audit_days_min}
    return Shown("security_center/ledger.html", _WORDS | values)


async def verify_ledger(unit: Unit, _request: Request) -> Moved:
    """Verifies the newest part of the ledger."""
    await actions.verify_part(unit)
    return Moved("/security/ledger")


async def show_trail(unit: Unit, request: Request) -> Shown:
    """The audit trail, searched; `before` pages."""
    store, before = unit.store.store, request.query.get("before", "")
    await store.trail.flush()
    asked, refused = await _asked(unit, request)
    found = await looking.acts(store.ground, **asked, before=int(before) if before.isdigit() else None, limit=PAGE_SIZE + 1)
    kept = {name: value for name, value in request.query.items() if name != "before" and value}
    more = f"/security/audit?{urlencode(kept | {'before': str(found[PAGE_SIZE - 1].n)})}" if len(found) > PAGE_SIZE else None
    values = {
        "lines": await queries.lines(unit, found[:PAGE_SIZE]), "count": await looking.count(store.ground, **asked), "more": more,
        "query": request.query, "all_roles": [role for role in ROLES if role in ROLE_TITLES], "later": bool(before),
        "export": f"/security/audit/export?{urlencode(kept)}", "error": refused, "exported_max": EXPORTED_MAX,
    }  # fmt: skip
    return Shown("security_center/trail.html", _WORDS | values)


async def export_trail(unit: Unit, request: Request) -> Download:
    """The acts a search finds as CSV. Raises `StepUp`; leaves a row of its own in the trail."""
    await actions.require_proof(unit)
    store = unit.store.store
    await store.trail.flush()
    asked, _ = await _asked(unit, request)
    taken: list[looking.Act] = []
    while len(taken) < EXPORTED_MAX:
        page = await looking.acts(store.ground, **asked, before=taken[-1].n if taken else None, limit=min(1000, EXPORTED_MAX - len(taken)))
        if not page:
            break
        taken += page
    actions.note_export(unit, len(taken))
    content = rules.table_of(await queries.lines(unit, taken), [in_language(request.language, names) for names in _HEADING])
    return Download(f"audit-{unit.now.astimezone(request.timezone):%Y%m%d-%H%M}.csv", "text/csv; charset=utf-8", content)


_HEADING = (
    ("Number", "序号"), ("Time", "时间"), ("Account", "账号"), ("Name", "姓名"), ("Role", "角色"), ("Deed", "操作"), ("Kind", "类型"),
    ("About", "对象"), ("Asked", "请求"), ("Status", "状态"), ("Address", "地址"), ("Ground", "依据"),
)  # fmt: skip


async def _asked(unit: Unit, request: Request) -> tuple[dict[str, Any], Phrase | None]:
    """What the form of the trail asks, as `looking.acts` takes it; and what of it cannot be read."""
    query, refused = request.query, None
    asked: dict[str, Any] = {
        name: query[name].strip() for name in ("role", "interaction", "type", "address") if query.get(name, "").strip()
    }
    if query.get("who", "").strip():
        asked["actor"] = await queries.account_named(unit, query["who"].strip())
    for name, days in (("since", 0), ("until", 1)):
        if text := query.get(name, ""):
            try:
                day = datetime.fromisoformat(text[:10]).replace(tzinfo=request.timezone) + timedelta(days=days)
            except ValueError:
                refused = rules.NO_DAY
            else:
                asked[name] = tick_of(day)
    if query.get("refused"):
        asked["refused_only"] = True
    return asked, refused


# --- what is held, controls ---


async def show_assets(unit: Unit, _request: Request) -> Shown:
    """What is held, how sensitive and how large; files, accounts, applications, relations."""
    ground = unit.store.store.ground
    register = Register(ground)
    roles = [(role, len(await register.in_role(role, unit.now))) for role in ROLES]
    values = {
        "held": await inventory.holdings(ground), "bytes": await inventory.bytes_of(ground),
        "sample": await inventory.sealed_sample(ground),
        "relations": rules.relations_told(await inventory.relations_now(ground, tick_of(unit.now))),
        "accounts": [one for one in roles if one[1]],
        "applications": await queries.applications(unit), "files": _files(ground.settings.home_path), "size": rules.size,
    }  # fmt: skip
    return Shown("security_center/assets.html", _WORDS | values)


def _files(home: Path) -> list[tuple[str, int, int]]:
    """Folder of the home -> files and bytes in it: exports, imports, archives."""
    told: list[tuple[str, int, int]] = []
    for name in ("exports", "imports", "archive"):
        sizes = [one.stat().st_size for one in (home / name).rglob("*") if one.is_file()] if (home / name).is_dir() else []
        if sizes:
            told.append((name, len(sizes), sum(sizes)))
    return told


async def show_controls(unit: Unit, request: Request) -> Shown:
    """The list of controls with their evidence of this moment; `standing` filters."""
    return await _controls(unit, request)


async def _controls(unit: Unit, request: Request, refused: Malformed | Conflict | None = None) -> Shown:
    papers = await queries.notes_of(unit.store.store).all(tick_of(unit.now))
    told = rules.shown(await actions.measure(unit), {one.key: one.value for one in papers})
    wanted = request.query.get("standing", "")
    counts = {standing: sum(one.standing == standing for one in told) for standing in STANDINGS}
    listed = [one for one in told if not wanted or one.standing == wanted]
    values = {"controls": listed, "counts": counts, "standings": STANDINGS, "wanted": wanted, "error": _said(refused)}
    return Shown("security_center/controls.html", _WORDS | values | {"typed": request.form}, refused.status if refused else 200)


async def note_control(unit: Unit, request: Request) -> Moved | Shown:
    """Notes a document for a control, or why it does not apply."""
    try:
        await actions.note_control(unit, request.path["control"], request.form.get("standing", ""), request.form.get("words", ""))
    except (Malformed, Conflict) as refused:
        return await _controls(unit, request, refused)
    return Moved("/security/control")


def _said(refused: Malformed | Conflict | None) -> Phrase | None:
    return Phrase(refused.text, tuple(refused.places.items())) if refused else None
