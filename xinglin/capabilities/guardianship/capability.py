"""The table of contents of guardianship."""

from __future__ import annotations

from xinglin.capabilities.guardianship import demo, pages
from xinglin.kit.capability import Capability, MenuEntry
from xinglin.kit.i18n import t
from xinglin.kit.pages import Page

_DESK, _RESIDENT = ("registrar",), ("resident",)
_READS = ("Patient", "RelatedPerson")
_AT_DESK = "/person/{id}/guardians"

CAPABILITY = Capability(
    title=t("Guardians"),
    systems=("S-RES", "S-SEC"),
    workspaces=("clinic", "hospital", "resident"),
    pages=(
        Page("GET", "/guardianship", pages.show_people, _READS, _DESK),
        Page("GET", _AT_DESK, pages.show_guardians, _READS, _DESK),
        Page("POST", _AT_DESK, pages.appoint, _READS, _DESK),
        Page("GET", _AT_DESK + "/new", pages.show_form, _READS, _DESK),
        Page("GET", _AT_DESK + "/{key}", pages.show_one, _READS, _DESK),
        Page("POST", _AT_DESK + "/{key}/ending", pages.end, _READS, _DESK),
        Page("GET", _AT_DESK + "/{key}/proof", pages.open_proof, _READS, _DESK),
        Page("GET", "/family", pages.show_family, ("RelatedPerson",), _RESIDENT),
        Page("GET", "/family/{key}/ending", pages.show_ending, ("RelatedPerson",), _RESIDENT),
        Page("POST", "/family/{key}/ending", pages.end_own, ("RelatedPerson",), _RESIDENT),
        Page("GET", "/family/{key}/proof", pages.open_own_proof, ("RelatedPerson", "DocumentReference"), _RESIDENT),
    ),
    menu=(
        MenuEntry(t("Guardians"), "/guardianship", "heart-handshake", ("clinic", "hospital")),
        MenuEntry(t("Family"), "/family", "users", ("resident",), 40),
    ),
    demo=demo.show,
)
