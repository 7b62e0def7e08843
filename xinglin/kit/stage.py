"""The stage of the demo region: who plays, and where. A capability's `demo.py` acts on it, only while the demo is on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from xinglin.kit.unit import Unit
from xinglin.store import Store


@dataclass(frozen=True, slots=True)
class Stage:
    """`residents`: name -> Patient id, the hand-drawn ones; `unit_of`: a persona's unit, by its key, with the scope they have now."""

    store: Store
    now: datetime
    residents: Mapping[str, str]
    unit_of: Callable[[str], Awaitable[Unit]]
