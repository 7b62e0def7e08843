"""The workspaces: for whom a page is. A capability names those it belongs in; each has a home at `/<name>`."""

from __future__ import annotations

from dataclasses import dataclass

from xinglin.kit.i18n import Phrase, t


@dataclass(frozen=True, slots=True)
class Workspace:
    """A place of work: its name in the address, its title, its icon (Tabler)."""

    name: str
    title: Phrase
    icon: str


WORKSPACES = (
    Workspace("clinic", t("Primary care"), "stethoscope"),
    Workspace("hospital", t("Hospital"), "building-hospital"),
    Workspace("pharmacy", t("Pharmacy"), "pill"),
    Workspace("emergency", t("Emergency care"), "ambulance"),
    Workspace("public-health", t("Public health"), "heart-handshake"),
    Workspace("insurance", t("Health insurance"), "shield-check"),
    Workspace("supervision", t("Supervision"), "report-analytics"),
    Workspace("platform", t("Platform"), "server"),
    Workspace("resident", t("Residents' phone"), "user"),
)
