"""The demo region: a fictional county, loaded once into a store that has no resident yet."""

from __future__ import annotations

from xinglin.base.crypto import Keys
from xinglin.base.settings import Settings


def ensure(settings: Settings, keys: Keys) -> None:
    pass
