"""What follows from acts, choices and moves, decided without a database: plain words, a Consent, the next state of an objection."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import msgspec

from xinglin.access.breakglass import Glass
from xinglin.access.consent import RESTRICTED_LABELS
from xinglin.base.clock import instant, moment_of
from xinglin.base.errors import Conflict, Forbidden, Invalid, Malformed
from xinglin.capabilities.consent.model import (
    CODES,
    DEEDS,
    FINAL,
    GROUNDS,
    KIND_GROUPS,
    LOOKED,
    PARTS,
    PURPOSES,
    WHATS,
    Choice,
    Entry,
    Given,
    Move,
    Objection,
    Someone,
    State,
    Step,
    Subject,
)
from xinglin.fhir.codec import Resource
from xinglin.kit.i18n import Phrase, t
from xinglin.store.ledger.looking import REFUSED_FROM, Act

WORDS_MIN, WORDS_MAX = 4, 2000
_CODE = re.compile(r"\d{1,5}-\d")
_CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
_ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
_REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
_PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"

# --- looks ---


def what_of(act: Act) -> Phrase:
    """What of the record an act was about, in plain words."""
    query = unquote(act.query or "")
    if query.startswith("/"):
        found = next((words for pattern, words in PARTS if re.match(pattern, query)), None)
        if found is not None:
            return found
    if act.type == "Observation" and (code := next((one for one in _CODE.findall(query) if one in CODES), "")):
        return CODES[code]
    return WHATS.get(act.type or "", t("other parts of the record"))


def where_of(address: str | None) -> Phrase:
    """What kind of place a network address is."""
    try:
        inside = ipaddress.ip_address(address or "").is_private
    except ValueError:
        return t("place not recorded")
    return t("from inside the health network") if inside else t("from outside, over the internet")


def grounds_of(act: Act) -> tuple[Phrase, ...]:
    """On what ground an act was allowed, in words; () for one that was refused or says nothing."""
    return tuple(GROUNDS[name] for name in named_ground(act).split(", ") if name in GROUNDS)


def named_ground(act: Act) -> str:
    """The ground of an act as one of its residents may know it.

    A list of several residents is one act whose grounds are those of everyone in it: only one alone is the ground of each.
    """
    ground = act.ground or ""
    return "list" if len(act.patients) > 1 and "," in ground else ground


def entries(
    acts: Sequence[Act],
    people: Mapping[str, Someone],
    own: frozenset[str],
    cases: Sequence[Glass],
    objected: Mapping[int, str],
    timezone: ZoneInfo,
) -> list[Entry]:
    """Acts, newest first, gathered by day, person, ground and whether they were refused. `objected`: act number -> key of the case."""
    gathered: dict[tuple[object, ...], list[Act]] = {}
    for act in acts:
        day = moment_of(act.at).astimezone(timezone).date().isoformat()
        glass = glass_behind(act, cases)
        key = (day, act.actor, act.role, act.status >= REFUSED_FROM, glass, named_ground(act) if glass is None else "")
        gathered.setdefault(key, []).append(act)
    return [
        _entry(str(key[0]), ones, people[ones[0].actor], ones[0].actor in own, glass_behind(ones[0], cases), objected)
        for key, ones in gathered.items()
    ]


def _entry(day: str, acts: list[Act], who: Someone, own: bool, glass: Glass | None, objected: Mapping[int, str]) -> Entry:
    newest, oldest = acts[0], acts[-1]
    return Entry(
        day=day,
        who=_in_role(who, newest.role),
        own=own,
        refused=newest.status >= REFUSED_FROM,
        glass=glass,
        grounds=_once(ground for act in acts for ground in grounds_of(act)),
        whats=_once(map(what_of, acts)),
        deeds=_once(DEEDS.get(act.interaction, LOOKED) for act in acts),
        wheres=_once(where_of(act.address) for act in acts if act.address) or (where_of(None),),
        first=instant(oldest.at),
        last=instant(newest.at),
        count=len(acts),
        act=newest.n,
        objection=next((objected[act.n] for act in acts if act.n in objected), ""),
    )


def _in_role(who: Someone, role: str) -> Someone:
    return Someone(who.account, who.name, role or who.role, who.place, who.person)


def glass_behind(act: Act, cases: Iterable[Glass]) -> Glass | None:
    """The emergency an act belongs to."""
    if act.interaction != "break-glass" and "break-glass" not in (act.ground or ""):
        return None
    slack_us = 60_000_000  # the row is written a moment before or after the case
    mine = (one for one in cases if one.account == act.actor and one.began - slack_us <= act.at < one.ends)
    return max(mine, key=lambda one: one.began, default=None)


def _once(phrases: Iterable[Phrase]) -> tuple[Phrase, ...]:
    return tuple({phrase.text: phrase for phrase in phrases}.values())


# --- objections ---

_MOVES: Mapping[Move, tuple[frozenset[State], State, frozenset[str]]] = {
    "answer": (frozenset({"open"}), "answered", frozenset({"security_admin"})),
    "uphold": (frozenset({"open", "answered"}), "upheld", frozenset({"security_admin"})),
    "dismiss": (frozenset({"open", "answered"}), "dismissed", frozenset({"security_admin"})),
    "reply": (frozenset({"answered"}), "open", frozenset({"resident"})),
}
"""Move -> (from which states, to which state, by which roles)."""


def moves_for(objection: Objection, role: str) -> tuple[Move, ...]:
    """The moves a role may make now."""
    return tuple(move for move, (states, _, roles) in _MOVES.items() if objection.state in states and role in roles)


def moved(objection: Objection, move: str, words: str, by: str, role: str, at: int) -> Objection:
    """The objection after a move. Raises `Conflict` when it is not open to it, `Forbidden` for another role, `Malformed` without words."""
    known: Move | None = next((one for one in _MOVES if one == move), None)
    if known is None:
        raise Malformed("Choose an answer.")
    states, to, roles = _MOVES[known]
    if role not in roles:
        raise Forbidden("This page is not for your role.")
    if objection.state in FINAL or objection.state not in states:
        raise Conflict("This case has moved on meanwhile. Look at it again.")
    step = Step(known, by, role, checked_words(words), at)
    return msgspec.structs.replace(objection, state=to, steps=(*objection.steps, step))


def checked_words(words: str) -> str:
    """What somebody wrote, of a length that says something. Raises `Malformed`."""
    told = words.strip()
    if not WORDS_MIN <= len(told) <= WORDS_MAX:
        raise Malformed("Write {least} to {most} characters, so that others can understand.", least=WORDS_MIN, most=WORDS_MAX)
    return told


# --- consent ---


def choice_of(form: Mapping[str, str], today: date) -> Choice:
    """What a form says. Raises `Malformed` in words for what cannot be laid down."""
    permit, what, who = form.get("effect") == "permit", form.get("what", "all"), form.get("who", "")
    if who and not re.fullmatch(r"(Practitioner|Organization)/[A-Za-z0-9\-.]{1,64}", who):
        raise Malformed("Choose a person or an institution from the list.")
    kinds = tuple(key for key in KIND_GROUPS if form.get(f"kind-{key}")) if what == "some" else ()
    if what == "some" and not kinds:
        raise Malformed("Choose at least one kind of data.")
    if permit and not who:
        raise Malformed("A permission names who may look: choose a person or an institution.")
    if permit and what == "sensitive":
        raise Malformed("A permission for what is most sensitive covers the rest too: choose all and tick the box.")
    purpose, until = form.get("purpose", ""), form.get("until", "").strip()
    if purpose and purpose not in PURPOSES:
        raise Malformed("Choose a purpose from the list.")
    if until and _day(until) <= today:
        raise Malformed("The last day must lie ahead.")
    with_sensitive = permit and what == "all" and bool(form.get("with_sensitive"))
    paper = " ".join(form.get("paper", "").split())[:200]
    return Choice(permit, who, form.get("who_name", "")[:200], kinds, what == "sensitive", with_sensitive, purpose, until, paper)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Malformed("Write a day as 2026-11-22.") from None


def explained(choice: Choice) -> tuple[Phrase, ...]:
    """What will change, in sentences for the resident."""
    who = choice.who_name or t("Everyone who treats you or has treated you")
    places = {"who": who, "what": _what(choice), "purpose": _purpose(choice), "until": _until(choice)}
    if choice.permit:
        told = [t("{who} may see {what}{purpose}, {until}, even when they do not treat you.", **places)]
        if not choice.with_sensitive and not choice.kinds:
            told.append(t("What is most sensitive (for example mental health or HIV) stays closed to them unless they treat you."))
    else:
        told = [t("{who} may no longer see {what}{purpose}, {until}.", **places)]
        if not choice.who:
            told.append(t("Doctors who treat you will not see this either. That can make treatment less safe: tell them what matters."))
    return tuple(told)


def unchanged(choice: Choice) -> tuple[Phrase, ...]:
    """What stays as it is, whatever is chosen."""
    told = [
        t("You and your guardian always see your own record."),
        t("In an emergency a doctor can still open it with a reason. You are told at once, and it is checked."),
        t("What the law orders goes on: public health reports and paying by insurance."),
    ]
    return tuple(told if not choice.permit else told[2:])


def _what(choice: Choice) -> Phrase:
    if choice.only_sensitive:
        return t("what is most sensitive in the record")
    if not choice.kinds:
        return t("the whole record, what is most sensitive too") if choice.with_sensitive else t("the record")
    words = [KIND_GROUPS[key][0] for key in choice.kinds]
    told = words[0]
    for one in words[1:]:
        told = t("{first} and {second}", first=told, second=one)
    return told


def _purpose(choice: Choice) -> Phrase | str:
    return t(" ({purpose} only)", purpose=PURPOSES[choice.purpose]) if choice.purpose else ""


def _until(choice: Choice) -> Phrase:
    return t("until {day}", day=choice.until) if choice.until else t("until you withdraw it")


def consent_of(choice: Choice, subject: Subject, by: tuple[str, str], now: str, *, on_paper: bool) -> Resource:
    """The FHIR Consent of a choice. `by`: reference and name of who lays it down; `on_paper`: a registrar enters what was signed.

    A nested rule names its actor again: an exception without one would be for everyone.
    """
    provision = _provision(choice)
    made: Resource = {
        "resourceType": "Consent",
        "status": "active",
        "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0", "display": "Consent Document"}]}],
        "patient": {"reference": f"Patient/{subject.id}", "display": subject.name},
        "dateTime": now,
        "policyRule": {"coding": [{"system": _ACT_CODE, "code": "OPTIN" if choice.permit else "OPTOUT"}]},
        "provision": provision,
    }
    performer = {"display": by[1]} | ({"reference": by[0]} if by[0] else {})
    if on_paper:
        made["performer"] = [{"reference": f"Patient/{subject.id}", "display": subject.name}]
        made["sourceAttachment"] = {"title": choice.paper, "creation": now}
        made["verification"] = [{"verified": True, "verificationDate": now}]
    else:
        made["performer"] = [performer]
    return made


def _provision(choice: Choice) -> Resource:
    actor = [{"role": {"coding": [{"system": _PARTICIPATION, "code": "IRCP"}]}, "reference": _named(choice)}] if choice.who else []
    made: Resource = {"type": "permit" if choice.permit else "deny"}
    if choice.until:
        made["period"] = {"end": choice.until}
    if actor:
        made["actor"] = actor
    if choice.purpose:
        made["purpose"] = [{"system": _REASON, "code": choice.purpose}]
    if choice.kinds:
        types = [type_ for key in choice.kinds for type_ in KIND_GROUPS[key][1]]
        made["class"] = [{"system": "http://hl7.org/fhir/resource-types", "code": type_} for type_ in types]
    label = [{"system": _CONFIDENTIALITY, "code": "R"}]
    if choice.only_sensitive:
        made["securityLabel"] = label
    if choice.with_sensitive:
        made["provision"] = [{"type": "permit", "actor": actor, "securityLabel": label}]
    return made


def _named(choice: Choice) -> Resource:
    return {"reference": choice.who} | ({"display": choice.who_name} if choice.who_name else {})


def given_of(consent: Resource, today: date) -> Given:
    """A stored Consent as it stands on a day."""
    choice = _choice_in(consent)
    ended = bool(choice and choice.until and choice.until < today.isoformat())
    status = consent.get("status", "")
    return Given(
        id=consent["id"],
        choice=choice,
        state="ended" if ended and status == "active" else status,
        since=consent.get("dateTime", consent.get("meta", {}).get("lastUpdated", "")),
        by=next((one["display"] for one in consent.get("performer", ()) if one.get("display")), ""),
        versions=int(consent.get("meta", {}).get("versionId", "1")),
    )


def _choice_in(consent: Resource) -> Choice | None:
    rule = consent.get("provision", {})
    actors, nested = rule.get("actor", []), rule.get("provision", [])
    if rule.get("type") not in ("permit", "deny") or len(actors) > 1 or len(nested) > 1 or rule.get("data") or rule.get("code"):
        return None
    who = actors[0].get("reference", {}) if actors else {}
    types = {one.get("code") for one in rule.get("class", ())}
    kinds = tuple(key for key, (_, of_kind) in KIND_GROUPS.items() if types and set(of_kind) <= types)
    purposes = [one.get("code") for one in rule.get("purpose", ()) if one.get("code") in PURPOSES]
    if (types and not kinds) or len(rule.get("purpose", ())) != len(purposes) or len(purposes) > 1:
        return None
    return Choice(
        rule["type"] == "permit", who.get("reference", ""), who.get("display", "") or who.get("reference", ""), kinds,
        _restricted(rule), bool(nested) and _restricted(nested[0]), purposes[0] if purposes else "",
        str(rule.get("period", {}).get("end", ""))[:10], consent.get("sourceAttachment", {}).get("title", ""),
    )  # fmt: skip


def _restricted(rule: Resource) -> bool:
    return any(one.get("code") in RESTRICTED_LABELS for one in rule.get("securityLabel", ()))


def withdrawn(consent: Resource) -> Resource:
    """The consent taken back: it stays readable, with every version it had. Raises `Invalid` for one that is not active."""
    if consent.get("status") != "active":
        raise Invalid("This permission was withdrawn already.")
    return consent | {"status": "inactive"}
