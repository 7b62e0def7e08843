"""The table of contents of emergency access."""

from __future__ import annotations

from xinglin.access.breakglass import MAY_BREAK
from xinglin.capabilities.break_glass import demo, pages
from xinglin.kit.capability import Capability, MenuEntry
from xinglin.kit.i18n import t
from xinglin.kit.pages import Page

ROLES = tuple(sorted(MAY_BREAK))
_DESK = MenuEntry(t("Emergency access"), "/emergency-access", "urgent", place=30)

CAPABILITY = Capability(
    title=t("Emergency access"),
    systems=("S-SEC", "S-EMS"),
    workspaces=("clinic", "hospital", "emergency"),
    pages=(
        Page("GET", "/emergency-access", pages.show_desk, ("Patient",), ROLES),
        Page("POST", "/emergency-access", pages.look_up, ("Patient",), ROLES),
        Page("GET", "/emergency-access/{key}", pages.show_found, ("Patient",), ROLES),
        Page("POST", "/emergency-access/{key}", pages.open_record, ("Patient",), ROLES),
    ),
    demo=demo.show,
    menu=(_DESK,),
    instead=(
        MenuEntry(
            t("If this is an emergency, you can open the record of someone you have no care relationship with."), _DESK.href, _DESK.icon
        ),
    ),
)
