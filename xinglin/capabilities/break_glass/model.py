"""What the pages of emergency access show and keep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from xinglin.access.breakglass import Glass
from xinglin.kit.coding import Names
from xinglin.kit.i18n import Phrase
from xinglin.kit.times import Age

REASONS: Mapping[str, Names] = {
    "unconscious": ("Brought in unconscious, history unknown", "送来时昏迷，病史不明"),
    "life": ("Danger to life, rescue under way", "有生命危险，正在抢救"),
    "poisoning": ("Poisoning or overdose: the medicines must be known", "中毒或用药过量，须了解用药"),
    "transfer": ("Emergency transfer, documents not here yet", "紧急转运，病历尚未到"),
    "ambulance": ("Ambulance on its way: allergies and illnesses must be known", "急救出车，须了解过敏与既往病"),
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
