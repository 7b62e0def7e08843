"""What each interaction leaves in the audit trail.

Rows of writes go with the write itself; the others are noted when the answer is known.
"""

from __future__ import annotations

from collections.abc import Callable

from xinglin.access.actor import Actor
from xinglin.doors.fhir_api.reply import Reply
from xinglin.store import AuditRow, Records

QUERY_CHARS_MAX = 4000
NOBODYS: tuple[tuple[int, ...], str | None] = ((), None)


class Pen:
    """Writes rows for one request or one entry of a bundle.

    `records`: what it reads through, for whose records were shown and on what ground; None until it is known, or where nothing is read.
    `written`: a write has taken its rows, nothing is left to note.
    """

    __slots__ = ("_actor", "_address", "_keep", "_query", "_request", "records", "written")

    def __init__(self, actor: Actor, address: str | None, request: str, keep: Callable[[AuditRow], None], query: str = "") -> None:
        self._actor, self._address, self._request, self._keep = actor, address, request, keep
        self._query = query
        self.records: Records | None = None
        self.written = False

    def of_entry(self, query: str) -> Pen:
        """A pen for one entry of the bundle."""
        return Pen(self._actor, self._address, self._request, self._keep, query)

    def row(self, interaction: str, type_: str, id_: str, status: int) -> AuditRow:
        """One row; empty texts become None. A query is kept as sent, cut at `QUERY_CHARS_MAX`."""
        query = self._query.replace("\x00", " ")[:QUERY_CHARS_MAX] if self._query else None
        who, where = (self._actor.id, self._actor.role), (self._address, self._request or None)
        shown = seen_through(self.records) if self.records is not None else NOBODYS
        return AuditRow(*who, interaction, type_[:64] or None, id_[:64] or None, query, status, *where, *shown)

    def note(self, interaction: str, type_: str, id_: str, status: int) -> None:
        """Keep a row, unless a write has taken it; raises `Unavailable` when the trail cannot be written."""
        if not self.written:
            self._keep(self.row(interaction, type_, id_, status))


def seen_through(records: Records) -> tuple[tuple[int, ...], str | None]:
    """(the numbers of the patients seen through records, on what grounds)."""
    if not records.seen:
        return NOBODYS
    patients = tuple(sorted(records.seen))
    if not records.scope.grounds:  # the same for all
        return patients, records.scope.ground or None
    return patients, ", ".join(sorted({ground for patient in patients if (ground := records.scope.ground_of(patient))})) or None


def made_id(reply: Reply) -> str:
    """The id of what an answer is about, from its location ("" when it has none)."""
    parts = reply.location.split("/")
    return parts[1] if len(parts) > 1 else ""
