"""What each interaction leaves in the audit trail.

Rows of writes go with the write itself; the others are noted when the answer is known.
"""

from __future__ import annotations

from collections.abc import Callable

from xinglin.access.actor import Actor
from xinglin.doors.fhir_api.reply import Reply
from xinglin.store import AuditRow

QUERY_CHARS_MAX = 4000


class Pen:
    """Writes rows for one request or one entry of a bundle. `written`: a write has taken its rows, nothing is left to note."""

    __slots__ = ("_actor", "_address", "_keep", "_query", "_request", "written")

    def __init__(self, actor: Actor, address: str | None, request: str, keep: Callable[[AuditRow], None], query: str = "") -> None:
        self._actor, self._address, self._request, self._keep = actor, address, request, keep
        self._query = query
        self.written = False

    def of_entry(self, query: str) -> Pen:
        """A pen for one entry of the bundle."""
        return Pen(self._actor, self._address, self._request, self._keep, query)

    def row(self, interaction: str, type_: str, id_: str, status: int) -> AuditRow:
        """One row; empty texts become None. A query is kept as sent, cut at `QUERY_CHARS_MAX`."""
        query = self._query.replace("\x00", " ")[:QUERY_CHARS_MAX] if self._query else None
        who, where = (self._actor.id, self._actor.role), (self._address, self._request or None)
        return AuditRow(*who, interaction, type_[:64] or None, id_[:64] or None, query, status, *where)

    def note(self, interaction: str, type_: str, id_: str, status: int) -> None:
        """Keep a row, unless a write has taken it; raises `Unavailable` when the trail cannot be written."""
        if not self.written:
            self._keep(self.row(interaction, type_, id_, status))


def made_id(reply: Reply) -> str:
    """The id of what an answer is about, from its location ("" when it has none)."""
    parts = reply.location.split("/")
    return parts[1] if len(parts) > 1 else ""
