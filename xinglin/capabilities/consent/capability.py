"""The table of contents of the resident's say."""

from __future__ import annotations

from xinglin.capabilities.consent import demo, pages
from xinglin.kit.capability import Capability, MenuEntry
from xinglin.kit.i18n import t
from xinglin.kit.pages import Page

RESIDENT = ("resident",)
DESK = ("registrar", "doctor", "nurse")
_AT_DESK = "/person/{id}/consent"

CAPABILITY = Capability(
    title=t("My say"),
    systems=("S-RES", "S-SEC"),
    workspaces=("resident", "clinic", "hospital"),
    pages=(
        Page("GET", "/who-looked", pages.show_looks, ("Patient",), RESIDENT),
        Page("GET", "/who-looked/{n}/objection", pages.show_objection_form, ("Patient",), RESIDENT),
        Page("POST", "/who-looked/{n}/objection", pages.object_to, ("Patient",), RESIDENT),
        Page("GET", "/my-objection", pages.show_objections, ("Patient",), RESIDENT),
        Page("GET", "/my-objection/{key}", pages.show_objection, ("Patient",), RESIDENT),
        Page("POST", "/my-objection/{key}/reply", pages.reply, ("Patient",), RESIDENT),
        Page("GET", "/my-care", pages.show_relationships, ("Patient",), RESIDENT),
        Page("GET", "/my-consent", pages.show_consents, ("Consent",), RESIDENT),
        Page("POST", "/my-consent", pages.give, ("Consent",), RESIDENT),
        Page("GET", "/my-consent/new", pages.show_form, ("Consent",), RESIDENT),
        Page("GET", "/my-consent/review", pages.show_review, ("Consent",), RESIDENT),
        Page("GET", "/my-consent/{key}", pages.show_consent, ("Consent",), RESIDENT),
        Page("POST", "/my-consent/{key}/withdrawal", pages.withdraw, ("Consent",), RESIDENT),
        Page("GET", _AT_DESK, pages.show_consents, ("Patient", "Consent"), DESK),
        Page("POST", _AT_DESK, pages.give, ("Patient", "Consent"), ("registrar",)),
        Page("GET", _AT_DESK + "/new", pages.show_form, ("Patient", "Consent"), ("registrar",)),
        Page("GET", _AT_DESK + "/review", pages.show_review, ("Patient", "Consent"), ("registrar",)),
        Page("GET", _AT_DESK + "/{key}", pages.show_consent, ("Patient", "Consent"), DESK),
        Page("POST", _AT_DESK + "/{key}/withdrawal", pages.withdraw, ("Patient", "Consent"), ("registrar",)),
    ),
    demo=demo.show,
    menu=(MenuEntry(t("Who looked"), "/who-looked", "eye", ("resident",), 20),),
)
