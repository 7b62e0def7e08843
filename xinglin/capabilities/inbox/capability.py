"""The table of contents of the inbox."""

from __future__ import annotations

from xinglin.capabilities.inbox import pages, queries
from xinglin.kit.capability import Capability, MenuEntry, Panel, Signal
from xinglin.kit.i18n import t
from xinglin.kit.pages import Page
from xinglin.kit.workspaces import EVERYWHERE

STAFF = tuple(name for name in EVERYWHERE if name != "resident")
"""On a resident's phone the bar leads there; the bottom of the screen has no room for it."""

CAPABILITY = Capability(
    title=t("Inbox"),
    workspaces=EVERYWHERE,
    pages=(
        Page("GET", "/inbox", pages.show_inbox),
        Page("GET", "/notice", pages.show_notices),
        Page("POST", "/notice/{key}/reading", pages.open_notice),
        Page("POST", "/notice/reading", pages.mark_all_read),
    ),
    menu=(MenuEntry(t("Inbox"), "/inbox", "inbox", STAFF, 5),),
    panels=(Panel(t("New for you"), "/inbox", "inbox/panel.html", pages.load_new),),
    signals=(
        Signal(t("Inbox"), "/inbox", "inbox", queries.count_waiting),
        Signal(t("Notices"), "/notice", "bell", queries.count_unread),
    ),
)
