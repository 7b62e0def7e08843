"""What the pages of emergency access show and keep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from xinglin.access.breakglass import Glass
from xinglin.kit.i18n import Phrase, t
from xinglin.kit.times import Age

REASONS: Mapping[str, Phrase] = {
    "unconscious": t("Brought in unconscious, history unknown"),
    "life": t("Danger to life: rescue under way"),
    "poisoning": t("Poisoning or overdose: medicines must be known"),
    "transfer": t("Emergency transfer, documents not yet here"),
    "ambulance": t("Ambulance on its way: allergies and illnesses must be known"),
}
"""Reasons that come up again and again; one's own words may be added."""
OWN = "own"


class FoundPaper(msgspec.Struct, frozen=True):
    """Whom somebody found a moment ago: Patient id, and who may go on with it."""

    patient: str
    account: str


@dataclass(frozen=True, slots=True)
class Masked:
    """A person as somebody without a relationship may see them: enough to tell that it is the right one, no more."""

    name: str
    sex: Phrase
    age: Age | None


@dataclass(frozen=True, slots=True)
class Opened:
    """One of my emergency looks. `open_minutes`: how long it is still open, 0 when it is not. `began`: instant."""

    case: Glass
    name: str
    began: str
    open_minutes: int
