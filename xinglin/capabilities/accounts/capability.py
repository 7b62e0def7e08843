"""The table of contents of accounts."""

from __future__ import annotations

from xinglin.access.accounts.rules import HUMAN_ROLES
from xinglin.capabilities.accounts import pages
from xinglin.kit.capability import Capability, MenuEntry
from xinglin.kit.i18n import t
from xinglin.kit.pages import Page
from xinglin.kit.workspaces import EVERYWHERE

_ADMIN = ("system_admin",)
_DIRECTORY = ("Practitioner", "PractitionerRole")

CAPABILITY = Capability(
    title=t("Accounts"),
    systems=("S-SEC", "S-TDI"),
    workspaces=EVERYWHERE,
    pages=(
        Page("GET", "/accounts", pages.show_accounts, roles=_ADMIN),
        Page("POST", "/accounts", pages.create, _DIRECTORY, _ADMIN),
        Page("GET", "/accounts/new", pages.show_form, _DIRECTORY, _ADMIN),
        Page("GET", "/accounts/{account}", pages.show_one, _DIRECTORY, _ADMIN),
        Page("POST", "/accounts/{account}/hats", pages.give_hat, _DIRECTORY, _ADMIN),
        Page("POST", "/accounts/{account}/hats/{hat}/end", pages.take_hat, roles=_ADMIN),
        Page("POST", "/accounts/{account}/disable", pages.disable, roles=_ADMIN),
        Page("POST", "/accounts/{account}/enable", pages.enable, roles=_ADMIN),
        Page("POST", "/accounts/{account}/password", pages.reset_password, roles=_ADMIN),
        Page("POST", "/accounts/{account}/factors", pages.reset_factors, roles=_ADMIN),
        Page("GET", "/account", pages.show_mine, roles=HUMAN_ROLES),
        Page("POST", "/account/sessions/end", pages.end_others, roles=HUMAN_ROLES),
        Page("POST", "/account/sessions/{session}/end", pages.end_session, roles=HUMAN_ROLES),
        Page("POST", "/account/passkeys/{key}/end", pages.remove_key, roles=HUMAN_ROLES),
    ),
    menu=(MenuEntry(t("Accounts"), "/accounts", "users-group", ("platform",), 6),),
    mine=(MenuEntry(t("My account"), "/account", "user-shield", place=10),),
)
