"""Views of an application and of what it asks."""

from __future__ import annotations

from dataclasses import dataclass

from xinglin.access.oauth.model import Application, Grant
from xinglin.kit.i18n import Phrase


@dataclass(frozen=True, slots=True)
class Wish:
    """One kind of data an application asks for, in words: what, what it may do with it, and which part of it ("" = all)."""

    what: Phrase | str
    deeds: tuple[Phrase, ...]
    only: str = ""


@dataclass(frozen=True, slots=True)
class Allowed:
    """One application somebody gave access: the grant's id, the names, what it may see, since when, last used (ISO 8601, UTC)."""

    id: str
    name: str
    about: str
    wishes: tuple[Wish, ...]
    since: str
    used: str
    grant: Grant
    ends: Phrase


@dataclass(frozen=True, slots=True)
class Registered:
    """An application with its client id, when it was registered (ISO 8601, UTC), and how many grants it has."""

    id: str
    application: Application
    since: str
    grants: int | None = None
