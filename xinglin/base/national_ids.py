"""National numbers of China: resident id (GB 11643), unified social credit code (GB 32100), organisation code (GB 11714), telephone.

Each has `parse_…` (raises `Malformed` with the reason), `is_…`, and `make_…`. Numbers are normalised: full-width digits,
spaces and lower case are accepted, the result is plain upper case.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Literal

from xinglin.base.errors import Malformed

_RESIDENT_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_RESIDENT_CHECKS = "10X98765432"
_RESIDENT = re.compile(r"[1-9]\d{16}[\dX]\Z", re.ASCII)
_RESIDENT_OLD = re.compile(r"[1-9]\d{14}\Z", re.ASCII)
_EARLIEST_BIRTH = date(1880, 1, 1)

_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_ORGANISATION = re.compile(r"[0-9A-Z]{8}[0-9X]\Z", re.ASCII)
_BASE36 = {c: n for n, c in enumerate("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")}

_CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CREDIT_VALUES = {c: n for n, c in enumerate(_CREDIT_ALPHABET)}
_CREDIT_WEIGHTS = tuple(pow(3, i, 31) for i in range(17))
_CREDIT = re.compile(rf"[{_CREDIT_ALPHABET}]{{2}}\d{{6}}[{_CREDIT_ALPHABET}]{{10}}\Z", re.ASCII)

_MOBILE = re.compile(r"1[3-9]\d{9}\Z", re.ASCII)
_LANDLINE = re.compile(r"0(?:10|2\d|[3-9]\d{2})[2-9]\d{6,7}\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class ResidentId:
    """What an 18-digit resident id number says. `serial` tells apart those born in one area on one day; odd is male."""

    number: str
    area: str
    birth: date
    serial: int

    @property
    def sex(self) -> Literal["male", "female"]:
        """FHIR administrative gender."""
        return "male" if self.serial % 2 else "female"


@dataclass(frozen=True, slots=True)
class CreditCode:
    """What an 18-character unified social credit code says."""

    number: str
    authority: str
    kind: str
    area: str
    organisation: str


@dataclass(frozen=True, slots=True)
class Phone:
    """A telephone number of mainland China, digits only, without country code."""

    number: str
    kind: Literal["mobile", "landline"]


def plain(text: str) -> str:
    """Digits and letters as a form should have them: half-width, no spaces or hyphens, upper case."""
    return re.sub(r"[\s\-\u2010-\u2015]", "", unicodedata.normalize("NFKC", text)).upper()


def resident_check(first17: str) -> str:
    """Check character of a resident id number (ISO 7064 MOD 11-2)."""
    return _RESIDENT_CHECKS[sum(w * int(d) for w, d in zip(_RESIDENT_WEIGHTS, first17, strict=True)) % 11]


def upgrade_resident_id(number15: str) -> str:
    """The 18-digit form of a 15-digit number of the first generation (births of the 20th century)."""
    number = plain(number15)
    if not _RESIDENT_OLD.match(number):
        raise Malformed("An old resident id number has 15 digits.")
    first17 = f"{number[:6]}19{number[6:]}"
    return first17 + resident_check(first17)


def parse_resident_id(text: str, *, today: date | None = None) -> ResidentId:
    """A resident id number of 18 or 15 digits. Refuses a wrong check character, an impossible birth date, and one after `today`.

    The area is not looked up: abolished areas stay valid in numbers for a lifetime.
    """
    number = plain(text)
    if len(number) == 15:
        number = upgrade_resident_id(number)
    if not _RESIDENT.match(number):
        raise Malformed("A resident id number has 17 digits and a check character.")
    try:
        birth = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        raise Malformed("The resident id number holds an impossible birth date.") from None
    if birth < _EARLIEST_BIRTH or (today is not None and birth > today):
        raise Malformed("The resident id number holds an impossible birth date.")
    if resident_check(number[:17]) != number[17]:
        raise Malformed("The check character of the resident id number is wrong; a digit was mistyped.")
    return ResidentId(number, number[:6], birth, int(number[14:17]))


def is_resident_id(text: str) -> bool:
    """Whether a text is a valid resident id number (18 or 15 digits)."""
    return _holds(parse_resident_id, text)


def make_resident_id(area: str, birth: date, serial: int) -> str:
    """The resident id number of an area (6 digits), a birth date and a serial 0..999 (odd for men)."""
    if not re.fullmatch(r"[1-9]\d{5}", area, re.ASCII) or not 0 <= serial <= 999:
        raise ValueError(f"no resident id number for area {area}, serial {serial}")
    first17 = f"{area}{birth.year:04d}{birth.month:02d}{birth.day:02d}{serial:03d}"
    return first17 + resident_check(first17)


def organisation_check(first8: str) -> str:
    """Check character of an organisation code (GB 11714): 11 minus the weighted sum modulo 11; 10 is X, 11 is 0."""
    rest = 11 - sum(w * _BASE36[c] for w, c in zip(_ORGANISATION_WEIGHTS, first8, strict=True)) % 11
    return "X" if rest == 10 else "0" if rest == 11 else str(rest)


def parse_organisation_code(text: str) -> str:
    """An organisation code as 9 plain characters (`D2143569X`); the usual hyphen is accepted."""
    code = plain(text)
    if not _ORGANISATION.match(code):
        raise Malformed("An organisation code has 8 digits or letters and a check character.")
    if organisation_check(code[:8]) != code[8]:
        raise Malformed("The check character of the organisation code is wrong; a character was mistyped.")
    return code


def is_organisation_code(text: str) -> bool:
    """Whether a text is a valid organisation code."""
    return _holds(parse_organisation_code, text)


def make_organisation_code(first8: str) -> str:
    """The organisation code of 8 digits or capital letters."""
    return first8 + organisation_check(first8)


def credit_check(first17: str) -> str:
    """Check character of a unified social credit code (GB 32100): 31 minus the sum weighted by powers of 3, modulo 31."""
    return _CREDIT_ALPHABET[-sum(w * _CREDIT_VALUES[c] for w, c in zip(_CREDIT_WEIGHTS, first17, strict=True)) % 31]


def parse_credit_code(text: str) -> CreditCode:
    """A unified social credit code. Refuses letters it does not use (I O S V Z) and a wrong check character."""
    code = plain(text)
    if not _CREDIT.match(code):
        raise Malformed("A unified social credit code has 18 digits or letters, without I, O, S, V, Z.")
    if credit_check(code[:17]) != code[17]:
        raise Malformed("The check character of the unified social credit code is wrong; a character was mistyped.")
    return CreditCode(code, code[0], code[1], code[2:8], code[8:17])


def is_credit_code(text: str) -> bool:
    """Whether a text is a valid unified social credit code."""
    return _holds(parse_credit_code, text)


def make_credit_code(authority: str, kind: str, area: str, organisation: str) -> str:
    """The unified social credit code of an authority and kind (one character each), an area (6 digits) and an organisation code (9)."""
    first17 = authority + kind + area + organisation
    return first17 + credit_check(first17)


def parse_phone(text: str) -> Phone:
    """A mobile number (11 digits from 13 to 19) or a landline with its area code; `+86` or `0086` in front is dropped.

    Plausibility only: which prefixes are in service changes every year.
    """
    number = re.sub(r"[()]", "", plain(text))
    number = re.sub(r"\A(?:\+86|0086)", "", number)
    if _MOBILE.match(number):
        return Phone(number, "mobile")
    if _LANDLINE.match(number):
        return Phone(number, "landline")
    raise Malformed("A telephone number is 11 digits of a mobile, or a landline with its area code.")


def is_phone(text: str) -> bool:
    """Whether a text is a plausible telephone number of mainland China."""
    return _holds(parse_phone, text)


def _holds(parse: Callable[[str], object], text: str) -> bool:
    try:
        parse(text)
    except Malformed:
        return False
    return True
