"""What the security centre reads. A resident is a masked name here, and no content of a record is opened."""

from __future__ import annotations

from asyncio import gather
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from xinglin.access.accounts import Account, Live, Register, Sessions
from xinglin.access.accounts.attempts import BY_LOGIN, Times
from xinglin.access.breakglass import Glass, cases
from xinglin.access.oauth.model import drawers
from xinglin.base.clock import instant, moment_of, tick_of
from xinglin.base.errors import Gone, NotFound
from xinglin.base.text import mask_name, mask_phone
from xinglin.capabilities.consent import Objection, Someone, objections_of, people_of, what_of
from xinglin.capabilities.security_center import rules
from xinglin.capabilities.security_center.model import ActLine, Attention, Complaint, Emergency, Notes, Person, Risky, SignedIn
from xinglin.kit import person as kit_person
from xinglin.kit.unit import Unit
from xinglin.store import Scope, Store, inventory
from xinglin.store.ledger import looking
from xinglin.store.papers import Paper, Papers

LISTED_MAX = 200
LOOKS_SHOWN = 300
SESSIONS_MAX = 1000
DAY_US = rules.DAY_US
SIGN_INS = ("sign-in", "step-up", "password-change", "identity-proof")


@dataclass(frozen=True, slots=True)
class Veiled:
    """A resident masked, and how to mask their name where somebody wrote it down."""

    person: Person
    name: str

    def veil(self, text: str) -> str:
        """A text without the resident's name."""
        return text.replace(self.name, self.person.name) if len(self.name) > 1 else text


async def veiled(store: Store, patient: str, now: datetime, timezone: ZoneInfo) -> Veiled:
    """A resident as an administrator may see one."""
    try:
        found = (await store.records(Scope.everyone()).read("Patient", patient)).resource()
    except (NotFound, Gone):
        return Veiled(Person("*", None, None), "")
    told = kit_person.Person.of(found, now, timezone)
    masked = mask_name(told.name) if len(told.name) > 1 else "*"
    return Veiled(Person(masked, told.sex, told.age.phrase() if told.age else None), told.name)


def named(who: Someone) -> str:
    """The name of who acted; a resident's is masked, and the telephone that stands for a name until it is proved."""
    if who.name.isdigit():
        return mask_phone(who.name)
    return mask_name(who.name) if who.role == "resident" else who.name


# --- emergencies ---


async def emergencies(unit: Unit, timezone: ZoneInfo, *, judged: bool = False) -> list[Emergency]:
    """The cases that wait, oldest first; or those judged, newest first."""
    papers = cases(unit.store.store)
    found = await (papers.all(tick_of(unit.now)) if judged else papers.find("open", tick_of(unit.now)))
    chosen = sorted((one for one in found if (one.value.state != "open") == judged), key=lambda one: one.value.began, reverse=judged)
    return [await _emergency(unit, one, timezone) for one in chosen[:LISTED_MAX]]


async def count_emergencies(unit: Unit) -> int:
    """How many emergency looks wait for a judgement."""
    return len(await cases(unit.store.store).find("open", tick_of(unit.now)))


async def count_objections(unit: Unit) -> int:
    """How many objections wait for an answer."""
    found = await objections_of(unit.store.store).find("open", tick_of(unit.now))
    return sum(one.value.state == "open" for one in found)


async def emergency(unit: Unit, key: str, timezone: ZoneInfo) -> Emergency:
    """One case with what was looked at, and what else this person opened. Raises `NotFound`."""
    store, now_us = unit.store.store, tick_of(unit.now)
    paper = await cases(store).look(key, now_us)
    if paper is None:
        raise NotFound("There is no such case.")
    case = paper.value
    await store.trail.flush()
    acts = await looking.acts(store.ground, actor=case.account, patient=case.number, since=case.began, until=case.ends, limit=LOOKS_SHOWN)
    others = await cases(store).find(f"account {case.account}", now_us)
    told = tuple((one.key, instant(one.value.began), one.value.state) for one in reversed(others) if one.key != key)
    shown = await _emergency(unit, paper, timezone)
    return Emergency(shown.key, shown.case, shown.whom, shown.place, shown.began, shown.ends, _looked(acts), told[:20])


def _looked(acts: Sequence[looking.Act]) -> tuple[tuple[str, rules.Phrase, int], ...]:
    """What was looked at: first time, kind of data, how often; in the order of the first look."""
    told: dict[str, tuple[str, rules.Phrase, int]] = {}
    for act in reversed(acts):
        if act.interaction in ("break-glass", "emergency-lookup"):
            continue
        what = what_of(act)
        first, _, count = told.get(what.text, (instant(act.at), what, 0))
        told[what.text] = (first, what, count + 1)
    return tuple(told.values())


async def _emergency(unit: Unit, paper: Paper[Glass], timezone: ZoneInfo) -> Emergency:
    case = paper.value
    about = await veiled(unit.store.store, case.patient, unit.now, timezone)
    told = msgspec.structs.replace(case, reason=about.veil(case.reason), verdict=about.veil(case.verdict))
    return Emergency(paper.key, told, about.person, await _place(unit, case.units), instant(case.began), instant(case.ends))


async def _place(unit: Unit, units: Iterable[str]) -> str:
    reference = next((one for one in units if one.startswith("Organization/")), "")
    if not reference:
        return ""
    try:
        return (await unit.store.read("Organization", reference.partition("/")[2])).resource().get("name", "")
    except (NotFound, Gone):
        return ""


# --- objections ---


async def complaints(unit: Unit, timezone: ZoneInfo, *, closed: bool = False) -> list[Complaint]:
    """The objections that wait, oldest first; or those closed, newest first."""
    papers = objections_of(unit.store.store)
    found = await (papers.all(tick_of(unit.now)) if closed else papers.find("open", tick_of(unit.now)))
    chosen = [one for one in found if (one.value.state in ("upheld", "dismissed")) == closed]
    return [await _complaint(unit, one, timezone) for one in (reversed(chosen) if closed else chosen)][:LISTED_MAX]


async def complaint(unit: Unit, key: str, timezone: ZoneInfo) -> Complaint:
    """One objection. Raises `NotFound`."""
    paper = await objections_of(unit.store.store).look(key, tick_of(unit.now))
    if paper is None:
        raise NotFound("There is no such case.")
    return await _complaint(unit, paper, timezone)


async def _complaint(unit: Unit, paper: Paper[Objection], timezone: ZoneInfo) -> Complaint:
    case = paper.value
    about = await veiled(unit.store.store, case.patient, unit.now, timezone)
    steps = tuple(msgspec.structs.replace(step, words=about.veil(step.words), by=_by(step.by, step.role)) for step in case.steps)
    return Complaint(paper.key, msgspec.structs.replace(case, steps=steps), about.person)


def _by(name: str, role: str) -> str:
    return mask_name(name) if role == "resident" else name


async def complained_of(unit: Unit, case: Objection) -> looking.Act | None:
    """The act an objection is about; None when it is in an archive."""
    return await looking.act(unit.store.store.ground, case.act)


# --- signing in, sessions, accounts ---


async def failed(unit: Unit, hours: int) -> list[ActLine]:
    """Refused sign-ins of the last hours, newest first."""
    since = tick_of(unit.now) - hours * 3600 * 1_000_000
    store = unit.store.store
    await store.trail.flush()
    return await lines(unit, await looking.acts(store.ground, since=since, interaction=SIGN_INS, refused_only=True, limit=LISTED_MAX))


async def locked(unit: Unit) -> list[tuple[str, int, str]]:
    """What is locked now: the sign-in name (masked when a telephone), failures, until when (instant)."""
    now_us = tick_of(unit.now)
    told: list[tuple[str, int, str]] = []
    for paper in await Papers(unit.store.store.ground, "attempts", Times).all(now_us):
        kind, _, name = paper.key.partition(":")
        recent = [one for one in paper.value.times if now_us - one < BY_LOGIN.window_us]
        if kind == "login" and len(recent) >= BY_LOGIN.most:
            told.append((mask_phone(name) if name.isdigit() else name, len(recent), instant(recent[-BY_LOGIN.most] + BY_LOGIN.window_us)))
    return told


async def signed_in(unit: Unit) -> list[SignedIn]:
    """Every session that is open, last used first."""
    found = await Sessions(unit.store.store.ground).all(unit.now, limit=SESSIONS_MAX)
    opened = sorted((one for one in found if one.session.stage == "open"), key=lambda one: -one.session.seen)
    return [_signed_in(unit, one) for one in opened]


def _signed_in(unit: Unit, live: Live) -> SignedIn:
    session, hat = live.session, live.session.hat
    resident = session.kind == "resident" or (hat is not None and hat.role == "resident")
    name = mask_name(session.name) if resident else session.name
    place = "" if resident or hat is None else hat.title
    who = (live.id, name, hat.role if hat else "", place)
    times = instant(session.started), instant(session.seen)
    return SignedIn(*who, session.address, session.browser[:60], *times, live.id == unit.actor.session)


async def risky(unit: Unit) -> list[Risky]:
    """Accounts of staff with something the matter."""
    ground = unit.store.store.ground
    register, now_us = Register(ground), tick_of(unit.now)
    accounts = [*await register.staff(unit.now), *await register.personas(unit.now)]
    demo = bool(ground.settings.demo)
    told = ((one, rules.risks_of(one, now_us, ground.settings.password_days, demo=demo)) for one in accounts)
    return [_risky(one, why) for one, why in told if why]


def _risky(account: Account, why: tuple[rules.Phrase, ...]) -> Risky:
    role = account.hats[0].role if account.hats else ""
    return Risky(account.id, account.login, mask_name(account.name) if role == "resident" else account.name, role, why)


# --- the trail ---


async def lines(unit: Unit, acts: Sequence[looking.Act]) -> list[ActLine]:
    """Acts as an administrator may read them."""
    people = await people_of(unit.store.store, (one.actor for one in acts), unit.now)
    return [_line(one, people[one.actor]) for one in acts]


def _line(act: looking.Act, who: Someone) -> ActLine:
    about = act.id or ""
    asked = "" if act.interaction in _TOLD else rules.without_values(act.query)
    return ActLine(
        act.n, instant(act.at), act.actor, named(who), act.role, act.interaction, act.type or "", about, asked, act.status,
        act.address or "", act.ground or "", len(act.patients),
    )  # fmt: skip


_TOLD = frozenset({"break-glass", "judge-justified", "judge-unjustified", "identity-proof", "act-for"})
"""Deeds whose words may name a resident: the case has its own page."""


async def account_named(unit: Unit, typed: str) -> str:
    """The account somebody means by id, sign-in name or full name; the text itself when there is none of that name."""
    register = Register(unit.store.store.ground)
    by_login = await register.by_login(typed, unit.now)
    if by_login is not None:
        return by_login.id
    of_name = await register.named(typed, unit.now)
    return of_name[0].id if len(of_name) == 1 else typed


# --- the whole ---


def notes_of(store: Store) -> Papers[Notes]:
    """What was noted about controls."""
    return Papers(store.ground, "control note", Notes)


async def attention(unit: Unit) -> Attention:
    """The numbers of the first page."""
    store, now_us = unit.store.store, tick_of(unit.now)
    await store.trail.flush()
    opened, waiting = await gather(count_emergencies(unit), count_objections(unit))
    refused = await looking.count(store.ground, since=now_us - DAY_US, interaction=SIGN_INS, refused_only=True)
    shut, sessions, accounts = await gather(locked(unit), signed_in(unit), risky(unit))
    ledger, keys = await gather(looking.state(store.ground), inventory.keys_seen(store.ground))
    many = looking.COUNTED_MAX if refused is None else refused
    return Attention(opened, waiting, many, len(shut), len(sessions), len(accounts), ledger, key_days(keys, unit.now))


def key_days(keys: Iterable[inventory.KeySeen], now: datetime) -> int:
    """How old the current data key is."""
    return next((max(0, (now - one.seen).days) for one in keys if one.current), 0)


async def applications(unit: Unit) -> list[tuple[str, str, bool, str]]:
    """Connected applications: name, role when nobody is present, disabled, since."""
    found = await drawers(unit.store.store.ground).applications.all(tick_of(unit.now))
    return [(one.value.name, one.value.role, one.value.disabled, instant(one.value.made_us)) for one in found]


def days_since(at: int | None, now: datetime) -> int | None:
    """Whole days since a moment in microseconds."""
    return None if at is None else max(0, (now - moment_of(at)).days)
