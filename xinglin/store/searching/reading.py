"""What turning a term into SQL needs around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from asyncpg import Connection

from xinglin.fhir.search.match import Codes
from xinglin.fhir.search.model import Has, Term
from xinglin.store.ground import Ground
from xinglin.store.searching.condition import Arguments
from xinglin.store.searching.scope import Scope


class Collect(Protocol):
    """Finds the rows of a type for which a term holds."""

    async def __call__(self, type_: str, term: Term, limit: int) -> list[tuple[UUID, int]]:
        """(id, patient number) of each, at most `limit`."""
        ...


class Listed(Protocol):
    """Opens a stored List."""

    async def __call__(self, type_: str, list_id: str) -> list[str]:
        """The ids of `type_` it names."""
        ...


class Referred(Protocol):
    """Follows the references of `has.source`."""

    async def __call__(self, has: Has, type_: str, limit: int) -> list[str]:
        """The ids of `type_` they lead to; raises `TooCostly` beyond `limit`."""
        ...


@dataclass(frozen=True, slots=True)
class Reading:
    """What compiling a term needs: the ground, a connection for small look-ups, who may see what, the statement's arguments.

    `row`: the alias of the table's rows in the SQL being written.
    """

    ground: Ground
    connection: Connection
    scope: Scope
    arguments: Arguments
    collect: Collect
    referred: Referred
    listed: Listed
    codes: Codes | None = None
    row: str = "r"

    def token(self, text: str) -> int:
        """The hash of a token text."""
        return self.ground.hashes.of(text)
