"""How coded things are named on a page, and which codes they carry. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from xinglin.fhir.codec import Resource

Names = tuple[str, ...]
"""Several ways to name one thing; the page picks the first in the reader's language."""


@dataclass(frozen=True, slots=True)
class Code:
    """A code of a system, with its name in both languages."""

    system: str
    code: str
    en: str
    zh: str


def names_of(concept: Resource | None, known: Iterable[Code] = ()) -> Names:
    """Our names of its codes where `known` has them (short, in both languages), then every name it carries; () for none."""
    if not concept:
        return ()
    codings = concept.get("coding", [])
    told = [concept.get("text"), *(coding.get("display") for coding in codings)]
    codes = codes_of(concept)
    ours = [name for code in known if (code.system, code.code) in codes for name in (code.en, code.zh)]
    bare = [coding["code"] for coding in codings if coding.get("code")]
    names = [name for name in (*ours, *told) if name] or bare
    return tuple(dict.fromkeys(names))


def codes_of(concept: Resource | None) -> tuple[tuple[str, str], ...]:
    """(system, code) of each coding; system "" when none is given."""
    codings = concept.get("coding", []) if concept else []
    return tuple((coding.get("system", ""), coding["code"]) for coding in codings if coding.get("code"))


def first_code(concept: Resource | None) -> str:
    """The first bare code; "" for none."""
    return next((code for _, code in codes_of(concept)), "")


def has_code(concept: Resource | None, *codes: str) -> bool:
    """Whether the concept carries one of these bare codes."""
    return any(code in codes for _, code in codes_of(concept))


def id_of(reference: Resource | None) -> str:
    """The logical id a reference leads to; "" when it leads to none. `Patient/7`, `urn:uuid:7` and absolute ones alike."""
    text = (reference or {}).get("reference", "")
    return text.rpartition("/" if "/" in text else ":")[2] if text and not text.startswith("#") else ""
