"""What a typed number or name means for a look-up, and what a reason comes to. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from xinglin.base.errors import Malformed
from xinglin.capabilities.break_glass.model import OWN, REASONS
from xinglin.fhir.codec import Resource
from xinglin.kit.i18n import in_language
from xinglin.kit.person import name_of

NUMBER_MIN, NUMBER_MAX = 6, 40
MINUTE_US = 60_000_000


@dataclass(frozen=True, slots=True)
class Lookup:
    """Exactly one way to name a person: a number (identity, card, record), or telephone and name. A name may narrow a number."""

    number: str = ""
    phone: str = ""
    name: str = ""


def lookup_of(form: Mapping[str, str]) -> Lookup:
    """What was typed. Raises `Malformed` for too little: nobody may browse here."""
    number, phone, name = (_plain(form.get(field, "")) for field in ("number", "phone", "name"))
    number, phone = number.replace(" ", "").upper(), _digits(phone)
    if number:
        if not NUMBER_MIN <= len(number) <= NUMBER_MAX:
            raise Malformed("Type the whole number, as it stands on the card.")
        return Lookup(number=number, name=name)
    if not phone or not name:
        raise Malformed("Type the whole number of a card, or telephone and full name together.")
    return Lookup(phone=phone, name=name)


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).split())[:100]


def _digits(text: str) -> str:
    return "".join(letter for letter in text if letter.isdigit() or letter == "+")


def is_meant(patient: Resource, wanted: Lookup) -> bool:
    """Whether a Patient is exactly whom the look-up names: a hash, a prefix or a likeness is not enough."""
    numbers = {str(one.get("value", "")).replace(" ", "").upper() for one in patient.get("identifier", ())}
    phones = {_digits(str(one.get("value", ""))) for one in patient.get("telecom", ())}
    by_name = not wanted.name or _plain(name_of(patient)) == wanted.name
    return by_name and (wanted.number in numbers if wanted.number else wanted.phone in phones)


def reason_of(form: Mapping[str, str], language: str) -> str:
    """The reason in words: a preset, one's own, or both. Raises `Malformed` without one."""
    preset, own = form.get("preset", ""), form.get("reason", "").strip()
    told = [in_language(language, REASONS[preset])] if preset in REASONS else []
    if not told and (preset != OWN or not own):
        raise Malformed("Choose a reason, or write one.")
    return "；".join([*told, own]) if own else told[0]


def minutes_left(ends: int, now_us: int) -> int:
    """Minutes until an end, none when it is past; a begun one counts."""
    return max(0, -(-(ends - now_us) // MINUTE_US))
