"""The unit of work: everything of the outside world that a page or an operation may touch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xinglin.access.actor import Actor
    from xinglin.store import Records


@dataclass(frozen=True, slots=True)
class Unit:
    """Who asks, the store as far as they may see it, and the moment (timezone-aware) all of it counts as.

    `stale`: to be called after a deed that changes who may see whom, so that this process looks again before the next request.
    """

    actor: Actor
    store: Records
    now: datetime
    stale: Callable[[], None] = lambda: None
