"""The table of contents of applications."""

from __future__ import annotations

from xinglin.access.actor import ROLES
from xinglin.capabilities.applications import demo, pages
from xinglin.kit.capability import Capability, MenuEntry
from xinglin.kit.i18n import t
from xinglin.kit.pages import Page
from xinglin.kit.workspaces import EVERYWHERE

PEOPLE = tuple(role for role in ROLES if role not in ("reader", "system"))
"""The roles of people: who may let an application in."""
STAFF = ("doctor", "nurse", "pharmacist", "registrar", "public_health")
"""Who starts an application about a resident."""
_ADMIN = ("system_admin",)

CAPABILITY = Capability(
    title=t("Applications"),
    systems=("S-SEC", "S-TDI"),
    workspaces=EVERYWHERE,
    pages=(
        Page("GET", "/oauth/authorize", pages.ask, roles=PEOPLE),
        Page("POST", "/oauth/authorize", pages.answer, roles=PEOPLE),
        Page("GET", "/applications/granted", pages.show_allowed, roles=PEOPLE),
        Page("POST", "/applications/granted/{grant}/end", pages.take_back, roles=PEOPLE),
        Page("GET", "/applications/startable", pages.show_startable, ("Patient",), STAFF),
        Page("POST", "/applications/{client}/launch", pages.start, ("Patient",), STAFF),
        Page("GET", "/applications", pages.show_list, roles=_ADMIN),
        Page("POST", "/applications", pages.register, roles=_ADMIN),
        Page("GET", "/applications/new", pages.show_form, roles=_ADMIN),
        Page("GET", "/applications/{client}", pages.show_one, roles=_ADMIN),
        Page("POST", "/applications/{client}/stop", pages.stop, roles=_ADMIN),
        Page("POST", "/applications/{client}/start", pages.let_again, roles=_ADMIN),
    ),
    demo=demo.show,
    menu=(MenuEntry(t("Applications"), "/applications", "apps", ("platform",), 8),),
    mine=(MenuEntry(t("Linked apps"), "/applications/granted", "plug-connected", place=30),),
)
