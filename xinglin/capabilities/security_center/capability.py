"""The table of contents of the security centre: which administrator may open what."""

from __future__ import annotations

from xinglin.capabilities.security_center import demo, pages, queries
from xinglin.capabilities.security_center.model import ADMINS
from xinglin.kit.capability import Capability, MenuEntry, Tile, Waiting
from xinglin.kit.i18n import t
from xinglin.kit.pages import Page, Request
from xinglin.kit.unit import Unit

SECURITY = ("security_admin",)
AUDIT = ("audit_admin",)
BOTH = ("security_admin", "audit_admin")
ACCOUNTS = ("security_admin", "system_admin")


async def _emergencies(unit: Unit, _request: Request) -> int | None:
    return await queries.count_emergencies(unit)


async def _objections(unit: Unit, _request: Request) -> int | None:
    return await queries.count_objections(unit)


async def _sessions(unit: Unit, _request: Request) -> int | None:
    return len(await queries.signed_in(unit))


CAPABILITY = Capability(
    title=t("Security centre"),
    systems=("S-SEC", "S-AUD"),
    workspaces=("platform",),
    pages=(
        Page("GET", "/security-centre", pages.show_home, roles=ADMINS),
        Page("GET", "/security/emergency", pages.show_emergencies, roles=SECURITY),
        Page("GET", "/security/emergency/{key}", pages.show_emergency, roles=SECURITY),
        Page("POST", "/security/emergency/{key}/judgement", pages.judge, roles=SECURITY),
        Page("GET", "/security/objection", pages.show_objections, roles=SECURITY),
        Page("GET", "/security/objection/{key}", pages.show_objection, roles=SECURITY),
        Page("POST", "/security/objection/{key}/answer", pages.answer_objection, roles=SECURITY),
        Page("GET", "/security/sign-in", pages.show_sign_ins, roles=BOTH),
        Page("GET", "/security/session", pages.show_sessions, roles=SECURITY),
        Page("POST", "/security/session/{session}/end", pages.end_session, roles=SECURITY),
        Page("GET", "/security/account", pages.show_accounts, roles=ACCOUNTS),
        Page("GET", "/security/key", pages.show_keys, roles=ACCOUNTS),
        Page("GET", "/security/ledger", pages.show_ledger, roles=BOTH),
        Page("POST", "/security/ledger/verification", pages.verify_ledger, roles=BOTH),
        Page("GET", "/security/audit", pages.show_trail, roles=AUDIT),
        Page("GET", "/security/audit/export", pages.export_trail, roles=AUDIT),
        Page("GET", "/security/asset", pages.show_assets, roles=ACCOUNTS),
        Page("GET", "/security/control", pages.show_controls, roles=ADMINS),
        Page("POST", "/security/control/{control}/note", pages.note_control, roles=SECURITY),
    ),
    demo=demo.show,
    menu=(
        MenuEntry(t("Security centre"), "/security-centre", "shield-lock", place=11),
        MenuEntry(t("Emergency looks"), "/security/emergency", "urgent", place=12),
        MenuEntry(t("Objections"), "/security/objection", "message-exclamation", place=13),
        MenuEntry(t("Audit trail"), "/security/audit", "list-search", place=14),
        MenuEntry(t("Audit ledger"), "/security/ledger", "link", place=15),
        MenuEntry(t("Failed sign-ins"), "/security/sign-in", "lock-x", place=16),
        MenuEntry(t("Sessions"), "/security/session", "device-desktop", place=17),
        MenuEntry(t("Accounts at risk"), "/security/account", "user-exclamation", place=18),
        MenuEntry(t("Keys"), "/security/key", "key", place=19),
        MenuEntry(t("What is held"), "/security/asset", "database", place=20),
        MenuEntry(t("Controls (MLPS level 3)"), "/security/control", "checklist", place=21),
    ),
    tiles=(
        Tile(t("Emergency looks to check"), "/security/emergency", "urgent", _emergencies),
        Tile(t("Objections to answer"), "/security/objection", "message-exclamation", _objections),
        Tile(t("Open sessions"), "/security/session", "device-desktop", _sessions),
    ),
    inbox=(
        Waiting(t("Emergency looks to check"), "/security/emergency", "urgent", _emergencies),
        Waiting(t("Objections to answer"), "/security/objection", "message-exclamation", _objections),
    ),
)
