"""The workspaces: for whom a page is. A capability names those it belongs in; each has a home at `/<name>` for the roles it is for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from xinglin.kit.i18n import Phrase, t


@dataclass(frozen=True, slots=True)
class Workspace:
    """A place of work: its name in the address, its title, its icon (Tabler), the roles that work there."""

    name: str
    title: Phrase
    icon: str
    roles: frozenset[str]

    def is_for(self, role: str) -> bool:
        """Whether a role works here; `system` may look everywhere."""
        return role in self.roles or role == "system"


def _workspace(name: str, title: Phrase, icon: str, *roles: str) -> Workspace:
    return Workspace(name, title, icon, frozenset(roles))


WORKSPACES = (
    _workspace("clinic", t("Primary care"), "stethoscope", "doctor", "nurse", "public_health", "registrar"),
    _workspace("hospital", t("Hospital"), "building-hospital", "doctor", "nurse", "registrar"),
    _workspace("pharmacy", t("Pharmacy"), "pill", "pharmacist"),
    _workspace("emergency", t("Emergency care"), "ambulance", "dispatcher", "doctor", "nurse"),
    _workspace("public-health", t("Public health"), "heart-handshake", "public_health", "doctor", "nurse"),
    _workspace("insurance", t("Health insurance"), "shield-check", "insurer"),
    _workspace("supervision", t("Supervision"), "report-analytics", "regulator"),
    _workspace("platform", t("Platform"), "server", "system_admin", "security_admin", "audit_admin"),
    _workspace("resident", t("Residents' phone"), "user", "resident"),
)
"""In the order the switch shows them; the first that is for a role is where it begins, but see `beginning`."""
INSTITUTION_KIND = "urn:xinglin:institution-kind"
HOSPITALS = frozenset({"hospital", "tcm", "specialist", "maternal"})
"""The kinds of institutions (Organization.type) that are hospitals."""


def beginning(role: str, kinds: Iterable[str] = ()) -> str:
    """The name of the workspace someone begins in; "" for none. `kinds`: of the institution they work for."""
    mine = [workspace.name for workspace in WORKSPACES if workspace.is_for(role)]
    first = next(iter(mine), "")
    return "hospital" if "hospital" in mine and not HOSPITALS.isdisjoint(kinds) else first


EVERYWHERE = tuple(workspace.name for workspace in WORKSPACES)

ROLE_TITLES: Mapping[str, Phrase] = {
    "doctor": t("Doctor"),
    "nurse": t("Nurse"),
    "pharmacist": t("Pharmacist"),
    "registrar": t("Registrar"),
    "public_health": t("Public health worker"),
    "dispatcher": t("Dispatcher"),
    "insurer": t("Insurance officer"),
    "regulator": t("Regulator"),
    "resident": t("Resident"),
    "system_admin": t("System administrator"),
    "security_admin": t("Security administrator"),
    "audit_admin": t("Audit administrator"),
    "reader": t("Reading system"),
    "system": t("System"),
}
"""A role as people say it."""
